"""What the keys of the file mean: names, types, defaults; every known key, also those that this version cannot serve.

A key marked `NotBuilt` is refused by saying so. Validators speak in `refuse(problem, remedy)`: `problem` follows the
value that was written ("is not a duration"), so no validator ever repeats a value that may be a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from os.path import abspath
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from rapidfuzz import fuzz, process, utils

from channels import adapter
from channels.adapter import ChannelConfig
from dedup.address import is_public
from ingest.config.holidays import public_days
from kernel.durations import parse_duration
from kernel.texts import Language
from routing.calendars import exceptional_days
from routing.distribute import Reason
from routing.hours import ALWAYS, parse_hours
from routing.policy import Strategy
from routing.rules import CONDITIONS
from routing.source import CLICK_IDS
from routing.title import check_template
from routing.words import parse_word

KNOWN_KINDS: Final = ("mail", "telegram", "telephony", "vk", "webform")
DEFAULT_REGION: Final = "RU"
ROUTES: Final = ("console", "email", "telegram")
KNOWN_ROUTES: Final = ("console", "email", "telegram")
TRIED_STATES: Final = ("assigned", "unprocessed")
NOTICES_CHANNEL: Final = "notices"
"""The channel that a bot of the notices' own becomes."""

_NAME: Final = re.compile(r"\w(?:[\w .@-]{0,62}[\w.])?")
_CHANNEL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_EMAIL: Final = re.compile(r"[^@\s<>,;:\"()]+@[^@\s<>,;:\"()._-][^@\s<>,;:\"()]*\.[^@\s<>,;:\"().]{2,}")
_SENDER: Final = re.compile(r"(?:(?P<name>[^<>\r\n]*)<(?P<inside>[^<>]*)>|(?P<bare>[^<>]*))")
HOST: Final = re.compile(r"[\w.:-]+")
_TIME_OF_DAY: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_CHAT: Final = re.compile(r"[0-9]{1,15}")
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_WEIGHT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_LIGHTEST: Final = 0.01
_HEAVIEST: Final = 100
_SIZE: Final = re.compile(r"([0-9]{1,12})\s*(B|KB|MB|GB)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_UTM: Final = re.compile(r"utm_\w+")
_LONGEST: Final = timedelta(days=3660)
SHORTEST_KEPT: Final = timedelta(days=7)
_LONGEST_ADDRESS: Final = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_NEAR: Final = 60


class Section(BaseModel):
    """A mapping of the file: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def refuse(problem: str, remedy: str) -> PydanticCustomError:
    """A value that is not accepted, in words that follow the value and a way out."""
    return PydanticCustomError("refused", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def not_built(*, value: bool = False) -> PydanticCustomError:
    """A key that the format has and this version cannot serve, or where `value` is set, a value of that kind."""
    return PydanticCustomError("not_built", "known but not built", {"value": value})


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The known word that `word` is most probably a misspelling of."""
    found = process.extractOne(word, known, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_NEAR)
    return found[0] if found else None


def choose(word: str, known: tuple[str, ...] | list[str]) -> str:
    """The remedy for a word that is none of `known`: the nearest one, else all of them while they fit a line."""
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {near}?"
    shown = sorted(known)[:12]
    more = ", …" if len(known) > len(shown) else ""
    return f"there is {', '.join(shown)}{more}" if shown else "there is none yet"


def _refuse_not_built(_: object) -> None:
    raise not_built()


NotBuilt = Annotated[None, BeforeValidator(_refuse_not_built)]
"""The mark of a key that is known and not built: whatever stands there is a fault that says so."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refuse("is not a single value", "write one text")
    return value.strip()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise refuse("is no name", "use up to 64 letters, digits, spaces and . _ - @")
    return text


def _channel_name(text: str) -> str:
    if not _CHANNEL_NAME.fullmatch(text):
        raise refuse(
            "is no channel name", "use a-z, 0-9, _ and -, starting with a letter or a digit: it becomes an address"
        )
    return text


def _duration(value: object) -> timedelta:
    try:
        length = parse_duration(_text(value))
    except ValueError as error:
        raise refuse("is not a duration", "write 30s, 5m, 2h or 3d") from error
    if length > _LONGEST:
        raise refuse("is longer than ten years", "write less")
    return length


def _positive(length: timedelta) -> timedelta:
    if not length:
        raise refuse("is no time at all", "write at least 1s")
    return length


def _kept_for(value: object) -> timedelta | None:
    if _text(value) == "never":
        return None
    length = _duration(value)
    if length < SHORTEST_KEPT:
        raise refuse("is too short", "write at least 7d: what comes late belongs to what came before; or never")
    return length


def _size(value: object) -> int:
    found = _SIZE.fullmatch(_text(value))
    if found is None:
        raise refuse("is not a size", "write 512KB, 10MB or 1GB")
    size = int(found[1]) * _UNITS[(found[2] or "").upper()]
    if not _UNITS["KB"] <= size <= _UNITS["GB"]:
        raise refuse("is out of range", "write between 1KB and 1GB")
    return size


def _whole(lowest: int, highest: int, problem: str, remedy: str) -> BeforeValidator:
    def check(value: object) -> int:
        text = _text(value)
        number = int(text) if _DIGITS.fullmatch(text) else -1
        if not lowest <= number <= highest:
            raise refuse(problem, remedy)
        return number

    return BeforeValidator(check)


def _weight(value: object) -> float:
    text = _text(value)
    weight = float(text) if _WEIGHT.fullmatch(text) else 0.0
    if not _LIGHTEST <= weight <= _HEAVIEST:
        raise refuse("is not a weight", "write a number from 0.01 to 100, such as 0.5; left out: 1")
    return weight


def _host(text: str) -> str:
    if not HOST.fullmatch(text) or "://" in text:
        raise refuse("is not a host", "write a name or an address alone, without scheme, port or path")
    return text


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(_text(value), strict=False)
    except ValueError as error:
        raise refuse("is not an address or a network", "write 127.0.0.1 or 10.0.0.0/8") from error


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or ".." in text or len(text) > _LONGEST_ADDRESS:
        raise refuse("is not an e-mail address", "write name@example.com")
    return text


def _chat(text: str) -> str:
    if not _CHAT.fullmatch(text):
        remedy = "write the number of the account, or leave it out and run: priyom managers invite NAME"
        raise refuse("is no Telegram id", remedy)
    return text


def _sender(text: str) -> str:
    found = _SENDER.fullmatch(text)
    if found is None:
        raise refuse("is not a sender", "write name@example.com or Name <name@example.com>")
    _email((found["inside"] or found["bare"] or "").strip())
    return text


def _public_url(text: str) -> str:
    remedy = "write https://leads.example.com, with a path where the proxy adds one"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refuse("is not an address of the web", remedy) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not HOST.fullmatch(parts.hostname) or port == 0:
        raise refuse("is not an address of the web", remedy)
    if parts.query or parts.fragment or parts.username is not None or re.search(r"\s", text):
        raise refuse("has more than scheme, host, port and path", remedy)
    return text.rstrip("/")


def _region(text: str) -> str:
    if text.upper() not in SUPPORTED_REGIONS:
        raise refuse("is no region", "write the two letters of ISO 3166, such as RU, KZ or BY")
    return text.upper()


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        near = nearest(text, sorted(available_timezones()))
        remedy = f"did you mean {near}?" if near else "write a name such as Europe/Moscow or Asia/Yekaterinburg"
        raise refuse("is no time zone", remedy) from error
    return text


def sentence(error: ValueError) -> tuple[str, str]:
    """Problem and remedy of another module's `problem; write …`."""
    text = str(error)
    problem, sign, remedy = text.partition("; write ")
    if sign:
        return problem, f"write {remedy}"
    problem, _, remedy = text.rpartition("; ")
    return problem or remedy, remedy if problem else ""


def worded(error: ValueError) -> PydanticCustomError:
    """A fault in the words of another module, which may repeat what was written."""
    problem, remedy = sentence(error)
    return PydanticCustomError("worded", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def _hours(text: str) -> str:
    try:
        parse_hours(text)
    except ValueError as error:
        raise worded(error) from error
    return text


def _quiet(text: str) -> str:
    if parse_hours(_hours(text)) == ALWAYS:
        raise refuse("is all the time", 'write "21:00-08:00", or leave it out')
    return text


def _holidays(text: str) -> str:
    country, dash, part = text.partition("-")
    name = f"{country.upper()}{dash}{part}"
    try:
        public_days(name)
    except ValueError as error:
        raise worded(error) from error
    return name


def _exception(text: str) -> str:
    try:
        exceptional_days([text])
    except ValueError as error:
        raise worded(error) from error
    return text


def _exceptions(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        exceptional_days(texts)
    except ValueError as error:
        raise worded(error) from error
    return texts


def _moment(value: object) -> datetime:
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError as error:
        raise refuse("is no moment", 'write "2026-11-28 23:10", in the company\'s zone') from error


def _answer(value: object) -> bool:
    return _flag(_text(value).lower(), "write true or false")


def _title(text: str) -> str:
    try:
        check_template(text)
    except ValueError as error:
        raise worded(error) from error
    return text


def _word(text: str) -> str:
    try:
        parse_word(text)
    except ValueError as error:
        raise worded(error) from error
    return text


def _listed(value: object) -> object:
    """One text where a list is expected is a list of one."""
    return [value] if isinstance(value, str) else value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise worded(ValueError(f"{value!r} is there twice; keep one"))
    return values


def _one_of(built: tuple[str, ...], known: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text in built:
            return text
        if text in known:
            raise not_built(value=True)
        raise refuse("is not known here", choose(text, built))

    return AfterValidator(check)


def _condition(text: str) -> str:
    if text in CONDITIONS or _UTM.fullmatch(text):
        return text
    raise PydanticCustomError("unknown_condition", "", {"remedy": choose(text, (*CONDITIONS, "utm_source"))})


def _shared_email(text: str) -> str:
    if text.count("@") != 1 or re.search(r"\s", text):
        raise refuse("is not a pattern of addresses", "write info@*, *@example.com or a whole address")
    return text


def _own_domain(text: str) -> str:
    domain = text.removeprefix("@").rstrip(".").lower()
    if not _EMAIL.fullmatch(f"anybody@{domain}"):
        raise refuse("is no domain", "write example.com")
    if is_public(domain):
        raise refuse("is where anybody has a mailbox", "remove it: nobody who writes from there would be a client")
    return domain


def _database(url: SecretStr, info: ValidationInfo) -> SecretStr:
    """A URL that needs no further knowledge: the path of a SQLite file becomes absolute."""
    text = url.get_secret_value().strip()
    if text.startswith("sqlite:"):
        path = text.removeprefix("sqlite:///")
        if path == text or not path.strip("/") or path.endswith("/") or path == ":memory:" or "?" in path:
            raise refuse("names no file for SQLite", "write sqlite:///var/priyom.db, or sqlite:////srv/priyom.db")
        base: Path = (info.context or {}).get("base", Path())
        return SecretStr(f"sqlite:///{abspath(base / path)}")  # noqa: PTH100 - `resolve` would follow links
    if not _is_postgresql(text):
        raise refuse(
            "is not a database address", "write sqlite:///var/priyom.db or postgresql://user:password@host/name"
        )
    return url


def _is_postgresql(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "postgresql" and text.startswith("postgresql://") and parts.port != 0
    except ValueError:
        return False


def _tls(value: object) -> object:
    text = _text(value).lower()
    if text == "starttls":
        return "starttls"
    return _flag(text, "write true (TLS from the first byte), starttls or false")


def _imap_tls(value: object) -> bool:
    text = _text(value).lower()
    if text == "starttls":
        raise refuse("is for SMTP only", "write true (TLS from the first byte) or false")
    return _flag(text, "write true (TLS from the first byte) or false")


def _flag(text: str, remedy: str) -> bool:
    if text in {"true", "yes", "on"}:
        return True
    if text in {"false", "no", "off"}:
        return False
    raise refuse("is neither true nor false", remedy)


def _time_of_day(value: object) -> object:
    """How long after midnight a time such as 09:00 is; None for false."""
    text = _text(value)
    if text.lower() in {"false", "no", "off"}:
        return None
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 - a clock
        raise refuse("is no time of day", "write 09:00, or false")
    return timedelta(hours=int(found[1]), minutes=int(found[2]))


def _sticky(value: object) -> object:
    if isinstance(value, str):
        return {} if _flag(value.strip().lower(), "write false, or {wait: 10m}") else None
    return value


def _channel(value: object, _: object, info: ValidationInfo) -> ChannelConfig:
    """The entry as its own kind's `Config`, so that a new kind changes nothing here. It may ask the context for `accounts`."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("dict_type", "not a mapping")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in adapter.kinds():
        raise PydanticCustomError("kind", "no such kind")
    config: type[ChannelConfig] = adapter.load(kind).Config
    accounts: Mapping[str, Account] = info.data.get("accounts", {})
    handed = {name: account.model_dump(exclude_none=True) for name, account in accounts.items()}
    return config.model_validate(value, context={**(info.context or {}), "accounts": handed})


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, AfterValidator(_name)]
ChannelName = Annotated[str, AfterValidator(_channel_name)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed), AfterValidator(_unique)]
Words = Annotated[tuple[Annotated[Text, AfterValidator(_word)], ...], BeforeValidator(_listed)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Span = Annotated[Duration, AfterValidator(_positive)]
KeptFor = Annotated[timedelta | None, BeforeValidator(_kept_for)]
Size = Annotated[int, BeforeValidator(_size)]
Weight = Annotated[float, BeforeValidator(_weight)]
Count = Annotated[int, _whole(1, 999_999_999, "is not a number of at least 1", "write 1 or more; left out: no limit")]
ListeningPort = Annotated[
    int, _whole(0, 65_535, "is not a port", "write a number from 1 to 65535, or 0 for any free one")
]
ServerPort = Annotated[int, _whole(1, 65_535, "is not a port", "write a number from 1 to 65535")]
Host = Annotated[Text, AfterValidator(_host)]
Flag = Annotated[bool, BeforeValidator(_answer)]
Spoken = Annotated[Language, BeforeValidator(_text)]
Email = Annotated[Text, AfterValidator(_email)]
Sender = Annotated[Text, AfterValidator(_sender)]
Chat = Annotated[Text, AfterValidator(_chat)]
Zone = Annotated[Text, AfterValidator(_zone)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Channel = Annotated[ChannelConfig, WrapValidator(_channel)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can speak to `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Http(Section):
    """Where the daemon listens, and what it is called from outside. `max_body` in bytes."""

    host: Host = "127.0.0.1"
    port: ListeningPort = 8080
    public_url: Annotated[Text, AfterValidator(_public_url)] | None = None
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = ()
    max_body: Size = 10 * 1024**2

    def address(self, port: int | None = None) -> str:
        """What links start with: `public_url`, else where the daemon listens; `port` where the system chose it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{port or self.port}"


class Api(Section):
    """The token of the HTTP API; None: made at first start and kept in the store."""

    token: SecretStr | None = None


class Storage(Section):
    """Where everything is kept; secret as a whole, since it may hold a password."""

    url: Annotated[SecretStr, AfterValidator(_database)] = Field(
        default=SecretStr("sqlite:///var/priyom.db"), validate_default=True
    )


class Redis(Section):
    """Wake-ups between processes."""

    url: NotBuilt = None


class Imap(Section):
    """A server to read mail from."""

    host: Host
    tls: Annotated[bool, BeforeValidator(_imap_tls)] = True
    port: ServerPort = Field(default_factory=lambda data: 993 if data.get("tls") else 143)


class Smtp(Section):
    """A server that sends mail. `tls`: True from the first byte, "starttls" required (not opportunistic), or False."""

    host: Host
    tls: Annotated[Literal["starttls"] | bool, BeforeValidator(_tls)] = True
    port: ServerPort = Field(default_factory=lambda data: {True: 465, "starttls": 587}.get(data.get("tls"), 25))


class Credentials(Section):
    """Who we are to a mail server: both or none."""

    user: Text | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _both(self) -> "Credentials":
        if (self.user is None) != (self.password is None):
            given, lacking = ("user", "password") if self.password is None else ("password", "user")
            raise refuse(f"has a {given} and no {lacking}", "give both, or neither (an empty ${…} counts as left out)")
        return self


class Account(Credentials):
    """A mail account, configured once and used by name."""

    imap: Imap | None = None
    smtp: Smtp | None = None

    @model_validator(mode="after")
    def _either(self) -> "Account":
        if self.imap is None and self.smtp is None:
            raise refuse("has neither imap nor smtp", "add the server that it is for")
        return self


class Calendar(Section):
    """Named working hours, in the wall time of whoever uses them."""

    hours: Annotated[Text, AfterValidator(_hours)]
    holidays: Annotated[Text, AfterValidator(_holidays)] | None = None
    except_: Annotated[
        tuple[Annotated[Text, AfterValidator(_exception)], ...],
        BeforeValidator(_listed),
        AfterValidator(_exceptions),
        Field(alias="except"),
    ] = ()


class Shared(Section):
    """Keys that belong to an organisation or a line and never join people. `over`: so many other keys are too many."""

    emails: Annotated[tuple[Annotated[Text, AfterValidator(_shared_email)], ...], BeforeValidator(_listed)] = ()
    phones: Names = ()
    over: Count | None = None


class Enquiry(Section):
    """When a message of a known person belongs to his last lead."""

    reopen_within: Duration = timedelta(days=14)
    new_after: Span = timedelta(days=30)


class Matching(Section):
    """Whom a message is from, and which enquiry it belongs to."""

    shared: Shared = Shared()
    enquiry: Enquiry = Enquiry()


class Own(Section):
    """The company's own domains and numbers: what comes from them is no client's."""

    domains: Annotated[tuple[Annotated[Text, AfterValidator(_own_domain)], ...], BeforeValidator(_listed)] = ()
    phones: Names = ()


class Test(Section):
    """Senders of trials: their leads are marked, take no turn and are closed at once."""

    phones: Names = ()
    emails: Annotated[tuple[Email, ...], BeforeValidator(_listed)] = ()


class Director(Section):
    """Who oversees all teams."""

    name: Text
    email: Email | None = None
    telegram: Chat | None = None
    language: Spoken | None = None


class Manager(Section):
    """Who gets leads. `capacity`: how many open leads he may own, None without limit; `hours`: a calendar or inline.

    `offers`: how many of them he may leave unanswered; `weight`: his share of the turns in a team that goes by weight.
    `extension`: his lines and numbers at the telephone exchange; `language`: what he is written to in.
    """

    name: Text
    email: Email | None = None
    capacity: Count | None = None
    hours: Text | None = None
    timezone: Zone | None = None
    telegram: Chat | None = None
    extension: Names = ()
    offers: Count | None = None
    weight: Weight = 1.0
    was: Text | None = None
    language: Spoken | None = None


class Sticky(Section):
    """A known client goes to his own manager, for whom he waits this long."""

    wait: Duration = timedelta(minutes=10)


class Step(Section):
    """A step of an escalation: who hears of a lead that nobody accepted in this time. `to`: `head`, a director or a manager."""

    after: Span
    to: Text


class Team(Section):
    """A rotation. `sticky` None: a known client goes to whoever's turn it is; `accept_within` None: a lead is given for good."""

    managers: Annotated[Names, Field(min_length=1)]
    strategy: Annotated[Strategy, BeforeValidator(_text)] = "round_robin"
    respond_within: Span | None = None
    sticky: Annotated[Sticky | None, BeforeValidator(_sticky)] = Sticky()
    head: Text | None = None
    accept_within: Span | None = None
    owner_away: Span | None = None
    escalate: tuple[Step, ...] = ()


When = Annotated[
    Mapping[Annotated[str, AfterValidator(_condition)], Annotated[Names, Field(min_length=1)]], Field(min_length=1)
]


class Rule(Section):
    """A line of the routing: all of `when` must hold, any value of a condition is enough."""

    when: When | None = None
    team: Text
    respond_within: Span | None = None


class Given(Section):
    """An approach to try the rules with. `campaign` has the `utm_*` and click ids that are written beside the others."""

    channel: Text
    at: Annotated[datetime, BeforeValidator(_moment)] | None = None
    to: Text | None = None
    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None
    city: Text | None = None
    company: Text | None = None
    subject: Text | None = None
    text: Text = ""
    language: Text | None = None
    page: Text | None = None
    referrer: Text | None = None
    known: Flag = False
    owner: Text | None = None
    campaign: Mapping[str, Text] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _marks(cls, written: object) -> object:
        if not isinstance(written, Mapping):
            return written
        marks = {key: value for key, value in written.items() if _UTM.fullmatch(key) or key in CLICK_IDS}
        rest = {key: value for key, value in written.items() if key not in marks}
        return {**rest, "campaign": marks} if marks and "campaign" not in rest else rest


class Expected(Section):
    """What must come of it; what is left out may be anything. `rule` counts from 1, as `priyom explain` does."""

    team: Text | None = None
    rule: Count | None = None
    source: Text | None = None
    state: Annotated[Text, _one_of(TRIED_STATES, TRIED_STATES)] | None = None
    reason: Annotated[Reason, BeforeValidator(_text)] | None = None
    owner: Text | None = None
    respond_within: Span | None = None

    @model_validator(mode="after")
    def _something(self) -> "Expected":
        if not self.model_fields_set:
            raise refuse("expects nothing", "write {team: NAME}")
        return self


class RoutingTest(Section):
    """One trial of the rules and the managers' hours."""

    name: Text | None = None
    given: Given
    expect: Expected


class NoticeEmail(Credentials):
    """How notices leave by mail: a server of an account, or one of its own."""

    account: Text | None = None
    smtp: Smtp | None = None
    sender: Sender | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one_server(self) -> "NoticeEmail":
        if (self.account is None) == (self.smtp is None):
            raise refuse("needs either an account or an smtp", "write account: NAME, or smtp: {host: …}")
        if self.account is not None and self.user is not None:
            raise refuse("has an account and a user of its own", "remove user and password: the account has them")
        return self


class NoticeTelegram(Section):
    """How notices leave by Telegram: as the bot of a channel, or as one of their own, which is polled for buttons only."""

    _own: ChannelConfig | None = PrivateAttr(default=None)
    channel: Text | None = None
    token: SecretStr | None = None
    proxy: SecretStr | None = None
    api_base: Text | None = None

    @model_validator(mode="after")
    def _one_bot(self) -> "NoticeTelegram":
        if (self.channel is None) == (self.token is None):
            raise refuse("needs either a channel or a token", "write channel: NAME, or token: ${TG_TOKEN}")
        if self.token is not None:
            self._own = self._as_channel()
        elif self.proxy is not None or self.api_base is not None:
            raise refuse("has a channel, which has its own way to Telegram", "remove proxy and api_base")
        return self

    def _as_channel(self) -> ChannelConfig:
        """The bot of its own as an entry under `channels`, whose kind says what is wrong with it."""
        config: type[ChannelConfig] = adapter.load("telegram").Config
        try:
            return config.model_validate(self.model_dump(exclude={"channel"}) | {"kind": "telegram", "clients": False})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            said = first.get("ctx", {})
            raise refuse(f"{first['loc'][0]} {said['problem']}", said["remedy"]) from None

    @property
    def own(self) -> ChannelConfig | None:
        """The channel that a bot of the notices' own is."""
        return self._own


class Notices(Section):
    """How managers are told. `order` empty: every route that there is."""

    order: Annotated[
        tuple[Annotated[Text, _one_of(ROUTES, KNOWN_ROUTES)], ...], BeforeValidator(_listed), AfterValidator(_unique)
    ] = ()
    email: NoticeEmail | None = None
    telegram: NoticeTelegram | None = None
    quiet: Annotated[Text, AfterValidator(_quiet)] | None = None
    summary: Annotated[timedelta | None, BeforeValidator(_time_of_day)] = timedelta(hours=9)


class Retention(Section):
    """For how long what need not be kept for ever is kept; None: for ever."""

    bodies: KeptFor = None
    notices: KeptFor = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class MailRoute:
    """Everything that sending a notice by mail needs."""

    smtp: Smtp
    user: str | None
    password: SecretStr | None
    sender: str


class Config(Section):
    """The whole file. Sections that were not asked for have their defaults."""

    _base: Path = PrivateAttr(default=Path())
    _file: str = PrivateAttr(default="")
    _test_lines: tuple[int, ...] = PrivateAttr(default=())
    language: Spoken = "ru"
    region: Annotated[Text, AfterValidator(_region)] = DEFAULT_REGION
    timezone: Zone = "Europe/Moscow"
    http: Http = Http()
    api: Api = Api()
    storage: Storage = Field(default_factory=Storage)
    redis: Redis = Redis()
    accounts: Mapping[Name, Account] = Field(default_factory=dict)
    calendars: Mapping[Name, Calendar] = Field(default_factory=dict)
    hours: Text | None = None
    channels: Mapping[ChannelName, Channel] = Field(default_factory=dict)
    own: Own = Own()
    test: Test = Test()
    matching: Matching = Matching()
    title: Annotated[Text, AfterValidator(_title)] = "{city} – {name} – {topic}"
    topics: Mapping[Text, Words] = Field(default_factory=dict)
    reasons: Mapping[Name, Names] = Field(default_factory=dict)
    directors: Mapping[Name, Director] = Field(default_factory=dict)
    managers: Mapping[Name, Manager] = Field(default_factory=dict)
    teams: Mapping[Name, Team] = Field(default_factory=dict)
    routing: tuple[Rule, ...] = ()
    routing_tests: tuple[RoutingTest, ...] = ()
    notices: Notices = Notices()
    retention: Retention = Retention()

    def model_post_init(self, context: Any, /) -> None:
        """Keep what `load` hands in of the file itself: no key of it can say that."""
        handed = context or {}
        self._base = handed.get("base", Path())
        self._file = handed.get("file", "")
        self._test_lines = handed.get("test_lines", ())
        own = self.notices.telegram.own if self.notices.telegram else None
        if own is not None:
            object.__setattr__(self, "channels", {**self.channels, NOTICES_CHANNEL: own})

    @property
    def base(self) -> Path:
        """The folder of the file: where relative paths start."""
        return self._base

    def place_of_test(self, index: int) -> tuple[str, int]:
        """The file and the line of a routing test, as far as they are known."""
        return self._file, self._test_lines[index] if index < len(self._test_lines) else 1

    def titles(self) -> dict[str, str]:
        """What directors and managers are called by people."""
        managers = {name: person.name for name, person in self.managers.items()}
        return {name: person.name for name, person in self.directors.items()} | managers

    def telegram_channel(self) -> str | None:
        """The channel whose bot tells managers, None where none does."""
        telegram = self.notices.telegram
        return None if telegram is None else telegram.channel or NOTICES_CHANNEL

    def mail_route(self) -> MailRoute | None:
        """How notices leave by mail, None where they do not."""
        email = self.notices.email
        if email is None:
            return None
        account = self.accounts[email.account] if email.account else None
        smtp = account.smtp if account else email.smtp
        holder: Credentials = account or email
        sender = email.sender or holder.user
        if smtp is None or sender is None:
            return None
        return MailRoute(smtp, holder.user, holder.password, sender)
