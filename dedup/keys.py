"""Which of the things that a sender tells about himself identify him: keys, and why the rest are none.

Owns the rules by which a number, an address or a provider's id may join people. Knows nothing of the people.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from fnmatch import translate
from typing import Final, Literal, NamedTuple, get_args

from dedup.address import Address, find_addresses, is_machine_made, is_public, is_typed, may_hold_address, parse_address
from dedup.phone import Phone, find_phones, may_hold_phone, parse_phone
from kernel.facts import fact

Origin = Literal["field", "text", "provider"]

# Why something is no key. `unreadable`: nothing like a number or address in it; `impossible`: none that can exist;
# `too_many`: a list, not somebody's own; `several_in_text`: no telling which is the sender's; `not_needed`: the text
# was not searched, since the sender is known by more than his words; `own`: the company's, not its client's.
Code = Literal[
    "empty",
    "unreadable",
    "impossible",
    "short_number",
    "machine_made",
    "too_many",
    "shared",
    "several_in_text",
    "not_needed",
    "own",
]
CODES: Final[tuple[Code, ...]] = get_args(Code)

_EXTENSION: Final = ";ext="

# So many numbers or addresses of his own may one put into one field; a longer list would join all whom it names.
_MOST_IN_A_FIELD: Final = 5

# Extensions have up to six digits. A longer one may be a second number, divided from the first by a semicolon.
_LONGEST_EXTENSION: Final = 6

# Ids beyond this are no provider's, and no index takes them.
_LONGEST_ID: Final = 255
# What programs write for "no id".
_NO_ID: Final = frozenset({"", "0", "null", "none", "nil", "undefined", "nan"})

# What people type to get past a required field: eight equal digits at the end, or ten in the order of the keyboard.
# Seven would be too few: 912 000-00-00 is sold for its beauty, and 123-45-67 is somebody's number in every town.
_TRAILING: Final = 8
_TRAILING_REPEAT: Final = re.compile(rf"(\d)\1{{{_TRAILING - 1}}}", re.ASCII)
_RUNS: Final = ("0123456789" * 2, "9876543210" * 2)
_RUN: Final = 10


class Key(NamedTuple):
    """A normalised (kind, value) that identifies a sender. A tuple, since much looking up and sorting is done by it.

    `phone`: E.164, with `;ext=` (RFC 3966) where there is an extension, which makes it another key: two people behind
    one switchboard are two people. `email`: `Address.value`. Any other kind: a provider's user id, verbatim.
    """

    kind: str
    value: str

    @property
    def e164(self) -> str | None:
        """The number without its extension; None where the key is no number."""
        return self.value.partition(_EXTENSION)[0] if self.kind == "phone" else None

    @property
    def extension(self) -> str | None:
        """The extension of a number, None where there is none."""
        return self.value.partition(_EXTENSION)[2] or None if self.kind == "phone" else None


@fact
class KeyRules:
    """How a company reads keys. `region` (ISO 3166) is where a number without a country code is dialled from.

    `shared_emails` are patterns such as `info@*`, without regard to case; `shared_phones` are numbers in any spelling,
    each shared by itself and not with its extensions. `trials` are phones and addresses of trials, which are keys though they
    look made up. Raises ValueError for a shared phone that is no number.
    """

    region: str
    shared_emails: tuple[str, ...]
    shared_phones: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    _emails: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _phones: frozenset[str] = field(init=False, repr=False, compare=False)
    _trials: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = "|".join(translate(_canonical_pattern(pattern)) for pattern in self.shared_emails)
        numbers = frozenset(_shared_number(number, self.region) for number in self.shared_phones)
        object.__setattr__(self, "_emails", re.compile(patterns))
        object.__setattr__(self, "_phones", numbers)
        object.__setattr__(self, "_trials", frozenset(_trial(written, self.region) for written in self.trials))

    def lists(self, key: Key) -> bool:
        """Whether the company says of this key that several people use it."""
        if key.kind == "email":
            return self._emails.fullmatch(key.value) is not None
        return key.kind == "phone" and key.value in self._phones

    def is_trial(self, key: Key) -> bool:
        """Whether this is a number or an address of trials."""
        return key.value in self._trials


@fact
class Evidence:
    """A key that the sender gave. Only a `personal` one may join people; the others belong to a company or a line."""

    key: Key
    personal: bool
    origin: Origin


@fact
class Rejection:
    """Something of this kind that is no key, and why. It names no value, so it may be kept with the decision."""

    kind: str
    code: Code
    origin: Origin


@fact
class Identified:
    """What is known of who the sender is: distinct keys, phones first, then addresses, then the provider's ids."""

    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejection, ...]


