"""Each promise broken once, on purpose, in the process of a daemon that is under trial: what the kit must notice.

A sabotage is an honest mistake, such as a colleague could make: the daemon goes on, most of the time even rightly.
"""

import smtplib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from prove.truth import Nature

LATE: Final = 0.25
"""Seconds by which something is too late."""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One mistake: the promise that it breaks by number, what it is, and how it gets into the process.

    `sign`: what the check of just this says, so that nothing else that goes wrong counts as having caught it. `crowd`: who
    approaches, by nature with a weight, where it matters. `faults`: what happens meanwhile, and nothing else but kills at
    the point `killed`. `store`: where its promise is one about several processes.
    """

    promise: int
    what: str
    plant: Callable[[], None]
    sign: str
    crowd: Mapping[Nature, int] = field(default_factory=dict)
    faults: Sequence[str] = ()
    killed: str = ""
    store: str = "sqlite"


def acknowledge_first() -> None:
    """The answer is given, and then it is committed."""
    from channels.message import Accepted
    from ingest.intake.intake import Intake, _Group
    from kernel.ids import uuid7
    from storage import journal

    coming: deque[str] = deque()
    append = Intake._append
    vars(journal)["uuid7"] = lambda: coming.popleft() if coming else uuid7()

    async def hasty(self: Intake, group: _Group) -> bool:
        deliveries = group.begin()
        told = [Accepted(uuid7(), duplicate=False) for delivery in deliveries for _ in delivery.envelopes]
        coming.extend(one.id for one in told)
        self._answer(deliveries, told)
        import asyncio

        await asyncio.sleep(LATE)
        return await append(self, group)

    Intake._append = hasty  # type: ignore[method-assign] # as above


def cursor_first() -> None:
    """The position moves in a transaction of its own, before what it covers."""
    from ingest.intake.intake import Intake
    from storage.cursors import Cursor

    accept = Intake.accept

    async def hasty(self: Intake, envelopes: Sequence[Any], cursor: Cursor | None = None) -> Any:
        if cursor is not None:
            await accept(self, [], cursor)
            import asyncio

            await asyncio.sleep(LATE * 4)
        return await accept(self, envelopes, None)

    Intake.accept = hasty  # type: ignore[method-assign] # as above


def cursor_without_fence() -> None:
    """Whoever writes a position writes it, however old his lease is, and backwards too: here each write but the last is late."""
    from storage import cursors

    late: dict[tuple[int, str], Any] = {}

    def move(db: sa.Connection, channel_id: int, cursor: cursors.Cursor) -> None:
        place = (channel_id, cursor.name)
        for one in (cursor, late.get(place, cursor)):
            statement = cursors._placed(db, channel_id, one)
            cursors._taken(db, statement, ("era", "position", "epoch"), sa.true())
        late[place] = cursor

    cursors.move = move


def lookup_first() -> None:
    """Whether a delivery is there already is looked up, and nothing makes it unique when two come at one time."""
    from storage.journal import Journal

    append = Journal.append_claimed

    def looked_up(self: Journal, db: sa.Connection, envelopes: Any, claim: Any, cursor: Any = None) -> Any:
        seen: set[str | None] = set()
        several = []
        for number, (envelope, day) in enumerate(envelopes):
            here = envelope.identity
            twice = here is not None and here in seen
            seen.add(here)
            several.append((replace(envelope, identity=f"{here} {number} {time.time()}") if twice else envelope, day))
        return append(self, db, several, claim, cursor)

    Journal.append_claimed = looked_up  # type: ignore[method-assign] # as above


def names_forgotten() -> None:
    """Names of deliveries that are not in their table yet are known only to the process that took them in."""
    from storage import deliveries

    vars(deliveries)["_NOT_GONE"] = lambda _db: []


def keys_looked_up() -> None:
    """Who is known is looked up without the constraint: of a batch nobody sees the one before him."""
    from dedup.people import resolve
    from ingest.pipeline import settle

    def alone(arrivals: Sequence[Any], world: Any, *more: Any, **named: Any) -> Any:
        spread = [
            replace(a, evidence=tuple(replace(e, key=e.key._replace(value=f"{e.key.value}?{n}")) for e in a.evidence))
            if n % 7 == 3
            else a
            for n, a in enumerate(arrivals)
        ]
        return resolve(spread, world, *more, **named)

    vars(settle)["resolve"] = alone


def junk_joins() -> None:
    """A shared address counts as somebody's own."""
    from dedup.keys import KeyRules

    KeyRules.lists = lambda self, key: False  # type: ignore[method-assign]  # noqa: ARG005 # as above


