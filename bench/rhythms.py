"""How often a healthy channel is taken for silent, and how soon a dead one is: `python -m bench.rhythms [--channels N]`.

Each channel of a kind is simulated for eight weeks that are learned from and half a year in which every silence is judged as the
daemon does it: the rhythm is learned anew each day, and counted in slots of five minutes. Then it dies fifty times, at random
moments of its working time. The random numbers start from a fixed seed, so the figures are the same on every machine.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import exp
from statistics import quantiles
from typing import Final
from zoneinfo import ZoneInfo

from ingest.health import rhythm
from ingest.health.rhythm import HISTORY, SLOT, Past

ZONE: Final = ZoneInfo("Europe/Moscow")
BEGAN: Final = datetime(2026, 3, 2, tzinfo=ZONE)
JUDGED: Final = timedelta(days=182)
MONTHS: Final = JUDGED / timedelta(days=30.4)
DEATHS: Final = 50
_MINUTE: Final = timedelta(minutes=1)
_MAY: Final = frozenset(date(2026, 5, day) for day in (1, 4, 5, 6, 7, 8, 11))


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of speaking: `daily` contacts on a working day, and how they are spread. `known`: the calendar has the holidays.

    `size` and `apart`: messages of a conversation, and minutes between them. `moody`: by how much good days differ from bad ones.
    """

    name: str
    daily: float
    weekend: float = 0.2
    around_the_clock: bool = False
    size: float = 1.0
    apart: float = 4.0
    moody: float = 0.0
    weekly: float = 1.0
    holidays: bool = False
    known: bool = True
    new: bool = False

    @property
    def otherwise(self) -> frozenset[date]:
        """The dates on which the calendar departs from the week."""
        return _MAY if self.holidays and self.known else frozenset()


KINDS: Final = (
    Kind("3 a day", 3),
    Kind("10 a day", 10),
    Kind("30 a day", 30),
    Kind("100 a day", 100),
    Kind("300 a day", 300),
    Kind("40 a day, round the clock", 40, weekend=0.9, around_the_clock=True),
    Kind("20 conversations of 4 messages a day", 80, size=4),
    Kind("75 conversations of 4 messages a day", 300, size=4),
    Kind("3 a day, good and bad days", 3, moody=0.5),
    Kind("100 a day, good and bad days", 100, moody=0.5),
    Kind("30 a day, 5 % more each week", 30, weekly=1.05),
    Kind("100 a day, 5 % fewer each week", 100, weekly=0.95),
    Kind("30 a day, holidays in the calendar", 30, holidays=True),
    Kind("30 a day, holidays and no calendar", 30, holidays=True, known=False),
    Kind("3 a day, a new channel", 3, new=True),
    Kind("100 a day, a new channel", 100, new=True),
)


def spoken(kind: Kind, chance: random.Random, length: timedelta) -> list[datetime]:
    """The moments of all contacts, in order."""
    found: list[datetime] = []
    for number in range(length.days):
        start = BEGAN + timedelta(days=number)
        day = start.date()
        rate = kind.daily * kind.weekly ** (number / 7) / kind.size
        rate *= kind.weekend if start.weekday() > 4 or (kind.holidays and day in _MAY) else 1.0
        rate *= exp(chance.gauss(-(kind.moody**2) / 2, kind.moody))
        for hour in range(24):
            for _ in range(_poisson(rate * _share(kind, hour), chance)):
                at = start + timedelta(hours=hour, minutes=chance.uniform(0, 60))
                found.append(at)
                while chance.random() > 1 / kind.size:
                    at += timedelta(minutes=chance.expovariate(1 / kind.apart))
                    found.append(at)
    return sorted(found)


def _share(kind: Kind, hour: int) -> float:
    """Which part of a day's contacts an hour has."""
    if kind.around_the_clock:
        return 1 / 24
    shape = [0.1] * 8 + [0.5] + [1.0, 1.4, 1.5, 1.2, 0.9, 1.2, 1.4, 1.3, 1.1, 0.8] + [0.4, 0.3, 0.2, 0.2, 0.1]
    return shape[hour] / sum(shape)


