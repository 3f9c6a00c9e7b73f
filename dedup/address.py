"""Mail addresses as people write them, brought to one spelling per mailbox.

Owns the form of addresses and what providers promise about their mailboxes. Asks no name server: an address whose
domain does not exist today is still the same address tomorrow.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

import idna

from kernel.facts import fact

# An address has at most 254 octets (RFC 5321, 4.5.3.1.3, less the angle brackets), its local part 64; a display name,
# quoted and encoded, may be longer than the address.
_LONGEST_FIELD: Final = 1_000
_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64

# What the finder looks at: a sender's own address stands near the start or in the signature, what follows is quotation.
_LOOKED_AT: Final = 20_000

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_EDGES: Final = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u202a\u202c\u2066\u2069\ufeff"
_OPENING: Final = _EDGES + "\"'«“„‘([:,;"
_CLOSING: Final = _EDGES + "\"'»”“’)].,:;!?-"

_ANGLE: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>[\s.,;]*")
# A list, not a name: `a@x.ru, Boris <b@x.ru>`.
_LISTED: Final = re.compile(r"@[^,;]*[,;]")
# Dot-atom of RFC 5322, 3.2.3, with the letters of RFC 6531. Quoted local parts exist on paper only.
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
# Top-level names have letters only, or are xn-- names (RFC 3696, 2): `image001.png@01DA3F2B.5E6A7B80` is a picture.
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])")
# In a text, where words touch: local parts in ASCII only, and an ASCII domain ends where another script begins.
_IN_TEXT: Final = re.compile(
    r"(?<!\w)[A-Za-z0-9_][A-Za-z0-9_.+'=-]{0,200}@"
    r"(?:[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+|[\w-]{1,63}(?:\.[\w-]{1,63})+)"
)


@fact
class _Provider:
    """What a provider promises: what follows a plus is no part of the mailbox's name, and how it reads a dot.

    With `one_mailbox` the same name is the same mailbox on all of the domains, and the first stands for them.
    """

    domains: tuple[str, ...]
    one_mailbox: bool = False
    dot: str = "."


_PROVIDERS: Final = (
    # https://support.google.com/mail/answer/7436150 (dots), https://support.google.com/mail/answer/22370 (the rest)
    _Provider(("gmail.com", "googlemail.com"), one_mailbox=True, dot=""),
    # https://yandex.com/support/domain/additional/mailbox-alias.xml (domains), https://yandex.com/support/mail/reg.html
    # (plus); a login holds letters, digits, dots and hyphens, and a dot and a hyphen are the same in it
    _Provider(("yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua"), one_mailbox=True, dot="-"),
    # https://help.mail.ru/engmail-help/registration/namepass: names have no plus; dots and hyphens tell them apart
    _Provider(("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru")),
    # https://learn.microsoft.com/exchange/recipients-in-exchange-online/plus-addressing-in-exchange-online
    _Provider(("outlook.com", "hotmail.com", "live.com", "msn.com")),
    # https://www.fastmail.help/hc/en-us/articles/360060591053
    _Provider(("fastmail.com", "fastmail.fm")),
    # https://proton.me/support/addresses-and-aliases
    _Provider(("proton.me", "protonmail.com", "pm.me")),
    # https://support.apple.com/guide/icloud/mm6b1a490a/icloud: names of a mailbox and of its aliases have no plus
    _Provider(("icloud.com", "me.com", "mac.com")),
)
_PROVIDER_OF: Final = {domain: provider for provider in _PROVIDERS for domain in provider.domains}

# Where anybody can have a mailbox, beside the providers above: two addresses there have nothing in common.
_PUBLIC_TOO: Final = """
    rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru vk.com xmail.ru narod.ru tut.by ukr.net i.ua mail.kz yahoo.com
    ymail.com gmx.de gmx.net gmx.com web.de aol.com zoho.com mail.com hey.com tuta.com tutanota.com qq.com 163.com 126.com
    naver.com t-online.de orange.fr free.fr libero.it seznam.cz wp.pl o2.pl interia.pl
