"""Who is who in a mail: which addresses are the company's own, which are machines', which mailbox it was sent to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from channels.mail.headers import Mailbox
from channels.mail.letter import Letter

# Everybody may have a mailbox there: who shares the domain with us is no colleague.
_PUBLIC_NAMES: Final = (
    "gmail.com googlemail.com yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua mail.ru inbox.ru list.ru bk.ru internet.ru "
    "xmail.ru rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru outlook.com hotmail.com live.com live.ru msn.com icloud.com "
    "me.com mac.com yahoo.com aol.com proton.me protonmail.com pm.me gmx.de gmx.net gmx.com web.de fastmail.com tut.by ukr.net "
    "i.ua meta.ua mail.kz vk.com mail.com zoho.com"
)
_PUBLIC: Final = frozenset(_PUBLIC_NAMES.split())
_END: Final = r"(?:[+=._\d-].*)?"
_DEAF: Final = re.compile(
    rf"(?:.*[+=._\d-])?(?:no[._-]?reply|do[._-]?not[._-]?reply){_END}|ne[._-]?otvecha(?:i|j|y|t)\w*|mailer[._-]?daemon{_END}|bounces?{_END}|"
    rf"postmaster|notif(?:y|ications?|ier)?{_END}|auto(?:reply|responder){_END}"
)
# From these, sites write in the name of whoever has filled in a form; somebody may have chosen such a name for himself.
_SITE: Final = re.compile(
    r"robot|bot|automat|wordpress|bitrix|www-data|apache|nginx|root|daemon|cron|system|mailer|forms?|webforms?|site|website|"
    r"zayavka|zayavki|tilda|submissions?|alerts?|web|admin|webmaster|shop|order|orders|zakaz"
)
_ADDRESSED: Final = (
    "x-original-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-delivered-to",
)
# Where lists (Google's groups, which companies share a mailbox by) note who wrote, once DMARC makes them write From anew.
_REWRITTEN: Final = ("x-original-from", "x-original-sender")


@dataclass(frozen=True, slots=True)
class Ours:
    """The company as far as its mailbox tells: `address` is the mailbox, empty where its user name is none."""

    address: str

    @property
    def domain(self) -> str:
        """The domain that is the company's alone, empty where it is everybody's or nobody knows."""
        domain = self.address.rpartition("@")[2]
        return "" if domain in _PUBLIC else domain

    def owns(self, address: str) -> bool:
        """Whether an address is the mailbox, its alias, or a colleague's."""
        local, _, domain = address.lower().rpartition("@")
        mine, _, our_domain = self.address.partition("@")
        if not domain or not our_domain:
            return False
        if self.domain:
            return domain == self.domain or domain.endswith(f".{self.domain}")
        return domain == our_domain and local.partition("+")[0] == mine


def ours(user: str | None) -> Ours:
    """The company behind the user of a mailbox."""
    return Ours((user or "").strip().lower() if user and user.count("@") == 1 else "")


def is_deaf(address: str) -> bool:
    """Whether nobody reads what is sent to this address."""
    return _DEAF.fullmatch(address.lower().rpartition("@")[0]) is not None


def is_machine(address: str) -> bool:
    """Whether a program may be writing from this address, in its own name or in another's."""
    return is_deaf(address) or _SITE.fullmatch(address.lower().rpartition("@")[0]) is not None


def is_public(domain: str) -> bool:
    """Whether everybody may have a mailbox at this domain."""
    return domain.lower() in _PUBLIC


def is_internal(letter: Letter, address: str, us: Ours) -> bool:
    """Whether a sender is one of ours, by the mailbox or, where its user name tells nothing, by whom he writes to."""
    if us.address:
        return us.owns(address)
    domain = address.lower().rpartition("@")[2]
    if not domain or domain in _PUBLIC:
        return False
    return any(box.address.lower().endswith(f"@{domain}") for box in letter.boxes("to"))


def addressee(letter: Letter, us: Ours) -> str | None:
    """The address of ours that was written to: as the sender wrote it, else as the mail server noted it, else the mailbox."""
    written = [box.address.lower() for box in letter.boxes("to", "cc") if box.address]
    noted = [box.address.lower() for name in _ADDRESSED for box in letter.boxes(name) if box.address]
    own = _first(address for address in (*written, *noted) if us.owns(address))
    return own or _first(noted) or us.address or _first(written)


def _first(addresses: Iterable[str]) -> str | None:
    return next(iter(addresses), None)


def sender(letter: Letter, us: Ours) -> Mailbox:
    """Who wrote it: From, unless that is a machine or one of ours and somebody else is named to be answered, or as the writer."""
    boxes = letter.boxes("from") or letter.boxes("sender", "return-path")
    written = next((box for box in boxes if box.address), boxes[0] if boxes else Mailbox("", ""))
    if written.address and not is_machine(written.address) and not is_internal(letter, written.address, us):
        return written
    for box in letter.boxes("reply-to", *_REWRITTEN):
        if box.address and not is_deaf(box.address) and not is_internal(letter, box.address, us):
            return Mailbox(box.name or _name_of(written, box), box.address)
    return written


def _name_of(written: Mailbox, answered: Mailbox) -> str:
    """The sender's name where a site sends in his name: `Anna via Example` is no name, but `Anna` is."""
    name = re.sub(r"\s+(?:via|через)\s.*$", "", written.name, flags=re.IGNORECASE)
    name = name.strip("'\" ")
    return name if name != written.name or answered.address.lower() == written.address.lower() else ""