def turn_late() -> None:
    """A turn is written in the transaction after the one that gave it."""
    from storage import rotation

    write = rotation.write_turns
    late: deque[tuple[Any, ...]] = deque()

    def hold(db: sa.Connection, names: Any, team: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        late.append((names, team, before, after))
        if len(late) > 1:
            write(db, *late.popleft())

    vars(rotation)["write_turns"] = hold


def limit_forgotten() -> None:
    """How many leads a manager has is not read."""
    from storage import rotation

    lock = rotation.lock

    def forgetful(*arguments: Any, **named: Any) -> Any:
        locked = lock(*arguments, **named)
        return replace(locked, standings={m: replace(s, open=0) for m, s in locked.standings.items()})

    vars(rotation)["lock"] = forgetful


def nobody_looks_again() -> None:
    """Leads that wait are forgotten when somebody frees up: only newcomers are given out."""
    from storage import rotation

    vars(rotation)["waiting"] = lambda *_arguments, **_named: ([], {})


def outcome_uncounted() -> None:
    """Now and then an outcome is written and not counted."""
    from storage.journal import Journal

    count = Journal._count
    calls = iter(range(10**9))

    def careless(self: Journal, db: sa.Connection, changes: Any) -> None:
        if next(calls) % 5 != 4:
            count(self, db, changes)

    Journal._count = careless  # type: ignore[method-assign] # as above


def poison_spreads() -> None:
    """What cannot be read takes its batch with it."""
    from ingest.pipeline.pipeline import Pipeline
    from ingest.pipeline.settle import Reading

    read = Pipeline._read

    async def together(self: Pipeline, claimed: Sequence[Any]) -> list[Any]:
        readings = await read(self, claimed)
        if any(one.fault == "unreadable" for one in readings):
            return [Reading(one.claimed, None, "unreadable") for one in readings]
        return readings

    Pipeline._read = together  # type: ignore[method-assign] # as above


def unexplained() -> None:
    """Now and then a decision is not written down."""
    from storage import decisions

    write = decisions.write

    def careless(db: sa.Connection, made: Sequence[Any]) -> None:
        write(db, [one for one in made if one.id % 5])

    vars(decisions)["write"] = careless


def notice_first() -> None:
    """The manager is told, and then his lead is committed."""
    import os

    from ingest.pipeline.settle import Settler
    from kernel.seams import crashpoint
    from storage.schema import leads, managers, outbox

    settle = Settler.settle

    def told(self: Settler, db: sa.Connection, *arguments: Any, **named: Any) -> Any:
        done = settle(self, db, *arguments, **named)
        due = db.execute(
            sa.select(outbox.c.id, outbox.c.uid, leads.c.uid.label("lead"), managers.c.name)
            .join(leads, leads.c.id == outbox.c.lead_id)
            .join(managers, managers.c.id == outbox.c.manager_id)
            .where(outbox.c.state == "due", outbox.c.code == "lead_assigned", outbox.c.attempts == 0)
        ).all()
        if due:
            with smtplib.SMTP("127.0.0.1", int(os.environ["PROVE_SMTP"])) as server:
                for one in due:
                    said = f"Message-ID: <{one.uid}@early>\r\nTo: {one.name}@example.com\r\n\r\nleads/{one.lead}\r\n"
                    server.sendmail("leads@example.com", [f"{one.name}@example.com"], said)
            time.sleep(LATE)
            # The point behind the commit is now one before it.
            crashpoint("settle.after_commit")
            db.execute(
                sa.update(outbox).where(outbox.c.id.in_([one.id for one in due])).values(state="sent", attempts=1)
            )
        return done

    Settler.settle = told  # type: ignore[method-assign] # as above


def always_well() -> None:
    """A channel that cannot be reached is shown as if it listened."""
    from ingest.intake.listening import Listening

    # Not merely silent about it: a channel that was away from the start would then be shown as starting.
    Listening._say = lambda listening, name, _state: listening.heard(name)  # type: ignore[assignment,method-assign] # as above


_LOST: Final = "is not in the journal"
_AHEAD: Final = "is ahead of the journal"

SABOTAGES: Final[Mapping[str, Sabotage]] = {
    "acknowledge-first": Sabotage(
        1, "acknowledge before the commit", acknowledge_first, _LOST, {"phone": 1}, killed="accept.before_commit"
    ),
    "cursor-first": Sabotage(
        1, "the cursor moves before its envelopes are committed", cursor_first, _AHEAD, {"telegram": 1, "phone": 1}
    ),
    "cursor-without-fence": Sabotage(
        1,
        "a late writer moves the cursor back",
        cursor_without_fence,
        "went back",
        {"telegram": 1, "phone": 1},
        store="postgresql",
    ),
    "lookup-first": Sabotage(2, "a lookup before the group, and nothing that is unique in it", lookup_first, "rows: ["),
    "names-forgotten": Sabotage(
        2,
        "names of deliveries are not read again after a start",
        names_forgotten,
        "rows: [",
        {"phone": 1},
        killed="accept.after_commit",
    ),
    "notice-first": Sabotage(
        2,
        "the notice is sent before its lead is committed",
        notice_first,
        "there is no such lead",
        {"phone": 1, "service": 1},
        killed="settle.after_commit",
    ),
    "keys-looked-up": Sabotage(
        3,
        "a lookup instead of the unique constraint of keys",
        keys_looked_up,
        " contacts: [",
        {"phone": 1},
        store="postgresql",
    ),
    "shared-joins": Sabotage(4, "a shared address joins people", junk_joins, " people: [", {"firm": 1, "junk": 1}),
    "turn-late": Sabotage(
        5,
        "the turn is written outside the transaction that gives it",
        turn_late,
        "turn",
        {"phone": 1},
        store="postgresql",
    ),
    "limit-forgotten": Sabotage(
        6, "a manager's limit is not looked at", limit_forgotten, "open leads and may have", {"service": 1}
    ),
    "nobody-looks-again": Sabotage(
        6,
        "who frees up is not given what waits",
        nobody_looks_again,
        "waits though somebody is free",
        {"service": 1},
        ("leads closed", "managers away and back"),
    ),
    "outcome-uncounted": Sabotage(7, "an outcome is not counted", outcome_uncounted, "ledger did not agree"),
    "poison-spreads": Sabotage(
        8, "what cannot be read costs its neighbours", poison_spreads, "no poison, failed", {"phone": 6, "poison": 1}
    ),
    "unexplained": Sabotage(9, "a decision is not written down", unexplained, "nothing says"),
    "always-well": Sabotage(
        10,
        "a channel that is away is shown as listening",
        always_well,
        "was shown as listening",
        faults=("messenger away",),
    ),
}
