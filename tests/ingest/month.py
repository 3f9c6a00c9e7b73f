"""A department at work, event by event, over a real store and with a clock that jumps from one event to the next.

What people do is drawn from one seed: they accept after a while, refuse, stay silent, go away and come back, close leads.
After whatever happens the state in the store is held against the promises, said the long way. Run as a program it prints
the figures that docs/turns.md shows: `python -m tests.ingest.month [month|morning]`.
"""

import heapq
import itertools
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Final

import sqlalchemy as sa

from desk.ports import Refused
from ingest.turns.overdue import next_due
from routing.distribute import next_shift_change
from routing.policy import Manager
from storage import handling, migrate, revisions
from storage.schema import leads, managers, offers
from storage.store import Store
from tests.ingest.offering import HOUR, MINUTE, Desk
from tests.ingest.parts import company, envelope, manager

SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
ACCEPT: Final = 3 * MINUTE
OFFICE: Final = "Mon-Fri 09:00-13:00 14:00-18:00"

Rng = random.Random


@dataclass(frozen=True, slots=True)
class Nature:
    """How people are: shares of offers that are refused or left in silence, and how long an answer takes."""

    refuses: float = 0.06
    silent: float = 0.05
    slowest: timedelta = timedelta(seconds=150)
    works_on_a_lead: timedelta = 4 * HOUR


@dataclass(slots=True)
class Figures:
    """What a run came to."""

    leads: int = 0
    events: int = 0
    offers: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    most_held: int = 0
    most_open: int = 0
    made_away: int = 0
    escalated: int = 0
    came_back: int = 0
    refused_by_all: int = 0
    widest: int = 0
    widest_bound: int = 0
    waits: list[timedelta] = field(default_factory=list)


