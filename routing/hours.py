"""Hours: when somebody works, by the wall clock of his zone; weekly, and on single dates otherwise.

Which dates those are is for `routing.calendars` to say.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kernel.facts import fact

_HOUR: Final = 60
DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * DAY
_DAYS: Final = {
    name: number
    for names in ("mon tue wed thu fri sat sun", "пн вт ср чт пт сб вс")
    for number, name in enumerate(names.split())
}
_EXAMPLE: Final = '"Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00", "09:00-18:00" for every day, or "always"'
_DASH: Final = re.compile(r"\s*[-–—]\s*")
_PIECE: Final = re.compile(r"[^\s,;]+|;")
_TIMES: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")

Range = tuple[int, int]
"""From a minute of a day to a later one, which may be the next day's."""

Week = tuple[tuple[Range, ...], ...]
"""The ranges that begin on Monday, on Tuesday and so on; in no order, and overlapping where they were written so."""


@fact
class Hours:
    """Weekly hours as `edges`: minutes since Monday 00:00 at which they open, close, open … in ascending order.

    `days` has the dates that go otherwise, in order, each with its own edges: minutes since its 00:00. What reaches into
    the date from the evening before is among them.

    Only what the wall clock shows counts. When clocks go forward, the times that they skip do not happen: hours that
    begin among them open at the jump, and hours that lie wholly among them are left out that day. When clocks go back,
    the repeated times count both times.
    """

    edges: tuple[int, ...]
    days: Mapping[date, tuple[int, ...]] = field(default_factory=dict, hash=False)

    def open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the clock on a wall in `zone` shows a time within the hours; the minute of closing is not."""
        local = moment.astimezone(zone)
        minute = local.hour * _HOUR + local.minute
        if self.days and (edges := self.days.get(local.date())) is not None:
            return bisect_right(edges, minute) % 2 == 1
        return bisect_right(self.edges, local.weekday() * DAY + minute) % 2 == 1

    def next_change(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant after `moment`, in UTC, at which `open_at` answers otherwise; None if it never does."""
        opened = self.open_at(moment, zone)
        at = self._step(moment.astimezone(UTC).replace(microsecond=0), zone)
        while at is not None and self.open_at(at, zone) == opened:
            at = self._step(at, zone)
        return at

    def left(self, moment: datetime, zone: ZoneInfo) -> timedelta | None:
        """How long they stay open from `moment` on, nothing where they are closed; None where they never close."""
        if not self.open_at(moment, zone):
            return timedelta(0)
        closes = self.next_change(moment, zone)
        return None if closes is None else closes - moment

    def _step(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """The next instant at which the answer may change: an edge or a jump of the clock, or else at most a day later.

        A zone tells its offset at an instant and not when it changes, so a jump is looked for, and one day at a time:
        clocks have gone forward and back within a week (Recife, October 2000). None where nothing changes any more.
        """
        local = at.astimezone(zone)
        if self.edges in ((), ALWAYS.edges):
            quiet = self._quiet_days(local.date())
            if quiet is None or quiet > 1:
                # Short of the date by a day: the clock may have been changed on the way.
                return None if quiet is None else at + timedelta(days=quiet - 1)
        seconds = min(self._to_edge(local) * 60 - local.second, DAY * 60)

        def jumped(later: int) -> bool:
            return (at + timedelta(seconds=later)).astimezone(zone).utcoffset() != local.utcoffset()

        if jumped(seconds):
            seconds = bisect_left(range(seconds), True, key=jumped)
        return at + timedelta(seconds=seconds)

    def _quiet_days(self, today: date) -> int | None:
        """How many days are the same before a date that goes otherwise, today included; None where all are."""
        return next(((day - today).days for day in self.days if day >= today), None)

    def _to_edge(self, local: datetime) -> int:
        """Minutes to the next edge; where single dates go otherwise, at most to midnight."""
        minute = local.hour * _HOUR + local.minute
        if not self.days:
            of_week = local.weekday() * DAY + minute
            place = bisect_right(self.edges, of_week)
            return (self.edges[place] if place < len(self.edges) else self.edges[0] + _WEEK) - of_week
        edges, minute_of = self.days.get(local.date()), minute
        if edges is None:
            edges, minute_of = self.edges, local.weekday() * DAY + minute
        place = bisect_right(edges, minute_of)
        return min(edges[place] - minute_of if place < len(edges) else DAY, DAY - minute)


ALWAYS: Final = Hours((0, _WEEK))


def parse_hours(text: str) -> Hours:
    """Read `Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00`, `22:00-06:00`, `24/7` or `always`.

    Days in English or Russian (`Пн-Пт`), lists and ranges of them; an end before its beginning is on the next day.
    Times are for every day where no day is named at all. Raises ValueError that says what is wrong and how hours look.
    """
    return weekly(parse_week(text))


def quiet_until(now: datetime, quiet: Hours, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours that hold at `now` by the clock of `zone` end, in UTC; None where none hold.

    Whoever holds something back until then asks again at that time: clocks and configurations change meanwhile.
    None where they never end, too: what is always quiet would hold back for good.
    """
    if not quiet.open_at(now, zone):
        return None
    return quiet.next_change(now, zone)


def weekly(week: Week) -> Hours:
    """Hours that are the same every week."""
    ranges = ((day * DAY + start, day * DAY + end) for day, begun in enumerate(week) for start, end in begun)
    return Hours(merged(part for start, end in ranges for part in ((start, min(end, _WEEK)), (0, end - _WEEK))))


def parse_week(text: str) -> Week:
    """What `parse_hours` reads, by the day on which a range begins."""
    plain = _DASH.sub("-", text.strip().lower())
    if plain in ("always", "24/7"):
        return (((0, DAY),),) * 7
    try:
        ranges = list(_ranges(plain))
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}; write {_EXAMPLE}") from None
    return tuple(tuple(span for day, span in ranges if day == number) for number in range(7))


def parse_times(text: str) -> Range:
    """`22:00-06:00` as minutes of its day, the end being the next day's. Raises ValueError that says what is wrong."""
    return _times(_DASH.sub("-", text.strip()))


def merged(parts: Iterable[Range]) -> tuple[int, ...]:
    """The edges of ranges in any order; those without length fall away."""
    edges: list[int] = []
    for start, end in sorted(part for part in parts if part[0] < part[1]):
        if edges and start <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += (start, end)
    return tuple(edges)


def _ranges(plain: str) -> Iterator[tuple[int, Range]]:
    """Every open range with the day, Monday being 0, on which it begins. Raises ValueError."""
    groups = list(_groups(plain))
    if not groups:
        raise ValueError("no hours")
    for days, ranges in groups:
        numbers = {number for day in days for number in _day_numbers(day)} or range(7)
        if not ranges:
            raise ValueError(f"no times for {' '.join(days)}")
        if not days and len(groups) > 1:
            raise ValueError(f"no day for {' '.join(ranges)}")
        spans = [_times(one) for one in ranges]
        yield from ((day, span) for day in numbers for span in spans)


def _groups(plain: str) -> Iterator[tuple[list[str], list[str]]]:
    """Days and the ranges that follow them. A semicolon or the next day after a range begins another group."""
    days: list[str] = []
    ranges: list[str] = []
    for piece in _PIECE.findall(plain):
        is_range = piece[0].isdigit()
        if (piece == ";" and (days or ranges)) or (ranges and not is_range):
            yield days, ranges
            days, ranges = [], []
        if piece != ";":
            (ranges if is_range else days).append(piece)
    if days or ranges:
        yield days, ranges


def _day_numbers(piece: str) -> list[int]:
    """The days of `mon` or `fri-mon`, Monday being 0."""
    first, _, last = piece.partition("-")
    for name in (first, last or first):
        if name not in _DAYS:
            raise ValueError(f"{name!r} is neither a day nor a time")
    start, end = _DAYS[first], _DAYS[last or first]
    return [day % 7 for day in range(start, end + 1 if start <= end else end + 8)]


def _times(piece: str) -> Range:
    """`22:00-06:00` as minutes since the beginning of its day."""
    found = _TIMES.fullmatch(piece)
    if found is None:
        raise ValueError(f"{piece!r} is no range of times")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start, end = hour * _HOUR + minute, end_hour * _HOUR + end_minute
    if max(minute, end_minute) >= _HOUR or start >= DAY or end > DAY:
        raise ValueError(f"{piece!r} is not within 00:00 and 24:00")
    if start == end:
        raise ValueError(f"{piece!r} has no length (a whole day is 00:00-24:00)")
    return start, end if start < end else end + DAY
