"""Plain weekly hours: when somebody works, by the wall clock of his zone. Knows nothing of holidays."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_DAYS: Final = {
    name: number
    for names in ("mon tue wed thu fri sat sun", "пн вт ср чт пт сб вс")
    for number, name in enumerate(names.split())
}
_EXAMPLE: Final = '"Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00", "09:00-18:00" for every day, or "always"'
_DASH: Final = re.compile(r"\s*[-–—]\s*")
_PIECE: Final = re.compile(r"[^\s,;]+|;")
_TIMES: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")

_Minutes = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours as `edges`: minutes since Monday 00:00 at which they open, close, open … in ascending order.

    Only what the wall clock shows counts. When clocks go forward, the times that they skip do not happen: hours that
    begin among them open at the jump, and hours that lie wholly among them are left out that day. When clocks go back,
    the repeated times count both times.
    """

    edges: tuple[int, ...]

    def open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the clock on a wall in `zone` shows a time within the hours; the minute of closing is not."""
        local = moment.astimezone(zone)
        return bisect_right(self.edges, local.weekday() * _DAY + local.hour * _HOUR + local.minute) % 2 == 1

    def next_change(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant after `moment`, in UTC, at which `open_at` answers otherwise; None if it never does."""
        if self.edges in ((), ALWAYS.edges):
            return None
        opened = self.open_at(moment, zone)
        at = self._step(moment.astimezone(UTC).replace(microsecond=0), zone)
        while self.open_at(at, zone) == opened:
            at = self._step(at, zone)
        return at

    def left(self, moment: datetime, zone: ZoneInfo) -> timedelta | None:
        """How long they stay open from `moment` on, nothing where they are closed; None where they never close."""
        if not self.open_at(moment, zone):
            return timedelta(0)
        closes = self.next_change(moment, zone)
        return None if closes is None else closes - moment

    def _step(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The next instant at which the answer may change: an edge or a jump of the clock, or else a day later.

        A zone tells its offset at an instant and not when it changes, so a jump is looked for, and one day at a time:
        clocks have gone forward and back within a week (Recife, October 2000).
        """
        local = at.astimezone(zone)
        minute = local.weekday() * _DAY + local.hour * _HOUR + local.minute
        place = bisect_right(self.edges, minute)
        edge = self.edges[place] if place < len(self.edges) else self.edges[0] + _WEEK
        seconds = min((edge - minute) * 60 - local.second, _DAY * 60)

        def jumped(later: int) -> bool:
            return (at + timedelta(seconds=later)).astimezone(zone).utcoffset() != local.utcoffset()

        if jumped(seconds):
            seconds = bisect_left(range(seconds), True, key=jumped)
        return at + timedelta(seconds=seconds)


ALWAYS: Final = Hours((0, _WEEK))


def parse_hours(text: str) -> Hours:
    """Read `Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00`, `22:00-06:00`, `24/7` or `always`.

    Days in English or Russian (`Пн-Пт`), lists and ranges of them; an end before its beginning is on the next day.
    Times are for every day where no day is named at all. Raises ValueError that says what is wrong and how hours look.
    """
    plain = _DASH.sub("-", text.strip().lower())
    if plain in ("always", "24/7"):
        return ALWAYS
    try:
        return Hours(_edges(_ranges(plain)))
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}; write {_EXAMPLE}") from None


def _ranges(plain: str) -> Iterator[_Minutes]:
    """Every open range as minutes of the week; the last may reach beyond its end. Raises ValueError."""
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
        yield from ((day * _DAY + start, day * _DAY + end) for day in numbers for start, end in spans)


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


def _times(piece: str) -> _Minutes:
    """`22:00-06:00` as minutes since the beginning of its day."""
    found = _TIMES.fullmatch(piece)
    if found is None:
        raise ValueError(f"{piece!r} is no range of times")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start, end = hour * _HOUR + minute, end_hour * _HOUR + end_minute
    if max(minute, end_minute) >= _HOUR or start >= _DAY or end > _DAY:
        raise ValueError(f"{piece!r} is not within 00:00 and 24:00")
    if start == end:
        raise ValueError(f"{piece!r} has no length (a whole day is 00:00-24:00)")
    return start, end if start < end else end + _DAY


def _edges(ranges: Iterable[_Minutes]) -> tuple[int, ...]:
    """The ranges merged and in order, what reaches beyond Sunday brought back to Monday."""
    within = sorted(
        part for start, end in ranges for part in ((start, min(end, _WEEK)), (0, end - _WEEK)) if part[0] < part[1]
    )
    edges: list[int] = []
    for start, end in within:
        if edges and start <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += (start, end)
    return tuple(edges)