def _poisson(mean: float, chance: random.Random) -> int:
    number, at = 0, chance.expovariate(1)
    while at < mean:
        number, at = number + 1, at + chance.expovariate(1)
    return number


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one channel: false alarms in half a year, and hours of working time until each death was noticed."""

    false_alarms: int
    noticed: Sequence[float]


def judge(kind: Kind, seed: int, judged: timedelta = JUDGED, deaths: int = DEATHS) -> Judged:
    """Simulate one channel, and every silence of it in the time that is judged."""
    chance = random.Random(f"{kind.name} {seed}")
    start = BEGAN if kind.new else BEGAN + HISTORY
    moments = spoken(kind, chance, start - BEGAN + judged)
    slots = sorted({int(moment.timestamp()) // 300 for moment in moments})
    busy = Counter(slot // SLOTS_AN_HOUR for slot in slots)
    learned = _learning(kind, busy)
    alarms = 0
    for before, after in pairwise(slots):
        silent_from, until = _at(before), _at(after)
        if until > start and after - before > 1:
            known = learned(until)
            alarms += known is not None and rhythm.is_silent(known, silent_from, until, ZONE, kind.otherwise)
    return Judged(alarms, [] if kind.new else list(_deaths(kind, slots, learned, (start, judged, deaths), chance)))


SLOTS_AN_HOUR: Final = rhythm.SLOTS


def _at(slot: int) -> datetime:
    return datetime.fromtimestamp(slot * 300, UTC)


def _learning(kind: Kind, busy: Counter[int]) -> Callable[[datetime], rhythm.Rhythm | None]:
    """The rhythm as the daemon knows it at a moment: by all hours before that day."""
    known: dict[date, rhythm.Rhythm | None] = {}

    def learned(moment: datetime) -> rhythm.Rhythm | None:
        day = moment.astimezone(ZONE).date()
        if day not in known:
            midnight = datetime.combine(day, datetime.min.time(), ZONE).astimezone(UTC)
            known[day] = rhythm.learn(Past(busy, (), BEGAN), midnight, ZONE, kind.otherwise)
        return known[day]

    return learned


def _deaths(
    kind: Kind,
    slots: Sequence[int],
    learned: Callable[[datetime], rhythm.Rhythm | None],
    span: tuple[datetime, timedelta, int],
    chance: random.Random,
) -> Iterator[float]:
    start, judged, deaths = span
    for _ in range(deaths):
        died = start + timedelta(
            days=chance.randrange(judged.days - min(30, judged.days // 2)), hours=9, minutes=chance.uniform(0, 540)
        )
        while died.weekday() > 4 or died.date() in _MAY:
            died += timedelta(days=1)
        died = died.astimezone(UTC)
        silent_from = _at(max(slot for slot in slots if _at(slot) <= died))
        now, worked = died, timedelta(0)
        known = learned(died)
        while known is not None and not rhythm.is_silent(known, silent_from, now, ZONE, kind.otherwise):
            now += SLOT
            local = now.astimezone(ZONE)
            works = kind.around_the_clock or (local.weekday() < 5 and 9 <= local.hour < 19)
            worked += SLOT if works else timedelta(0)
        yield worked / timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rhythms", description=__doc__)
    parser.add_argument("--channels", type=int, default=20, help="how many channels of each kind (20)")
    count = parser.parse_args().channels
    print(f"{'channel':<38} {'false alarms':>12} {'months per':>10} {'noticed, working hours':>24}")
    print(f"{'':<38} {'in half a year':>12} {'alarm':>8} {'half of them':>14} {'nine of ten':>12}")
    for kind in KINDS:
        judged = [judge(kind, seed) for seed in range(count)]
        alarms = sum(one.false_alarms for one in judged)
        months = count * MONTHS
        apart = f"{months / alarms:.0f}" if alarms else f"> {months:.0f}"
        noticed = [hours for one in judged for hours in one.noticed]
        cuts = quantiles(noticed, n=10) if noticed else []
        when = f"{cuts[4]:>14.1f} {cuts[8]:>12.1f}" if cuts else f"{'':>14} {'':>12}"
        print(f"{kind.name:<38} {alarms / count:>12.2f} {apart:>10} {when}", flush=True)


if __name__ == "__main__":
    main()
