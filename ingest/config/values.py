"""What single values of the file mean: names, times, addresses, sizes, and what is wrong with those that are none.

Validators speak in `refuse(problem, remedy)`: `problem` follows the value that was written ("is not a duration"), so no
validator ever repeats a value that may be a secret.
"""

import re
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from os.path import abspath
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError
from rapidfuzz import fuzz, process, utils

from dedup.address import is_public
from ingest.config.holidays import public_days
from kernel.durations import parse_duration
from kernel.texts import Language
from routing.calendars import exceptional_days
from routing.distribute import Reason
from routing.hours import ALWAYS, parse_hours
from routing.policy import Strategy
from routing.rules import CONDITIONS
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
_DATABASE: Final = re.compile(r"/?|/[0-9]{1,5}")
_CHAT: Final = re.compile(r"[0-9]{1,15}")
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_WEIGHT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_LIGHTEST: Final = 0.01
_HEAVIEST: Final = 100
_SIZE: Final = re.compile(r"([0-9]{1,12})\s*(B|KB|MB|GB)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
UTM: Final = re.compile(r"utm_\w+")
_LONGEST: Final = timedelta(days=3660)
SHORTEST_KEPT: Final = timedelta(days=7)
_LONGEST_ADDRESS: Final = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_NEAR: Final = 60


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
    return flag(_text(value).lower(), "write true or false")


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
    if text in CONDITIONS or UTM.fullmatch(text):
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


def _redis(url: SecretStr) -> SecretStr:
    text = url.get_secret_value().strip()
    if not _is_redis(text):
        raise refuse(
            "is no address of Redis", "write redis://host:6379, or rediss://user:password@host:6379/0 with TLS"
        )
    return SecretStr(text)


def _is_redis(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
    authority = parts.scheme == "rediss" and re.fullmatch(r"ssl_ca_certs=[^&=]+", parts.query)
    return bool(known and _DATABASE.fullmatch(parts.path) and (authority or not parts.query))


def _tls(value: object) -> object:
    text = _text(value).lower()
    if text == "starttls":
        return "starttls"
    return flag(text, "write true (TLS from the first byte), starttls or false")


def _imap_tls(value: object) -> bool:
    text = _text(value).lower()
    if text == "starttls":
        raise refuse("is for SMTP only", "write true (TLS from the first byte) or false")
    return flag(text, "write true (TLS from the first byte) or false")


def flag(text: str, remedy: str) -> bool:
    """What yes or no in YAML's several spellings means; `remedy` is what to write instead of anything else."""
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


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, AfterValidator(_name)]
ChannelName = Annotated[str, AfterValidator(_channel_name)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed), AfterValidator(_unique)]
Words = Annotated[tuple[Annotated[Text, AfterValidator(_word)], ...], BeforeValidator(_listed)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
KeptFor = Annotated[timedelta | None, BeforeValidator(_kept_for)]
Span = Annotated[Duration, AfterValidator(_positive)]
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
PublicUrl = Annotated[Text, AfterValidator(_public_url)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_listed)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
ImapTls = Annotated[bool, BeforeValidator(_imap_tls)]
SmtpTls = Annotated[Literal["starttls"] | bool, BeforeValidator(_tls)]
Hours = Annotated[Text, AfterValidator(_hours)]
Quiet = Annotated[Text, AfterValidator(_quiet)]
TimeOfDay = Annotated[timedelta | None, BeforeValidator(_time_of_day)]
LocalMoment = Annotated[datetime, BeforeValidator(_moment)]
Holidays = Annotated[Text, AfterValidator(_holidays)]
Exceptions = Annotated[
    tuple[Annotated[Text, AfterValidator(_exception)], ...], BeforeValidator(_listed), AfterValidator(_exceptions)
]
Emails = Annotated[tuple[Email, ...], BeforeValidator(_listed)]
SharedEmails = Annotated[tuple[Annotated[Text, AfterValidator(_shared_email)], ...], BeforeValidator(_listed)]
OwnDomains = Annotated[tuple[Annotated[Text, AfterValidator(_own_domain)], ...], BeforeValidator(_listed)]
Condition = Annotated[str, AfterValidator(_condition)]
StrategyName = Annotated[Strategy, BeforeValidator(_text)]
TriedState = Annotated[Text, _one_of(TRIED_STATES, TRIED_STATES)]
TriedReason = Annotated[Reason, BeforeValidator(_text)]
RouteNames = Annotated[
    tuple[Annotated[Text, _one_of(ROUTES, KNOWN_ROUTES)], ...], BeforeValidator(_listed), AfterValidator(_unique)
]
RegionCode = Annotated[Text, AfterValidator(_region)]
TitleTemplate = Annotated[Text, AfterValidator(_title)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can speak to `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