Finding = Evidence | Rejection
_MADE_UP: Final = Rejection("email", "machine_made", "field")


def identify(
    phones: Sequence[str],
    emails: Sequence[str],
    identities: Sequence[tuple[str, str]],
    text: str,
    rules: KeyRules,
    vouched: Sequence[str] = (),
) -> Identified:
    """The keys in what a sender wrote into fields and, where those name nobody, in his text.

    `vouched` are phones of which a provider says that they are the sender's own. One number in the text, or failing any one
    address, is his. Of several none is: weak evidence never joins people. An address such as people type to get past a field
    is a key where nothing else says who it is: it may be a mailbox after all, but in a form it joins strangers.
    Never raises, whatever the texts are.
    """
    findings: list[Finding] = []
    for written in vouched:
        findings += _read("phone", written, "provider", rules)
    for written in phones:
        findings += _read("phone", written, "field", rules)
    for written in emails:
        findings += _read("email", written, "field", rules)
    for kind, written in identities:
        findings += _read(kind, written, "provider", rules)
    is_known = _is_known(findings, rules)
    if is_known:
        findings += _unread(text)
    else:
        findings += _in_text(text, rules)
        is_known = _is_known(findings, rules)
    return _sorted_out([_MADE_UP if _is_filler(found, rules, beside=is_known) else found for found in findings])


def normalise(kind: str, value: str, region: str, *, trial: bool = False) -> Key | None:
    """The one key that a value looked up means, in any spelling; None where it can be no key, or several.

    With `trial` a phone may look made up.
    """
    findings = _read(kind, value, "field", KeyRules(region, (), trials=(value,) if trial else ()))
    keys = {finding.key for finding in findings if isinstance(finding, Evidence)}
    return keys.pop() if len(keys) == 1 else None


def _read(kind: str, written: str, origin: Origin, rules: KeyRules) -> Sequence[Finding]:
    """What one field holds; a provider that vouches for a number has a spelling of its own, so that is read too."""
    if not written or written.isspace():
        return (Rejection(kind, "empty", origin),)
    if kind == "phone":
        return _read_phones(written, origin, rules)
    if kind == "email":
        return _read_addresses(written, origin, rules)
    return (_judge_id(kind, written, origin),)


def _read_phones(written: str, origin: Origin, rules: KeyRules) -> Sequence[Finding]:
    phones = _phones_in(written, rules.region)
    if not phones:
        return (Rejection("phone", "unreadable", origin),)
    if len(phones) > _MOST_IN_A_FIELD:
        return (Rejection("phone", "too_many", origin),)
    return [_judge_phone(phone, origin, rules) for phone in phones]


def _phones_in(written: str, region: str) -> Sequence[Phone]:
    """The numbers in a field: it as a whole where that is one number, else what can be found in it."""
    whole = parse_phone(written, region)
    if whole is not None and whole.valid and len(whole.extension or "") <= _LONGEST_EXTENSION:
        return (whole,)
    found = find_phones(written, region)
    if whole is None:
        return found
    if whole.valid and len(found) <= 1:
        return (whole,)
    return found or (whole,)


def _judge_phone(phone: Phone, origin: Origin, rules: KeyRules) -> Finding:
    if not phone.valid:
        return Rejection("phone", "short_number" if phone.shared else "impossible", origin)
    key = _phone_key(phone)
    if _is_machine_made(phone.e164) and not rules.is_trial(key):
        return Rejection("phone", "machine_made", origin)
    return Evidence(key, personal=not phone.shared and not rules.lists(key), origin=origin)


def _phone_key(phone: Phone) -> Key:
    return Key("phone", phone.e164 if phone.extension is None else f"{phone.e164}{_EXTENSION}{phone.extension}")


