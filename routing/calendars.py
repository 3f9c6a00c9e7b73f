"""Calendars: weekly hours with dates that go otherwise, which are holidays, days worked instead, and the company's own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, timedelta
from typing import Final

from kernel.facts import fact
from routing.hours import DAY, Hours, Range, Week, merged, parse_times, parse_week, weekly

_MONDAY: Final = date(2026, 1, 5)
_ONE_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 366
_CLOSED: Final = frozenset({"closed", "выходной"})
_DATES: Final = re.compile(r"(20\d{2}-\d{2}-\d{2})(?:\.\.(20\d{2}-\d{2}-\d{2}))?")
_EXAMPLE: Final = '"2026-12-30 09:00-15:00", "2026-12-31 closed" or "2027-01-09..2027-01-11 closed"'

Days = dict[date, tuple[Range, ...]]


@fact
class PublicDays:
    """What a country says of its days: `holidays`, and weekend days `worked`, with the day of the week they stand for."""

    holidays: frozenset[date] = frozenset()
    worked: Mapping[date, int] = field(default_factory=dict)


def calendar_hours(hours: str, public: PublicDays, exceptions: Iterable[str]) -> Hours:
    """Weekly hours, closed on holidays, with exceptions that replace whole days, holidays too.

    A range belongs to the day on which it begins: a night shift that began before a holiday ends as it always does.
    Raises ValueError for hours and exceptions that cannot be read, and for a date that has two exceptions.
    """
    week = parse_week(hours)
    days: Days = dict.fromkeys(public.holidays, ())
    days |= {day: week[weekday] for day, weekday in public.worked.items()}
    return Hours(weekly(week).edges, _otherwise(week, days | exceptional_days(exceptions)))


def exceptional_days(exceptions: Iterable[str]) -> Days:
    """The dates that exceptions name, each with the ranges that begin on it. Raises ValueError as `calendar_hours`."""
    days: Days = {}
    for text in exceptions:
        dates, ranges = _parse_exception(text)
        for day in dates:
            if day in days:
                raise ValueError(f"{day.isoformat()} has two exceptions; write one, with all its hours")
            days[day] = ranges
    return days


def _parse_exception(text: str) -> tuple[list[date], tuple[Range, ...]]:
    """`2026-12-30 09:00-13:00 14:00-15:00`, `2026-12-31 closed`, or either for `FROM..TO`."""
    dates, _, said = text.strip().partition(" ")
    try:
        return _dates(dates), _times(said.replace(",", " ").split())
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}; write {_EXAMPLE}") from None


def _times(words: list[str]) -> tuple[Range, ...]:
    if not words:
        raise ValueError("no times, and not closed either")
    return () if len(words) == 1 and words[0].casefold() in _CLOSED else tuple(map(parse_times, words))


def _dates(text: str) -> list[date]:
    found = _DATES.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no date")
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError:
        raise ValueError(f"{text!r} is not in any calendar") from None
    length = (last - first).days + 1
    if not 0 < length <= _MOST_DAYS:
        raise ValueError(f"{text!r} is not up to a year, from the earlier date to the later")
    return [first + _ONE_DAY * number for number in range(length)]


def _otherwise(week: Week, days: Days) -> dict[date, tuple[int, ...]]:
    """The dates whose edges differ from their weekday's: a day on `days`, or the one after it, into which it reaches."""
    usual = [_edges(week, {}, _MONDAY + _ONE_DAY * weekday) for weekday in range(7)]
    touched = {day + _ONE_DAY * after for day in days for after in (0, 1)}
    edges = {day: _edges(week, days, day) for day in touched}
    return {day: edges[day] for day in sorted(edges) if edges[day] != usual[day.weekday()]}


def _edges(week: Week, days: Days, day: date) -> tuple[int, ...]:
    """When this date opens and closes, with what reaches into it from the evening before."""

    def begun(on: date) -> tuple[Range, ...]:
        return days[on] if on in days else week[on.weekday()]

    today = ((start, min(end, DAY)) for start, end in begun(day))
    return merged([*today, *((0, end - DAY) for _, end in begun(day - _ONE_DAY))])
