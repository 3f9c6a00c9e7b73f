"""Whose turn it is: the only way by which leads go out by themselves.

Round robin is "least recently given a turn among the eligible" (`routing.turns` has the other ways). Each manager of a
team has the number of his latest turn; there is no pointer: an absentee's turns go round all who are there, and one who
returns is first once and then last. Leads go in the order of their place, so no newcomer overtakes.

In a team with a time to accept, what is given is an offer. Whoever has refused a lead, or has let its time pass, is not
asked again; when all who are there have, it is put before everybody, and the first to accept has it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from kernel.facts import fact
from routing.policy import Manager, Team, offer_margin
from routing.turns import take_turns
from routing.working_time import working_time

Obstacle = Literal["leaving", "off_shift", "shift_ending", "away", "on_call", "at_limit", "at_offers", "refused"]
Reason = Literal[
    "outside_hours", "nobody_available", "all_at_limit", "refused_by_all", "waiting_for_owner", "owner_away", "ringing"
]
By = Literal["turn", "own_client", "first", "everyone"]

OBSTACLES: Final[tuple[Obstacle, ...]] = (
    "leaving",
    "off_shift",
    "shift_ending",
    "away",
    "on_call",
    "at_limit",
    "at_offers",
    "refused",
)
"""Why a manager was skipped; where several hold, the first of them is told. Only the last is about the lead."""

REASONS: Final[tuple[Reason, ...]] = (
    "outside_hours",
    "nobody_available",
    "all_at_limit",
    "refused_by_all",
    "waiting_for_owner",
    "owner_away",
    "ringing",
)

LASTING: Final[frozenset[Reason]] = frozenset({"refused_by_all", "owner_away"})
"""Reasons for which a lead came back. They are told for as long as it waits, whoever is free meanwhile."""

OFFERED_BY: Final[tuple[By, ...]] = ("turn", "own_client", "first", "everyone")

_SOON: Final[frozenset[Obstacle]] = frozenset({"on_call", "at_offers"})
_NOT_COMING: Final[frozenset[Obstacle]] = frozenset({"leaving", "shift_ending"})
_NOBODY: Final[frozenset[str]] = frozenset()


@fact
class Standing:
    """How a manager stands, read under lock.

    `open` is the number of leads that count against his capacity, `offered` that of his offers without an answer, and `asked`
    that of those among them that are before others, too: nobody has such a lead, and he may come to.
    """

    manager: str
    available: bool
    open: int
    on_call: bool = False
    leaving: bool = False
    offered: int = 0
    asked: int = 0


@fact
class Waiting:
    """An unprocessed lead. `owner` is the client's own manager; `wait_until` bounds the wait for him, or for an answer, once begun.

    `place` is its due time, the same for as long as it waits; leads of one place go by their number. `refused` are those
    who will not have it, `shown` those before whom it was put together with everybody else.
    """

    lead: int
    place: datetime
    owner: str | None = None
    wait_until: datetime | None = None
    reason: str | None = None
    refused: frozenset[str] = _NOBODY
    shown: frozenset[str] = _NOBODY


@fact
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


@fact
class Shown:
    """A lead that is put before several `managers` at once: the first to accept has it.

    By "first" the team goes that way always, and the lead is on offer; by "everyone" all who are there have refused it, and
    it stays unprocessed, as `refused_by_all`.
    """

    lead: int
    managers: tuple[str, ...]
    by: Literal["first", "everyone"]
    skipped: tuple[tuple[str, Obstacle], ...]


@fact
class Left:
    """A lead that stays unprocessed. Keep `wait_until` with it, so that a wait that is over does not begin again."""

    lead: int
    reason: Reason
    wait_until: datetime | None
    skipped: tuple[tuple[str, Obstacle], ...]


@fact
class Distribution:
    """What becomes of each waiting lead, in the order of their places, and the team's `turns` afterwards.

    `answer_by` is when offers by turn, own client and "first" run out; None where what is given is given. `exhausted` is why
    every further lead would stay; None while anybody could have one.
    """

    given: tuple[Given, ...]
    left: tuple[Left, ...]
    turns: Mapping[str, int]
    shown: tuple[Shown, ...] = ()
    answer_by: datetime | None = None
    exhausted: Reason | None = None


def distribute(
    team: Team,
    managers: Mapping[str, Manager],
    waiting: Sequence[Waiting],
    standings: Mapping[str, Standing],
    turns: Mapping[str, int],
    now: datetime,
) -> Distribution:
    """Give or offer the team's waiting leads to whoever has the turn, or say why they stay.

    `turns` has the latest turn by manager, 0 or missing where he never had one. A lead whose client has a manager of
    his own, who need not be in the team, goes to him without a turn; else it waits for him if he is on shift, or will
    be before the bound; else it is everybody's. Who is not in `managers` or has no standing is treated as leaving.
    """
    floor = _Floor(team, managers, standings, turns, now)
    given: list[Given] = []
    shown: list[Shown] = []
    left: list[Left] = []
    for lead in sorted(waiting, key=lambda one: (one.place, one.lead)):
        settled = _settle(floor, lead, team.sticky_wait, now)
        if isinstance(settled, Given):
            given.append(settled)
        elif isinstance(settled, Shown):
            shown.append(settled)
        else:
            left.append(settled)
    due = answer_by(team, managers, now) if given or shown else None
    return Distribution(tuple(given), tuple(left), floor.turns, tuple(shown), due, floor.exhausted())


def answer_by(team: Team, managers: Mapping[str, Manager], now: datetime) -> datetime | None:
    """When an offer of `now` runs out, in the team's working time; None where it never does."""
    if team.accept_within is None:
        return None
    members = (managers[name] for name in team.members if name in managers)
    return working_time(members).deadline(now, team.accept_within)


