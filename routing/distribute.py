"""Whose turn it is: the only way by which leads go out by themselves.

Round robin is "least recently given a turn among the eligible". Each manager of a team has the number of his latest
turn; a turn goes to the lowest number and raises it above all others. There is no pointer: an absentee's turns go round
all who are there, and one who returns is first once and then last. Leads go in the order of their place, so no newcomer
overtakes.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from routing.policy import Manager, Team

Obstacle = Literal["leaving", "off_shift", "away", "on_call", "at_limit"]
Reason = Literal["outside_hours", "nobody_available", "all_at_limit", "waiting_for_owner"]

OBSTACLES: Final[tuple[Obstacle, ...]] = ("leaving", "off_shift", "away", "on_call", "at_limit")
"""Why a manager was skipped; where several hold, the first of them is told."""

REASONS: Final[tuple[Reason, ...]] = ("outside_hours", "nobody_available", "all_at_limit", "waiting_for_owner")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a manager stands, read under lock. `open` is the number of leads that count against his capacity."""

    manager: str
    available: bool
    open: int
    on_call: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An unprocessed lead. `owner` is the client's own manager; `wait_until` bounds the wait for him once that began.

    `place` is its due time, the same for as long as it waits; leads of one place go by their number.
    """

    lead: int
    place: datetime
    owner: str | None = None
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A lead that goes to `manager`: in his `turn`, or without one as his own client's.

    `eligible` and `skipped` are those who were looked at for it, in the team's order.
    """

    lead: int
    manager: str
    by: Literal["turn", "own_client"]
    turn: int | None
    eligible: tuple[str, ...]
    skipped: tuple[tuple[str, Obstacle], ...]


