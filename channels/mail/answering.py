"""Whether a machine may answer a mail, and whom: what RFC 3834 asks of whoever answers by himself, and somewhat more.

The filters have told automatic mail from clients' before; here a mail is a client's, and the question is whether an answer that
no person has read could do harm: begin a loop, reach somebody who never wrote, or tell a spammer that we are there. In doubt
there is none: a person answers anyway.
"""

import re
from collections.abc import Collection
from typing import Final

from channels.mail import filters, parties
from channels.mail.headers import mailboxes
from channels.mail.letter import Letter
from channels.mail.parties import Ours
from channels.message import Answerable
from kernel.automatic import OWN_HEADER

_LISTS: Final = (
    "list-id",
    "list-post",
    "list-help",
    "list-owner",
    "list-archive",
    "list-subscribe",
    "list-unsubscribe",
    "mailing-list",
)
_SUPPRESSED: Final = frozenset({"all", "autoreply", "oof"})
_DEAF_TO: Final = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_SPAM: Final = ("x-spam-flag", "x-spam")
_FORGED: Final = re.compile(r"\bdmarc\s*=\s*fail\b", re.IGNORECASE)
# RFC 2142 and habit: who runs a list, or a machine.
_LIST_OFFICER: Final = re.compile(
    r"owner-.*|.*-(?:owner|request|bounces?|admin|errors)|majordomo|listserv", re.IGNORECASE
)
# Whoever passes mail on puts his own address into the envelope: SRS, and what Gmail does.
_PASSED_ON: Final = re.compile(r"srs[01]?[=+-].*|.*\+caf_=.*", re.IGNORECASE)


def answerable(letter: Letter, us: Ours, aliases: Collection[str] = ()) -> Answerable:
    """Whom a machine may answer, or why nobody, by the first code that holds.

    `aliases` are further addresses, in lower case, under which the mailbox is written to.
    """
    senders = {box.address.lower() for box in letter.boxes("from") if box.address}
    if len(senders) != 1:
        return Answerable(None, "no_sender" if not senders else "several_senders")
    (address,) = senders
    code = (
        _automatic(letter)
        or not_trusted(letter)
        or _wrong_envelope(letter, address)
        or _nobody_there(letter, address, us)
    )
    if code is None and not _written_to_us(letter, us, aliases):
        code = "not_addressed"
    return Answerable(None, code) if code else Answerable(address, None)


def _automatic(letter: Letter) -> str | None:
    """What a program sent, or where the sender's own program asks for silence."""
    submitted = letter.get("auto-submitted").lower()
    if letter.has(OWN_HEADER.lower(), "x-loop") or (submitted and not submitted.startswith("no")):
        return "automatic"
    if letter.get("precedence").lower() in _DEAF_TO:
        return "automatic"
    if letter.has(*_LISTS):
        return "list"
    asked = {word.strip().lower() for word in letter.get("x-auto-response-suppress").split(",")}
    if asked & _SUPPRESSED:
        return "suppressed"
    return "answers_automatic" if filters.answers_automatic(letter) else None


def not_trusted(letter: Letter) -> str | None:
    """What our own mail server says against it. Whoever forges this gets no answer, and that is all."""
    if (
        any(letter.get(name).lower().startswith("yes") for name in _SPAM)
        or letter.get("x-spam-status").lower()[:3] == "yes"
    ):
        return "spam"
    verdicts = (value for name, value in letter.headers if name == "authentication-results")
    return "forged" if any(map(_FORGED.search, verdicts)) else None


def _wrong_envelope(letter: Letter, address: str) -> str | None:
    """An answer goes where the mail came from, and nowhere else that it names."""
    # The first is our own server's; what stands below may be anybody's.
    noted = letter.raw("return-path")
    if noted.strip():
        back = [box.address.lower() for box in mailboxes(noted) if box.address]
        if not back:
            return "null_return_path"
        if not _agrees(back[0], address):
            return "return_path"
    named = {box.address.lower() for box in letter.boxes("reply-to") if box.address}
    return "reply_to" if named - {address} else None


def _agrees(returned: str, address: str) -> bool:
    """Whether the envelope's sender is of the same domain as the writer, above it or below."""
    local, _, domain = returned.rpartition("@")
    written = address.rpartition("@")[2]
    near = domain == written or domain.endswith(f".{written}") or written.endswith(f".{domain}")
    return (near and not parties.is_deaf(returned)) or _PASSED_ON.fullmatch(local) is not None


def _nobody_there(letter: Letter, address: str, us: Ours) -> str | None:
    if parties.is_machine(address) or _LIST_OFFICER.fullmatch(address.rpartition("@")[0]) or _is_numbered(address):
        return "machine"
    return "own" if parties.is_internal(letter, address, us) else None


def _is_numbered(address: str) -> bool:
    """Whether it is one of many addresses of a program, of which each mail may have another: no limit per address would hold."""
    local, _, domain = address.rpartition("@")
    return "=" in local or ("+" in local and not parties.is_public(domain))


def _written_to_us(letter: Letter, us: Ours, aliases: Collection[str]) -> bool:
    """Whether it names us among its readers (RFC 3834, section 2): in spam and in blind copies, it does not."""
    if not us.address:
        return True
    readers = (box.address.lower() for box in letter.boxes("to", "cc") if box.address)
    return any(us.owns(one) or one in aliases for one in readers)
