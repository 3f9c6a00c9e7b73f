"""What single values of the file mean: names, times, sizes, words. Addresses: ingest/config/addresses.py."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BeforeValidator,
)
from pydantic_core import PydanticCustomError

from ingest.config.holidays import public_days
from ingest.config.wording import choose, flag, nearest, refuse, worded
from kernel.durations import parse_duration
from kernel.texts import Language
from routing.calendars import exceptional_days
from routing.distribute import Reason
from routing.hours import ALWAYS, parse_hours
from routing.policy import Strategy
from routing.rules import CONDITIONS
from routing.title import check_template
from routing.words import parse_word

DEFAULT_REGION: Final = "RU"
ROUTES: Final = ("console", "email", "telegram")
EXPLAINED: Final = ("disqualified", "lost", "declined", "converted")
TRIED_STATES: Final = ("assigned", "unprocessed")
NOTICES_CHANNEL: Final = "notices"
"""The channel that a bot of the notices' own becomes."""

_NAME: Final = re.compile(r"\w(?:[\w .@-]{0,62}[\w.])?")
_CHANNEL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TIME_OF_DAY: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_WEIGHT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_LIGHTEST: Final = 0.01
_HEAVIEST: Final = 100
_SIZE: Final = re.compile(r"([0-9]{1,12})\s*(B|KB|MB|GB)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
UTM: Final = re.compile(r"utm_\w+")
_LONGEST: Final = timedelta(days=3660)
SHORTEST_KEPT: Final = timedelta(days=7)


def text_of(value: object) -> str:
    """The one text that a value is."""
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
        length = parse_duration(text_of(value))
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
    if text_of(value) == "never":
        return None
    length = _duration(value)
    if length < SHORTEST_KEPT:
        raise refuse("is too short", "write at least 7d: what comes late belongs to what came before; or never")
    return length


def _size(value: object) -> int:
    found = _SIZE.fullmatch(text_of(value))
    if found is None:
        raise refuse("is not a size", "write 512KB, 10MB or 1GB")
    size = int(found[1]) * _UNITS[(found[2] or "").upper()]
    if not _UNITS["KB"] <= size <= _UNITS["GB"]:
        raise refuse("is out of range", "write between 1KB and 1GB")
    return size


def whole(lowest: int, highest: int, problem: str, remedy: str) -> BeforeValidator:
    """A whole number of this range; `problem` and `remedy` for anything else."""

    def check(value: object) -> int:
        text = text_of(value)
        number = int(text) if _DIGITS.fullmatch(text) else -1
        if not lowest <= number <= highest:
            raise refuse(problem, remedy)
        return number

    return BeforeValidator(check)


def _weight(value: object) -> float:
    text = text_of(value)
    weight = float(text) if _WEIGHT.fullmatch(text) else 0.0
    if not _LIGHTEST <= weight <= _HEAVIEST:
        raise refuse("is not a weight", "write a number from 0.01 to 100, such as 0.5; left out: 1")
    return weight


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
        return datetime.fromisoformat(text_of(value))
    except ValueError as error:
        raise refuse("is no moment", 'write "2026-11-28 23:10", in the company\'s zone') from error


def _answer(value: object) -> bool:
    return flag(text_of(value).lower(), "write true or false")


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


def listed(value: object) -> object:
    """One text where a list is expected is a list of one."""
    return [value] if isinstance(value, str) else value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise worded(ValueError(f"{value!r} is there twice; keep one"))
    return values


def _one_of(known: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in known:
            raise refuse("is not known here", choose(text, known))
        return text

    return AfterValidator(check)


def _condition(text: str) -> str:
    if text in CONDITIONS or UTM.fullmatch(text):
        return text
    raise PydanticCustomError("unknown_condition", "", {"remedy": choose(text, (*CONDITIONS, "utm_source"))})


def _time_of_day(value: object) -> object:
    """How long after midnight a time such as 09:00 is; None for false."""
    text = text_of(value)
    if text.lower() in {"false", "no", "off"}:
        return None
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 - a clock
        raise refuse("is no time of day", "write 09:00, or false")
    return timedelta(hours=int(found[1]), minutes=int(found[2]))


Text = Annotated[str, BeforeValidator(text_of)]
Name = Annotated[str, AfterValidator(_name)]
ChannelName = Annotated[str, AfterValidator(_channel_name)]
Names = Annotated[tuple[Text, ...], BeforeValidator(listed), AfterValidator(_unique)]
Words = Annotated[tuple[Annotated[Text, AfterValidator(_word)], ...], BeforeValidator(listed)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
KeptFor = Annotated[timedelta | None, BeforeValidator(_kept_for)]
Span = Annotated[Duration, AfterValidator(_positive)]
Size = Annotated[int, BeforeValidator(_size)]
Weight = Annotated[float, BeforeValidator(_weight)]
Count = Annotated[int, whole(1, 999_999_999, "is not a number of at least 1", "write 1 or more; left out: no limit")]
Flag = Annotated[bool, BeforeValidator(_answer)]
Spoken = Annotated[Language, BeforeValidator(text_of)]
Zone = Annotated[Text, AfterValidator(_zone)]
Hours = Annotated[Text, AfterValidator(_hours)]
Quiet = Annotated[Text, AfterValidator(_quiet)]
TimeOfDay = Annotated[timedelta | None, BeforeValidator(_time_of_day)]
LocalMoment = Annotated[datetime, BeforeValidator(_moment)]
Holidays = Annotated[Text, AfterValidator(_holidays)]
Exceptions = Annotated[
    tuple[Annotated[Text, AfterValidator(_exception)], ...], BeforeValidator(listed), AfterValidator(_exceptions)
]
Condition = Annotated[str, AfterValidator(_condition)]
Explained = Annotated[str, _one_of(EXPLAINED)]
StrategyName = Annotated[Strategy, BeforeValidator(text_of)]
TriedState = Annotated[Text, _one_of(TRIED_STATES)]
TriedReason = Annotated[Reason, BeforeValidator(text_of)]
RouteNames = Annotated[tuple[Annotated[Text, _one_of(ROUTES)], ...], BeforeValidator(listed), AfterValidator(_unique)]
RegionCode = Annotated[Text, AfterValidator(_region)]
TitleTemplate = Annotated[Text, AfterValidator(_title)]