class Department:
    """The events of a department, in the order of their times, and what must hold after each of them."""

    def __init__(self, store: Store, document: Mapping[str, Any], start: datetime, seed: int, nature: Nature) -> None:
        self.desk = Desk(store, document)
        self.desk.now = start
        self.store = store
        self.rng = Rng(seed)
        self.nature = nature
        self.figures = Figures()
        self.policy = store.transact(self.desk.parts.rulebooks.current).policy
        self.team = self.policy.teams["sales"]
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._seen = 0
        self._history: list[tuple[str, frozenset[str], frozenset[str]]] = []
        self._clients = 0
        self._looked_at = start
        self._told_silences: Counter[str] = Counter()
        self._volunteered: dict[str, set[int]] = defaultdict(set)

    # ---- events

    def at(self, moment: datetime, deed: Callable[[], None]) -> None:
        """Something happens at a moment."""
        heapq.heappush(self._events, (moment, next(self._order), deed))

    def run(self, end: datetime) -> None:
        """Everything until `end`, time's own doings between the events of people."""
        while True:
            event = self._events[0][0] if self._events else end
            due = self.next_deadline()
            moment = min(event, end, due or end)
            self.desk.now = max(self.desk.now, moment)
            if due is not None and due <= moment and due < end:
                self.desk.tick()
                self._looked_at = self.desk.now
            elif event < end:
                heapq.heappop(self._events)[2]()
            else:
                return
            self.figures.events += 1
            self.check()

    def next_deadline(self) -> datetime | None:
        """When the ticker would wake."""
        shift = next_shift_change(self.policy.managers.values(), self._looked_at)
        waits = self.store.peek(
            lambda db: (next_due(db), handling.next_wait_end(db, self.desk.parts.names, self.policy.teams))
        )
        return min(filter(None, (shift, *waits)), default=None)

    def lead_comes(self, *, again: bool = False, **said: Any) -> None:
        """Somebody writes: somebody new, or `again` one of those who wrote lately."""
        self._clients += not again
        number = self._clients - self.rng.randrange(min(self._clients, 60)) if again else self._clients
        self.desk.parts.append(envelope({"phones": [f"+7912{number:07}"], **said}, self.desk.now))
        self.desk.parts.drain(self.desk.now)

    def goes_away(self, name: str, length: timedelta) -> None:
        """Away for a while, by his own tap."""
        self.desk.switch(name, available=False)
        self.at(self.desk.now + length, lambda: self.desk.switch(name, available=True))

    # ---- people answer

    def _react(self, offer: Any, name: str) -> None:
        """What he will do with an offer, and when."""
        drawn, pause = self.rng.random(), 5 * SECOND + self.rng.random() * self.nature.slowest
        if drawn < self.nature.silent:
            return
        action = "decline" if drawn < self.nature.silent + self.nature.refuses else "accept"
        self.at(self.desk.now + pause, lambda: self._answer(offer, name, action))

    def _answer(self, offer: Any, name: str, action: str) -> None:
        try:
            self.desk.act(offer.lead_id, action, actor=name, manager=name, offer=offer.id)
        except Refused as refused:
            assert refused.code in {"taken", "closed", "not_offered"}, refused  # noqa: PT017 - what he pressed came too late
            return
        if action == "accept":
            if offer.by == "everyone":
                self._volunteered[name].add(offer.lead_id)
            length = self.rng.expovariate(1.0) * self.nature.works_on_a_lead
            self.at(self.desk.now + length, lambda: self._close(offer.lead_id))

    def _close(self, lead: int) -> None:
        for volunteered in self._volunteered.values():
            volunteered.discard(lead)
        if self.desk.parts.store.peek(lambda db: _state(db, lead)) == "in_work":
            self.desk.act(lead, self.rng.choice(("convert", "lose")))

    # ---- what must hold

    def check(self) -> None:
        """Hold the store against the promises, and let people see what is new."""
        world = self.store.peek(self._world)
        self._check_new(world)
        self._check_limits(world)
        self._check_waiting(world)
        self._check_silences(world)

    def _world(self, db: sa.Connection) -> "World":
        new = db.execute(sa.select(offers).where(offers.c.id > self._seen).order_by(offers.c.id)).all()
        held: dict[int, int] = dict(
            db.execute(
                sa.select(offers.c.manager_id, sa.func.count())
                .where(offers.c.state == "open", offers.c.by != "everyone")
                .group_by(offers.c.manager_id)
            ).all()
        )
        waiting = db.execute(
            sa.select(leads).where(leads.c.state == "unprocessed").order_by(leads.c.place_at, leads.c.id)
        ).all()
        refused = db.execute(
            sa.select(offers.c.lead_id, offers.c.manager_id, offers.c.by, offers.c.state).where(
                offers.c.stands, offers.c.state.in_(("declined", "expired", "open"))
            )
        ).all()
        owned: dict[int, int] = dict(
            db.execute(
                sa.select(leads.c.owner_id, sa.func.count())
                .where(leads.c.state.in_(("assigned", "in_work")), leads.c.owner_id.is_not(None))
                .group_by(leads.c.owner_id)
            ).all()
        )
        people = db.execute(sa.select(managers).where(managers.c.role == "manager")).all()
        return World(list(new), held, list(waiting), list(refused), owned, {row.name: row for row in people})

    def _check_new(self, world: "World") -> None:
        """Every new offer went to one who could have it at that instant; the windows of fairness go on."""
        name_of = {row.id: name for name, row in world.people.items()}
        new_by = Counter(
            name_of[o.manager_id] for o in world.new if o.by in {"turn", "own_client"} and o.state == "open"
        )
        count = {name: world.owned.get(row.id, 0) - new_by[name] for name, row in world.people.items()}
        holds = {name: world.held.get(row.id, 0) - new_by[name] for name, row in world.people.items()}
        refused_now = world.refusals(name_of)
        # Offers of one distribution are written turns first, whatever the order of the leads.
        before = frozenset(who for who in world.people if self._able(world, who, count[who], holds[who]))
        for offer in world.new:
            self._seen = max(self._seen, offer.id)
            name = name_of[offer.manager_id]
            self.figures.offers[offer.by] += 1
            if offer.by == "hand":
                continue
            able = frozenset(who for who in world.people if self._able(world, who, count[who], holds[who]))
            assert name in (able if offer.by == "turn" else before), (name, offer.by, self.desk.now)
            if offer.by == "turn":
                refused = frozenset(refused_now.get(offer.lead_id, ()))
                assert name not in refused
                self._history.append((name, able, refused))
            if offer.by in {"turn", "own_client"}:
                count[name] += 1
                holds[name] += 1
            self._react(offer, name)
        able = frozenset(who for who in world.people if self._able(world, who, count[who], holds[who]))
        self._history.append(("", able, frozenset()))

    def _able(self, world: "World", name: str, count: int, holds: int) -> bool:
        """The rule of who may have an offer, said the long way."""
        row, who = world.people[name], self.policy.managers[name]
        now = self.desk.now
        return (
            bool(row.available)
            and not row.leaving
            and who.hours.open_at(now, who.zone)
            and _stays(who, now, min(self.team.accept_within or timedelta(0), 15 * MINUTE))
            and (who.capacity is None or count < who.capacity)
            and (who.offers is None or holds < who.offers)
        )

    def _check_limits(self, world: "World") -> None:
        for name, row in world.people.items():
            who = self.policy.managers[name]
            owned, held = world.owned.get(row.id, 0), world.held.get(row.id, 0)
            assert row.open == owned
            # What all had refused, somebody may take over his limit: that is his own hand and not the distribution's.
            assert who.capacity is None or owned <= who.capacity + len(self._volunteered[name]), name
            assert who.offers is None or held <= who.offers, name
            self.figures.most_open = max(self.figures.most_open, owned)
            self.figures.most_held = max(self.figures.most_held, held)

    def _check_waiting(self, world: "World") -> None:
        """Nothing waits while somebody who has not refused it can take it, and each wait has a reason that ends."""
        name_of = {row.id: name for name, row in world.people.items()}
        able = {
            name
            for name, row in world.people.items()
            if self._able(world, name, world.owned.get(row.id, 0), world.held.get(row.id, 0))
        }
        refused, shown = world.refusals(name_of), world.shown(name_of)
        for lead in world.waiting:
            assert lead.reason is not None
            if lead.reason == "waiting_for_owner":
                assert lead.wait_until is not None
            elif lead.reason == "refused_by_all":
                assert able <= shown.get(lead.id, set()), "one who could take it was not asked"
            else:
                assert able <= refused.get(lead.id, set()) or self._soon(world, refused.get(lead.id, set())), lead

    def _soon(self, world: "World", refused: set[str]) -> bool:
        """Whether one who has not refused only has too many offers, and so will be free in a moment."""
        for name, row in world.people.items():
            who = self.policy.managers[name]
            is_there = row.available and who.hours.open_at(self.desk.now, who.zone)
            if is_there and name not in refused and world.held.get(row.id, 0) == who.offers:
                return True
        return False

    def _check_silences(self, world: "World") -> None:
        for name, row in world.people.items():
            assert not (row.available and row.silences >= 2), name
            if row.silences >= 2 and self._told_silences[name] < row.silences:
                self.figures.made_away += 1
                back = self.desk.now + 5 * MINUTE + self.rng.random() * 40 * MINUTE
                self.at(back, lambda name=name: self.desk.switch(name, available=True))  # type: ignore[misc] # a bound default
            self._told_silences[name] = row.silences

    # ---- what it came to

    def finish(self) -> Figures:
        """The figures, and the promises that hold over the whole run."""
        figures = self.figures
        assert self.desk.parts.balanced()
        self._fair()
        rows = self.desk.parts.rows(leads)
        figures.leads = len(rows)
        figures.answers = Counter(row["state"] for row in self.desk.parts.rows(offers))
        first: dict[int, int] = {}
        for row in self.desk.parts.rows(offers):
            first.setdefault(row["lead_id"], row["offered_at"])
        clock = self.store.transact(self.desk.parts.rulebooks.current).clocks["sales"]
        for row in rows:
            assert row["state"] in {"unprocessed", "assigned", "in_work", "converted", "lost", "disqualified"}
            if row["id"] in first:
                figures.waits.append(clock.between(_moment(row["created_at"]), _moment(first[row["id"]])))
        figures.escalated = sum(len(record["leads"]) for record in self.desk.records("escalation"))
        figures.came_back = len(self.desk.told("owner_away"))
        figures.refused_by_all = len(self.desk.told("refused_by_all"))
        return figures

    def _fair(self) -> None:
        """Any two who were eligible throughout a window: one turn apart, and one more for each lead that either refused."""
        for one, other in combinations(self.team.members, 2):
            lead = low = high = extra = 0
            for taker, able, refused in self._history:
                if one not in able or other not in able:
                    lead = low = high = extra = 0
                    continue
                lead += (taker == one) - (taker == other)
                extra += bool(taker and (one in refused or other in refused))
                low, high = min(low, lead), max(high, lead)
                assert high - low <= 1 + extra, (one, other)
                if high - low > self.figures.widest:
                    self.figures.widest, self.figures.widest_bound = high - low, 1 + extra