def _is_machine_made(e164: str) -> bool:
    last = e164[-_RUN:]
    return _TRAILING_REPEAT.fullmatch(e164[-_TRAILING:]) is not None or any(last in run for run in _RUNS)


def _read_addresses(written: str, origin: Origin, rules: KeyRules) -> Sequence[Finding]:
    whole = parse_address(written)
    addresses = [whole] if whole is not None else find_addresses(written)
    if not addresses:
        return (Rejection("email", "impossible" if may_hold_address(written) else "unreadable", origin),)
    if len(addresses) > _MOST_IN_A_FIELD:
        return (Rejection("email", "too_many", origin),)
    return [_judge_address(address, origin, rules) for address in addresses]


def _judge_address(address: Address, origin: Origin, rules: KeyRules) -> Finding:
    if is_machine_made(address):
        return Rejection("email", "machine_made", origin)
    key = Key("email", address.value)
    return Evidence(key, personal=not rules.lists(key), origin=origin)


def _judge_id(kind: str, written: str, origin: Origin) -> Finding:
    value = written.strip()
    if value.lower() in _NO_ID:
        return Rejection(kind, "empty", origin)
    if len(value) > _LONGEST_ID or not value.isprintable():
        return Rejection(kind, "impossible", origin)
    return Evidence(Key(kind, value), personal=True, origin=origin)


def _unread(text: str) -> Iterator[Finding]:
    """That the text was left alone, said only of a text that might hold something."""
    if may_hold_phone(text):
        yield Rejection("phone", "not_needed", "text")
    if may_hold_address(text):
        yield Rejection("email", "not_needed", "text")


def _in_text(text: str, rules: KeyRules) -> Iterator[Finding]:
    phones = [_judge_phone(phone, "text", rules) for phone in find_phones(text, rules.region)]
    yield from _sole("phone", phones)
    if not any(_is_personal(finding) for finding in phones):
        yield from _sole("email", [_judge_address(address, "text", rules) for address in find_addresses(text)])


def _sole(kind: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The one personal key among what was found in a text, and why the others are none."""
    own: list[Finding] = []
    for finding in findings:
        if isinstance(finding, Rejection):
            yield finding
        elif finding.personal:
            own.append(finding)
        else:
            yield Rejection(kind, "shared", "text")
    yield from own if len(own) <= 1 else (Rejection(kind, "several_in_text", "text"),)


def _is_known(findings: Iterable[Finding], rules: KeyRules) -> bool:
    """Whether something says who it is that is no filler."""
    return any(_is_personal(finding) and not _is_filler(finding, rules, beside=True) for finding in findings)


def _is_filler(finding: Finding, rules: KeyRules, *, beside: bool) -> bool:
    """Whether an address was typed to get past a field; at a provider of mailboxes only `beside` what says more."""
    if isinstance(finding, Rejection) or finding.key.kind != "email" or not is_typed(finding.key.value):
        return False
    may_be_mailbox = is_public(finding.key.value.rpartition("@")[2])
    return (beside or not may_be_mailbox) and not rules.is_trial(finding.key)


def _is_personal(finding: Finding) -> bool:
    return isinstance(finding, Evidence) and finding.personal


def _sorted_out(findings: Iterable[Finding]) -> Identified:
    """Each key and each reason once, where it came first."""
    evidence: dict[Key, Evidence] = {}
    rejected: dict[Rejection, None] = {}
    for finding in findings:
        if isinstance(finding, Evidence):
            evidence.setdefault(finding.key, finding)
        else:
            rejected.setdefault(finding)
    return Identified(tuple(evidence.values()), tuple(rejected))


def _canonical_pattern(pattern: str) -> str:
    """A pattern in the spelling of the keys it is compared with: `sales@ya.ru` means the mailbox at yandex.ru."""
    address = parse_address(pattern)
    return pattern.strip().lower() if address is None else address.value


def _shared_number(written: str, region: str) -> str:
    phone = parse_phone(written, region)
    if phone is None:
        raise ValueError(f"{written!r} is no telephone number; write it as +74951234567")
    return _phone_key(phone).value


def _trial(written: str, region: str) -> str:
    """A phone or an address in the spelling of keys; what is neither is no key's spelling either."""
    address, phone = parse_address(written), parse_phone(written, region)
    return address.value if address is not None else _phone_key(phone).value if phone is not None else written