@dataclass(frozen=True, slots=True)
class Left:
    """A lead that stays unprocessed. Keep `wait_until` with it, so that a wait that is over does not begin again."""

    lead: int
    reason: Reason
    wait_until: datetime | None
    skipped: tuple[tuple[str, Obstacle], ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """What becomes of each waiting lead, in the order of their places, and the team's `turns` afterwards."""

    given: tuple[Given, ...]
    left: tuple[Left, ...]
    turns: Mapping[str, int]


def distribute(
    team: Team,
    managers: Mapping[str, Manager],
    waiting: Sequence[Waiting],
    standings: Mapping[str, Standing],
    turns: Mapping[str, int],
    now: datetime,
) -> Distribution:
    """Give the team's waiting leads to whoever has the turn, or say why they stay.

    `turns` has the latest turn by manager, 0 or missing where he never had one. A lead whose client has a manager of
    his own, who need not be in the team, goes to him without a turn; else it waits for him if he is on shift, or will
    be before the bound; else it is everybody's. Who is not in `managers` or has no standing is treated as leaving.
    """
    floor = _Floor(team, managers, standings, turns, now)
    given: list[Given] = []
    left: list[Left] = []
    for lead in sorted(waiting, key=lambda one: (one.place, one.lead)):
        settled = _settle(floor, lead, team.sticky_wait, now)
        if isinstance(settled, Given):
            given.append(settled)
        else:
            left.append(settled)
    return Distribution(tuple(given), tuple(left), floor.turns)


def anyone_free(managers: Mapping[str, Manager], standings: Mapping[str, Standing], now: datetime) -> bool:
    """Whether any manager at all could have a lead now; where none could, there is nothing to distribute."""
    return any(find_obstacle(managers.get(name), standing, now) is None for name, standing in standings.items())


def next_shift_change(managers: Iterable[Manager], now: datetime) -> datetime | None:
    """The first instant after `now` at which anyone's shift begins or ends; None where nobody's ever does."""
    changes = (manager.hours.next_change(now, manager.zone) for manager in managers)
    return min((change for change in changes if change is not None), default=None)


def find_obstacle(manager: Manager | None, standing: Standing | None, now: datetime) -> Obstacle | None:
    """The first of OBSTACLES that keeps this manager from a lead, None where nothing does."""
    if manager is None or standing is None or standing.leaving:
        return "leaving"
    if not manager.hours.open_at(now, manager.zone):
        return "off_shift"
    if not standing.available:
        return "away"
    if standing.on_call:
        return "on_call"
    return None if manager.capacity is None or standing.open < manager.capacity else "at_limit"


def _settle(floor: "_Floor", lead: Waiting, sticky_wait: timedelta | None, now: datetime) -> Given | Left:
    """One lead's lot: its owner's, waiting for him, or in rotation."""
    if lead.owner is None or sticky_wait is None:
        return floor.rotate(lead, ())
    obstacle = floor.obstacle(lead.owner)
    if obstacle is None:
        floor.take(lead.owner)
        return Given(lead.lead, lead.owner, "own_client", None, (lead.owner,), ())
    bound = lead.wait_until or now + sticky_wait
    passed_over = ((lead.owner, obstacle),)
    if now < bound and floor.is_there_before(bound, lead.owner, obstacle):
        return Left(lead.lead, "waiting_for_owner", bound, passed_over)
    return floor.rotate(lead, passed_over)


class _Floor:
    """Who can take a lead at `now`, kept true while leads are given."""

    def __init__(
        self,
        team: Team,
        managers: Mapping[str, Manager],
        standings: Mapping[str, Standing],
        turns: Mapping[str, int],
        now: datetime,
    ) -> None:
        self.turns = dict(turns)
        self._members = team.members
        self._managers = managers
        self._standings = standings
        self._now = now
        self._latest = max(turns.values(), default=0)
        self._taken: Counter[str] = Counter()
        self._obstacles: dict[str, Obstacle | None] = {}
        self._begins: dict[str, datetime | None] = {}
        self._look_round()
        # The sort is stable: equal turns stay in the team's order.
        self._rotation = deque(sorted(self._eligible, key=lambda member: self.turns.get(member, 0)))

    def obstacle(self, name: str) -> Obstacle | None:
        """Why this manager cannot have a lead, None where he can."""
        if name not in self._obstacles:
            self._obstacles[name] = find_obstacle(self._managers.get(name), self._standings.get(name), self._now)
        return self._obstacles[name]

    def is_there_before(self, bound: datetime, name: str, obstacle: Obstacle) -> bool:
        """Whether someone with this obstacle is on shift now or will be before `bound`."""
        if obstacle != "off_shift":
            return obstacle != "leaving"
        if name not in self._begins:
            manager = self._managers[name]
            self._begins[name] = manager.hours.next_change(self._now, manager.zone)
        begins = self._begins[name]
        return begins is not None and begins < bound

    def take(self, name: str) -> None:
        """Count one more lead with this manager, who had no obstacle."""
        self._taken[name] += 1
        if self._standings[name].open + self._taken[name] == self._managers[name].capacity:
            self._obstacles[name] = "at_limit"
            if name in self._rotation:
                self._rotation.remove(name)
                self._look_round()

    def rotate(self, lead: Waiting, passed_over: tuple[tuple[str, Obstacle], ...]) -> Given | Left:
        """Give the lead to whoever has the turn. `passed_over` is its owner, listed even if he is not in the team."""
        skipped = tuple(one for one in passed_over if one[0] not in self._members) + self._skipped
        if not self._rotation:
            return Left(lead.lead, self._reason(), lead.wait_until, skipped)
        name = self._rotation.popleft()
        self._rotation.append(name)
        self._latest += 1
        self.turns[name] = self._latest
        given = Given(lead.lead, name, "turn", self._latest, self._eligible, skipped)
        self.take(name)
        return given

    def _look_round(self) -> None:
        standing = [(member, self.obstacle(member)) for member in self._members]
        self._eligible = tuple(member for member, obstacle in standing if obstacle is None)
        self._skipped = tuple((member, obstacle) for member, obstacle in standing if obstacle is not None)

    def _reason(self) -> Reason:
        """Why nobody is eligible. An obstacle tells that those before it in OBSTACLES do not hold."""
        obstacles = {obstacle for _, obstacle in self._skipped}
        if "at_limit" in obstacles:
            return "all_at_limit"
        return "nobody_available" if obstacles & {"away", "on_call"} else "outside_hours"