"""
_PUBLIC: Final = frozenset(_PUBLIC_TOO.split()) | frozenset(_PROVIDER_OF)

# Local parts under which no person reads. The first four are followed by whatever tells one bounce from another.
_TAIL: Final = r"(?:[+=._\d-].*)?"
_TAG: Final = r"(?:[+=].*)?"
_MACHINES: Final = (
    rf"no[._-]?reply{_TAIL}",
    rf"do[._-]?not[._-]?reply{_TAIL}",
    rf"mailer[._-]?daemon{_TAIL}",
    rf"bounces?{_TAIL}",
    rf"postmaster{_TAG}",
    rf"notifications?{_TAG}",
    rf"robot{_TAG}",
)
_MACHINE_MADE: Final = re.compile("|".join(_MACHINES))

# What people type to get past a required field: 1@1.ru, test@test.ru, net@mail.ru. At a public provider it may be a mailbox.
_TYPED_WORDS: Final = """
    test tests testtest qwerty qwertyu qwert qwe asd asdf asdfg asdfgh zxc zxcv no not net none null nil nomail noemail noname
    mail email nobody 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 321 qwe123 qwerty123
"""
_TYPED: Final = frozenset(_TYPED_WORDS.split())
_ONE_LETTER: Final = re.compile(r"(.)\1*")
_SHORTEST_RUN: Final = 3


@fact
class Address:
    """`value` is one spelling per mailbox, for comparing: lower case, an ASCII domain, the provider's rules applied.

    Mail goes to the address as its owner wrote it, never to `value`.
    """

    value: str
    domain: str


def parse_address(text: str) -> Address | None:
    """The one address that a field holds, alone, with a display name or as a mailto link; None where there is none."""
    if len(text) > _LONGEST_FIELD:
        return None
    written_local, _, written_domain = _bare(text).rpartition("@")
    local = unicodedata.normalize("NFC", written_local.lower())
    domain = _ascii_domain(written_domain)
    if domain is None or not _LOCAL.fullmatch(local) or len(local.encode()) > _LONGEST_LOCAL:
        return None
    if len(local.encode()) + 1 + len(domain) > _LONGEST:
        return None
    return _mailbox(local, domain)


def find_addresses(text: str) -> list[Address]:
    """The distinct addresses in free text, in their order. Looks at the first 20,000 characters."""
    if not may_hold_address(text):
        return []
    written = _IN_TEXT.findall(text[:_LOOKED_AT].translate(_FULL_WIDTH))
    return list(dict.fromkeys(filter(None, map(parse_address, written))))


def may_hold_address(text: str) -> bool:
    """Whether a text has the sign that every address has: the cheap question before the search."""
    return "@" in text or "\uff20" in text


def is_machine_made(address: Address) -> bool:
    """Whether the local part says that no person reads there: noreply, mailer-daemon, bounces and their like."""
    return _MACHINE_MADE.fullmatch(address.value.rpartition("@")[0]) is not None


def is_typed(value: str) -> bool:
    """Whether an address, by its `value`, is such as people type to get past a field: at a made-up domain or a provider."""
    local, _, domain = value.rpartition("@")
    host = domain.partition(".")[0] if domain.count(".") == 1 else ""
    is_run = _ONE_LETTER.fullmatch(local) is not None
    if is_run and host == local:
        return True
    is_made_up = local in _TYPED or (is_run and (local.isdecimal() or len(local) >= _SHORTEST_RUN))
    return is_made_up and (host == local or host in _TYPED or is_public(domain))


def is_public(domain: str) -> bool:
    """Whether a domain, in lower case and ASCII, belongs to a provider with whom anybody may have a mailbox."""
    return domain in _PUBLIC


def _bare(text: str) -> str:
    """The address without what is written round it: display name, brackets, quotation marks, `mailto:`, full stop."""
    narrow = text if text.isascii() else text.translate(_FULL_WIDTH)
    named = _ANGLE.fullmatch(narrow)
    if named is not None and not _LISTED.search(named["name"]):
        narrow = named["address"]
    bare = narrow.lstrip(_OPENING).rstrip(_CLOSING)
    return unquote(bare[7:].partition("?")[0]) if bare[:7].lower() == "mailto:" else bare


def _ascii_domain(written: str) -> str | None:
    """The domain in its one form for name servers (UTS 46, RFC 5891); None where there can be no such domain."""
    name = written.lower()
    if not written.isascii() or "xn--" in name:
        try:
            name = idna.encode(written, uts46=True).decode("ascii")
        except UnicodeError:
            return None
    return name if _DOMAIN.fullmatch(name) else None


def _mailbox(local: str, domain: str) -> Address:
    provider = _PROVIDER_OF.get(domain)
    if provider is None:
        return Address(f"{local}@{domain}", domain)
    name = (local.partition("+")[0] or local).replace(".", provider.dot)
    home = provider.domains[0] if provider.one_mailbox else domain
    return Address(f"{name}@{home}", home)