def anyone_free(
    managers: Mapping[str, Manager], standings: Mapping[str, Standing], now: datetime, team: Team | None = None
) -> bool:
    """Whether any manager at all could have a lead, of `team` where it is given; else there is nothing to distribute."""
    within = None if team is None else team.accept_within
    return any(find_obstacle(managers.get(name), standing, now, within) is None for name, standing in standings.items())


def next_shift_change(managers: Iterable[Manager], now: datetime) -> datetime | None:
    """The first instant after `now` at which anyone's shift begins or ends; None where nobody's ever does."""
    changes = (manager.hours.next_change(now, manager.zone) for manager in managers)
    return min((change for change in changes if change is not None), default=None)


def find_obstacle(
    manager: Manager | None, standing: Standing | None, now: datetime, accept_within: timedelta | None = None
) -> Obstacle | None:
    """The first of OBSTACLES that keeps this manager from a lead, None where nothing does.

    With `accept_within` it would be an offer, which a shift about to end and too many other offers keep from him too.
    """
    if manager is None or standing is None or standing.leaving:
        return "leaving"
    if not manager.hours.open_at(now, manager.zone):
        return "off_shift"
    if accept_within is not None and manager.ends_within(now, offer_margin(accept_within)):
        return "shift_ending"
    if not standing.available:
        return "away"
    return _too_busy(manager, standing, is_offer=accept_within is not None)


def find_obstacle_among(
    teams: Iterable[Team], manager: Manager | None, standing: Standing | None, now: datetime
) -> Obstacle | None:
    """As `find_obstacle`, for the teams whose member he is: one that would give him a lead is enough."""
    obstacles = [find_obstacle(manager, standing, now, team.accept_within) for team in teams]
    return None if None in obstacles else next(iter(obstacles), find_obstacle(manager, standing, now))


def _too_busy(manager: Manager, standing: Standing, *, is_offer: bool) -> Obstacle | None:
    """What keeps one who is there from a lead."""
    if standing.on_call:
        return "on_call"
    if manager.capacity is not None and standing.open >= manager.capacity:
        return "at_limit"
    if is_offer and manager.offers is not None and standing.offered >= manager.offers:
        return "at_offers"
    return None


