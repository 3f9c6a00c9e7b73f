"""Whether a channel is silent for longer than its own rhythm explains. Pure: the present moment is given.

Time is counted in slots of five minutes, in each of which a channel spoke or did not: a burst of messages within a slot is one
sign of life, and a channel with three contacts a day is measured by the same rule as one with three hundred. From the past weeks
each hour of the week gets the chance that a slot of it is busy. The chances of all slots of a silence together say how
improbable it is: -ln P(all of them empty), which is also about how many contacts were to be expected meanwhile.

That sum is compared with a bound of the channel's own: how long the longest silence of half a year would be by chance, stretched
by how much more unevenly than by chance the channel speaks (conversations, campaigns, good and bad days).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import log, log1p
from typing import Final
from zoneinfo import ZoneInfo

SLOT: Final = timedelta(minutes=5)
SLOTS: Final = 12
"""Slots of an hour."""
HISTORY: Final = timedelta(days=56)
LEARNED_AFTER: Final = timedelta(days=14)
FEWEST: Final = 20
"""Fewer busy slots than this are no rhythm."""

_HOUR: Final = timedelta(hours=1)
_WEEK: Final = 168
_HALF_LIFE: Final = 28.0
_PRIOR: Final = 2.0
"""So many weeks weighs what the hour has in common with its day and its time of day."""
_SUREST: Final = 0.98
_MARGIN: Final = 3.0
_HORIZON: Final = 26
"""Weeks in which the longest silence is to be met by chance once, less the margin."""
_OUTLIER: Final = 16.0
_FEW_A_DAY: Final = 12.0
_RECENT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a channel: busy slots by hour (hours since 1970), hours in which it could not speak, and when it began."""

    busy: Mapping[int, int]
    lost: Collection[int]
    since: datetime


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a channel usually speaks: the weight of an empty slot in each hour of the week, and the bound for their sum."""

    weights: tuple[float, ...]
    bound: float


@dataclass(frozen=True, slots=True)
class _Hour:
    """One hour of the past: its place in the week, its busy slots, and how much it counts."""

    day: date
    place: int
    busy: int
    weight: float


def learn(past: Past, now: datetime, zone: ZoneInfo, otherwise: Collection[date] = ()) -> Rhythm | None:
    """The rhythm by the hours before `now`; None while there is too little to learn from.

    `otherwise`: dates on which the company's calendar departs from its week; they teach nothing.
    """
    began = max(past.since, now - HISTORY)
    if now - began < LEARNED_AFTER:
        return None
    hours = list(_hours(past, began, now, zone, otherwise))
    if sum(hour.busy for hour in hours) < FEWEST:
        return None
    chances = _chances(hours)
    level = _level(hours, chances)
    chances = [chance * level for chance in chances]
    weekly = SLOTS * sum(chances)
    unevenness = _unevenness(hours, chances, weekly)
    # Of a channel that is hardly there any more, every silence would be the longest one.
    bound = unevenness * (log(max(_HORIZON * weekly / unevenness, _HORIZON)) + _MARGIN)
    return Rhythm(tuple(-log1p(-chance) for chance in chances), bound)


def expected(
    rhythm: Rhythm,
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
    otherwise: Collection[date] = (),
    lost: Collection[int] = (),
) -> float:
    """About how many contacts were to be expected from `since` to `now`, but for `lost` hours; up to the bound's double."""
    total, at = 0.0, since
    while at < now and total < 2 * rhythm.bound:
        following = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, now)
        local = at.astimezone(zone)
        if local.date() not in otherwise and hour_of(at) not in lost:
            total += rhythm.weights[_place(local)] * ((following - at) / SLOT)
        at = following
    return total


def is_silent(
    rhythm: Rhythm,
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
    otherwise: Collection[date] = (),
    lost: Collection[int] = (),
) -> bool:
    """Whether nothing since `since` is more than chance."""
    return expected(rhythm, since, now, zone, otherwise, lost) >= rhythm.bound


def hour_of(moment: datetime) -> int:
    """The hour of a moment, counted since 1970."""
    return int(moment.timestamp()) // 3600


def _place(local: datetime) -> int:
    return local.weekday() * 24 + local.hour


def _hours(past: Past, began: datetime, now: datetime, zone: ZoneInfo, otherwise: Collection[date]) -> Iterator[_Hour]:
    """The whole hours before `now` that teach something; the later, the more."""
    last = hour_of(now)
    for number in range(hour_of(began), last):
        if number in past.lost:
            continue
        local = datetime.fromtimestamp(number * 3600, UTC).astimezone(zone)
        day = local.date()
        if day not in otherwise:
            weight = 0.5 ** ((last - number) / 24 / _HALF_LIFE)
            yield _Hour(day, _place(local), min(past.busy.get(number, 0), SLOTS), weight)


def _chances(hours: Collection[_Hour]) -> list[float]:
    """The chance of a busy slot in each hour of the week: its own past, and where that is short, its day's and its time's."""
    busy, seen = [0.0] * _WEEK, [0.0] * _WEEK
    for hour in hours:
        busy[hour.place] += hour.busy * hour.weight
        seen[hour.place] += hour.weight
    total = sum(busy)
    days = [
        sum(busy[day * 24 : day * 24 + 24]) / max(sum(seen[day * 24 : day * 24 + 24]) / 24, 1e-9) for day in range(7)
    ]
    times = [sum(busy[time::24]) / total for time in range(24)]
    return [
        min((busy[place] + _PRIOR * days[place // 24] * times[place % 24]) / (SLOTS * (seen[place] + _PRIOR)), _SUREST)
        for place in range(_WEEK)
    ]


def _level(hours: Collection[_Hour], chances: list[float]) -> float:
    """By how much the last week before the present silence was below what is usual: 1 where it was not."""
    last = max(hour.day for hour in hours if hour.busy)
    recent = [hour for hour in hours if last - _RECENT <= hour.day < last]
    usual = SLOTS * sum(chances[hour.place] for hour in recent)
    return min(1.0, (sum(hour.busy for hour in recent) + 2.0) / (usual + 2.0))


def _unevenness(hours: Collection[_Hour], chances: list[float], weekly: float) -> float:
    """By how much more than chance the busy slots vary from hour to hour; of a channel with few a day, from day to day."""
    by_hour = [(hour.busy, SLOTS * chances[hour.place], chances[hour.place]) for hour in hours]
    found = _dispersion((busy, usual, usual * (1 - chance)) for busy, usual, chance in by_hour)
    if weekly / 7 >= _FEW_A_DAY:
        return max(1.0, found)
    days: dict[date, tuple[float, float, float]] = {}
    for hour, (busy, usual, chance) in zip(hours, by_hour, strict=True):
        before = days.get(hour.day, (0.0, 0.0, 0.0))
        days[hour.day] = (before[0] + busy, before[1] + usual, before[2] + usual * (1 - chance))
    return max(1.0, found, _dispersion(iter(days.values())))


def _dispersion(observed: Iterator[tuple[float, float, float]]) -> float:
    """Squares of deviations in units of their variance by chance. One outage is no way of speaking, so each counts so much only."""
    square = variance = 0.0
    for busy, usual, chance in observed:
        square += min((busy - usual) ** 2, _OUTLIER * chance)
        variance += chance
    return square / variance if variance else 1.0