@dataclass(frozen=True, slots=True)
class World:
    """What a check reads in one go."""

    new: list[Any]
    held: Mapping[int, int]
    waiting: list[Any]
    standing: list[Any]
    owned: Mapping[int, int]
    people: Mapping[str, Any]

    def refusals(self, name_of: Mapping[int, str]) -> dict[int, set[str]]:
        """Who has refused each lead."""
        return self._by_lead(name_of, lambda row: row.by != "everyone" and row.state != "open")

    def shown(self, name_of: Mapping[int, str]) -> dict[int, set[str]]:
        """Before whom each lead was put together with everybody."""
        return self._by_lead(name_of, lambda row: row.by == "everyone")

    def _by_lead(self, name_of: Mapping[int, str], wanted: Callable[[Any], bool]) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for row in filter(wanted, self.standing):
            found[row.lead_id].add(name_of[row.manager_id])
        return found


def _stays(who: Manager, now: datetime, margin: timedelta) -> bool:
    left = who.shift_left(now)
    return left is None or left >= margin


def _state(db: sa.Connection, lead: int) -> str:
    return str(db.execute(sa.select(leads.c.state).where(leads.c.id == lead)).scalar_one())


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


# ---- a month of twelve people

MONTH: Final = datetime(2026, 8, 31, 0, 0, tzinfo=UTC)
SHIFTS: Final = (
    *[{"hours": OFFICE}] * 6,
    {"hours": "Mon-Fri 10:00-19:00", "timezone": "Asia/Yekaterinburg"},
    {"hours": "Mon-Fri 10:00-19:00", "timezone": "Asia/Yekaterinburg"},
    {"hours": "Mon-Fri 13:00-22:00"},
    {"hours": "Mon-Fri 13:00-22:00"},
    {"hours": "Sat-Sun 10:00-16:00"},
    {"hours": "Mon-Sat 09:00-14:00"},
)