def _settle(floor: "_Floor", lead: Waiting, sticky_wait: timedelta | None, now: datetime) -> Given | Shown | Left:
    """One lead's lot: its owner's, waiting for him, in rotation, or everybody's."""
    if lead.reason == "refused_by_all":
        return floor.show_everyone(lead)
    if lead.reason == "ringing":
        # Whoever answers has it. When nobody has, it waits for nothing any more that `wait_until` could be the end of.
        if lead.wait_until is not None and now < lead.wait_until:
            return Left(lead.lead, "ringing", lead.wait_until, ())
        lead = replace(lead, reason=None, wait_until=None)
    if lead.owner is None or sticky_wait is None or lead.owner in lead.refused:
        return floor.rotate(lead, ())
    obstacle = floor.obstacle(lead.owner)
    if obstacle is None:
        floor.take(lead.owner)
        return Given(lead.lead, lead.owner, "own_client", None, (lead.owner,), ())
    bound = lead.wait_until or now + sticky_wait
    passed_over = ((lead.owner, obstacle),)
    is_new = not lead.refused and lead.reason not in LASTING
    if is_new and now < bound and floor.is_there_before(bound, lead.owner, obstacle):
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
        self._team = team
        self._managers = managers
        self._standings = standings
        self._now = now
        self._taken: Counter[str] = Counter()
        self._offered: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._obstacles: dict[str, Obstacle | None] = {}
        self._begins: dict[str, datetime | None] = {}
        self._look_round()
        weights = {name: managers[name].weight for name in team.members if name in managers}
        self._rotation = take_turns(team.strategy, self._eligible, turns, weights, self._load)

    def obstacle(self, name: str) -> Obstacle | None:
        """Why this manager cannot have a lead, None where he can."""
        if name not in self._obstacles:
            standing = self._standings.get(name)
            if standing is not None and self._team.strategy == "first_to_accept":
                # He may come to have all that he is asked for at once; nobody owns those leads before.
                standing = replace(standing, open=standing.open + standing.asked)
            manager = self._managers.get(name)
            self._obstacles[name] = find_obstacle(manager, standing, self._now, self._team.accept_within)
        return self._obstacles[name]

    def is_there_before(self, bound: datetime, name: str, obstacle: Obstacle) -> bool:
        """Whether someone with this obstacle is on shift now or will be before `bound`."""
        if obstacle != "off_shift":
            return obstacle not in _NOT_COMING
        if name not in self._begins:
            manager = self._managers[name]
            self._begins[name] = manager.hours.next_change(self._now, manager.zone)
        begins = self._begins[name]
        return begins is not None and begins < bound

    def take(self, name: str) -> None:
        """Count one more lead with this manager, who had no obstacle."""
        self._taken[name] += 1
        # Where leads are shown, he may come to have all that he is asked for at once.
        asked_for = self._asked_for(name) if self._team.strategy == "first_to_accept" else 0
        if self._is_full(name, asked_for):
            self._close(name, "at_limit")
        elif self._team.accept_within is not None:
            self._offer(name)

    def rotate(self, lead: Waiting, passed_over: tuple[tuple[str, Obstacle], ...]) -> Given | Shown | Left:
        """Give the lead to whoever has the turn. `passed_over` is its owner, listed even if he is not in the team."""
        skipped = tuple(one for one in passed_over if one[0] not in self._team.members) + self._skipped_for(lead)
        candidates = self._candidates(lead)
        if not candidates:
            if self._all_refused(lead):
                return self.show_everyone(lead)
            return Left(lead.lead, self._reason(lead), lead.wait_until, skipped)
        if self._team.strategy == "first_to_accept":
            for name in candidates:
                self._ask(name)
            return Shown(lead.lead, candidates, "first", skipped)
        chosen = self._rotation.next(lead.refused)
        assert chosen is not None  # noqa: S101 - there are candidates
        name, self.turns[chosen[0]] = chosen
        given = Given(lead.lead, name, "turn", chosen[1], candidates, skipped)
        self.take(name)
        return given

    def show_everyone(self, lead: Waiting) -> Shown | Left:
        """Put a lead that all have refused before all who can take one; it counts against nobody's limits."""
        managers = tuple(name for name in self._eligible if name not in lead.shown)
        if not managers:
            return Left(lead.lead, "refused_by_all", lead.wait_until, self._skipped)
        return Shown(lead.lead, managers, "everyone", self._skipped)

    def exhausted(self) -> Reason | None:
        """Why a further lead, refused by nobody, would stay; None where somebody is eligible."""
        return None if self._eligible else self._busy(_NOBODY)

    def _load(self, name: str) -> int:
        return self._standings[name].open + self._taken[name]

    def _ask(self, name: str) -> None:
        """Count one more lead that this manager may come to have."""
        self._asked[name] += 1
        if self._is_full(name, self._asked_for(name)):
            self._close(name, "at_limit")
        else:
            self._offer(name)

    def _asked_for(self, name: str) -> int:
        return self._standings[name].asked + self._asked[name]

    def _is_full(self, name: str, asked_for: int) -> bool:
        capacity = self._managers[name].capacity
        return capacity is not None and self._load(name) + asked_for >= capacity

    def _offer(self, name: str) -> None:
        self._offered[name] += 1
        if self._standings[name].offered + self._offered[name] == self._managers[name].offers:
            self._close(name, "at_offers")

    def _close(self, name: str, obstacle: Obstacle) -> None:
        self._obstacles[name] = obstacle
        if name in self._eligible:
            self._rotation.drop(name)
            self._look_round()

    def _look_round(self) -> None:
        standing = [(member, self.obstacle(member)) for member in self._team.members]
        self._eligible = tuple(member for member, obstacle in standing if obstacle is None)
        self._skipped = tuple((member, obstacle) for member, obstacle in standing if obstacle is not None)

    def _candidates(self, lead: Waiting) -> tuple[str, ...]:
        if not lead.refused:
            return self._eligible
        return tuple(name for name in self._eligible if name not in lead.refused)

    def _skipped_for(self, lead: Waiting) -> tuple[tuple[str, Obstacle], ...]:
        if not lead.refused:
            return self._skipped
        refused = tuple[tuple[str, Obstacle]]((name, "refused") for name in self._eligible if name in lead.refused)
        return self._skipped + refused

    def _all_refused(self, lead: Waiting) -> bool:
        """Whether somebody could take the lead, all who could have refused it, and nobody else will be free in a moment."""
        soon = (name for name, obstacle in self._skipped if obstacle in _SOON)
        return bool(self._eligible) and lead.refused.issuperset(soon)

    def _reason(self, lead: Waiting) -> Reason:
        """Why nobody takes this lead; one that came back because its owner is away says so until somebody does."""
        return "owner_away" if lead.reason == "owner_away" else self._busy(lead.refused)

    def _busy(self, refused: frozenset[str]) -> Reason:
        """Why nobody is eligible. An obstacle tells that those before it in OBSTACLES do not hold."""
        others = {obstacle for name, obstacle in self._skipped if name not in refused}
        obstacles = others or {obstacle for _, obstacle in self._skipped}
        if obstacles & {"at_limit", "at_offers"}:
            return "all_at_limit"
        return "nobody_available" if obstacles & {"away", "on_call"} else "outside_hours"
