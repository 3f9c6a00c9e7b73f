"""Working time: the hours in which a team's clocks run, and how long a stretch of them takes by the calendar."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from routing.hours import Hours
from routing.policy import Manager

HORIZON: Final = timedelta(days=3660)
"""No deadline is looked for beyond ten years, the longest duration that can be written."""

_DAY: Final = timedelta(days=1)

Shift = tuple[Hours, ZoneInfo]
Span = tuple[datetime, datetime]


class WorkingTime:
    """The union of several people's hours, each by the clock of his own zone. It remembers the days that it has laid out."""

    __slots__ = ("_laid_out", "_shifts")

    def __init__(self, shifts: Iterable[Shift]) -> None:
        self._shifts = frozenset(shifts)
        self._laid_out: dict[date, tuple[Span, ...]] = {}

    def open_at(self, moment: datetime) -> bool:
        """Whether anybody works at `moment`."""
        return any(hours.open_at(moment, zone) for hours, zone in self._shifts)

    def next_open(self, moment: datetime) -> datetime | None:
        """`moment` in UTC where anybody works then, else when the next one begins; None within no ten years."""
        return next((opens for opens, _ in self._spans(moment)), None)

    def deadline(self, start: datetime, span: timedelta) -> datetime | None:
        """The first instant, in UTC, by which `span` of working time has passed since `start`.

        That is a closing time where the span ends with it. None where ten years are not enough, nobody ever working
        included.
        """
        if not span:
            return start.astimezone(UTC)
        for opens, closes in self._spans(start):
            if closes - opens >= span:
                return opens + span
            span -= closes - opens
        return None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time there is from `start` to `end`; none where `end` is the earlier."""
        total = timedelta(0)
        for opens, closes in self._spans(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def _spans(self, start: datetime) -> Iterator[Span]:
        """Open spans from `start` on, in order, cut at the midnights of UTC."""
        start = start.astimezone(UTC)
        at: datetime | None = start
        while at is not None and at - start < HORIZON:
            spans = self._day(at.date())
            yield from ((max(opens, at), closes) for opens, closes in spans if closes > at)
            at = _midnight(at.date()) + _DAY
            if not spans:
                at = self._next_open(at)

    def _next_open(self, at: datetime) -> datetime | None:
        """`at` or the first opening after it, however far away; None where nobody works again."""
        if self.open_at(at):
            return at
        changes = (hours.next_change(at, zone) for hours, zone in self._shifts)
        return min((change for change in changes if change is not None), default=None)

    def _day(self, day: date) -> tuple[Span, ...]:
        """The open spans of a day of UTC."""
        if day not in self._laid_out:
            begins = _midnight(day)
            spans = sorted(span for shift in self._shifts for span in _open_spans(*shift, begins, begins + _DAY))
            self._laid_out[day] = tuple(_merged(spans))
        return self._laid_out[day]


def working_time(members: Iterable[Manager]) -> WorkingTime:
    """The time in which any of these managers works. Teams of equal hours share one object."""
    return _of_shifts(frozenset((manager.hours, manager.zone) for manager in members))


@lru_cache(maxsize=256)
def _of_shifts(shifts: frozenset[Shift]) -> WorkingTime:
    return WorkingTime(shifts)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _open_spans(hours: Hours, zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[Span]:
    """When these hours are open between two instants."""
    opened, at = hours.open_at(begins, zone), begins
    while at < ends:
        change = min(hours.next_change(at, zone) or ends, ends)
        if opened:
            yield at, change
        opened, at = not opened, change


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order of their beginnings, as few as they can be."""
    last: Span | None = None
    for span in spans:
        if last is None or span[0] > last[1]:
            if last is not None:
                yield last
            last = span
        else:
            last = last[0], max(last[1], span[1])
    if last is not None:
        yield last