def department() -> dict[str, Any]:
    """Twelve people in two time zones, with a break, an evening shift and a weekend."""
    people = {f"m{n:02}": manager(capacity=6, offers=3, **shift) for n, shift in enumerate(SHIFTS)}
    team = {
        "managers": list(people),
        "strategy": "round_robin",
        "respond_within": None,
        "sticky": {"wait": "10m"},
        "accept_within": "3m",
        "owner_away": "30m",
        "head": "irina",
        "escalate": [{"after": "15m", "to": "head"}, {"after": "1h", "to": "oleg"}],
    }
    directors = {"irina": {"name": "Ирина"}, "oleg": {"name": "Олег"}}
    return company(managers=people, directors=directors, teams={"sales": team})


def month(store: Store, days: int, leads_a_day: int, seed: int = 1) -> Figures:
    """So many days: leads by day and night, clients who come again, people who go away for hours."""
    simulated = Department(store, department(), MONTH, seed, Nature())
    rng = Rng(seed + 1)
    for day in range(days):
        begins = MONTH + day * DAY
        for _ in range(max(1, round(leads_a_day * (1.0 if begins.weekday() < 5 else 0.3)))):
            # Two of three by day, from eight in the morning in Moscow; the others at any hour.
            hour = rng.uniform(5, 17) if rng.random() < 2 / 3 else rng.uniform(0, 24)
            again = bool(day) and rng.random() < 1 / 5
            simulated.at(begins + hour * HOUR, lambda again=again: simulated.lead_comes(again=again))  # type: ignore[misc] # a bound default
        for name in simulated.team.members:
            if rng.random() < 1 / 8:
                length = rng.uniform(0.3, 3) * HOUR
                simulated.at(
                    begins + rng.uniform(5, 15) * HOUR,
                    lambda name=name, length=length: simulated.goes_away(name, length),  # type: ignore[misc] # as above
                )
    simulated.run(MONTH + days * DAY)
    return simulated.finish()


# ---- a morning after a night

MORNING: Final = datetime(2026, 9, 2, 6, 0, tzinfo=UTC)  # nine in Moscow


@dataclass(frozen=True, slots=True)
class Morning:
    """What became of the leads of a night: waits are from nine o'clock on."""

    figures: Figures
    urgent_offered: list[timedelta]
    offered: list[timedelta]
    accepted: list[timedelta]
    left: int


def morning(store: Store, seed: int = 1, count: int = 80, urgent: int = 10) -> Morning:
    """`count` leads of a night, `urgent` of them to be answered within five minutes; six managers come at nine."""
    people = {f"m{n}": manager(offers=3, hours="Mon-Fri 09:00-18:00") for n in range(6)}
    rule = {"when": {"utm_source": ["ads"]}, "team": "sales", "respond_within": "5m"}
    team = {"managers": list(people), "strategy": "round_robin", "respond_within": None, "sticky": None}
    document = company(
        managers=people,
        directors={"irina": {"name": "Ирина"}},
        teams={"sales": {**team, "accept_within": "3m", "head": "irina"}},
        routing=[rule, {"when": {}, "team": "sales", "respond_within": None}],
    )
    night = MORNING - 13 * HOUR
    simulated = Department(store, document, night, seed, Nature(works_on_a_lead=30 * DAY))
    rng = Rng(seed + 1)
    for n in range(count):
        said = {"campaign": {"utm_source": "ads"}} if n % (count // urgent) == 0 else {}
        simulated.at(night + rng.random() * 12.9 * HOUR, lambda said=said: simulated.lead_comes(**said))  # type: ignore[misc] # a bound default
    simulated.run(MORNING + 4 * HOUR)
    figures = simulated.finish()
    first: dict[int, int] = {}
    for row in sorted(simulated.desk.parts.rows(offers), key=lambda row: row["id"]):
        first.setdefault(row["lead_id"], row["offered_at"])
    rows = simulated.desk.parts.rows(leads)
    return Morning(
        figures,
        sorted(_moment(first[row["id"]]) - MORNING for row in rows if row["respond_within"] is not None),
        sorted(_moment(first[row["id"]]) - MORNING for row in rows if row["respond_within"] is None),
        sorted(_moment(row["accepted_at"]) - MORNING for row in rows if row["accepted_at"] is not None),
        sum(row["accepted_at"] is None for row in rows),
    )


def _print(name: str, value: object) -> None:
    print(f"{name:42} {value}")


def main() -> None:
    """Print the figures of a run over a SQLite file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/priyom.db")
        migrate.create(store)
        store.transact_raw(revisions.prepare)
        if sys.argv[1:] == ["morning"]:
            came = morning(store)
            for label, times in (
                ("urgent offered", came.urgent_offered),
                ("others offered", came.offered),
                ("accepted", came.accepted),
            ):
                _print(label, [str(times[at]).partition(".")[0] for at in (0, len(times) // 2, -1)])
            _print("left", came.left)
            figures = came.figures
        else:
            figures = month(store, 30, 60)
            waits = sorted(figures.waits)
            _print(
                "wait in working time: median, 99 of 100, worst",
                [str(waits[at]) for at in (len(waits) // 2, len(waits) * 99 // 100, -1)],
            )
        for name in Figures.__slots__:
            if name != "waits":
                _print(name, getattr(figures, name))
        store.close()


if __name__ == "__main__":
    main()
