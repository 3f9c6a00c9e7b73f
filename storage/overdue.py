"""What time brings about in rows: leads whose owner is away, and leads that nobody has accepted for too long."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant, micros
from kernel.ids import uuid7
from storage.names import Names
from storage.outbox import slot_of
from storage.rows import Prepared, hexed, pack, rows, update
from storage.schema import leads, outbox

LIMIT: Final = 500
_WAITING: Final = leads.c.state.in_(("unprocessed", "assigned"))


@dataclass(frozen=True, slots=True)
class Left:
    """A lead whose owner has been away for as long as its team allows. `state` is assigned or in_work."""

    lead: int
    owner: str
    team: str
    state: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A lead of which the next step of its team's chain is to be told; `escalated` steps were."""

    lead: int
    team: str
    escalated: int
    at: datetime


_NEXT: Final = Prepared(
    sa.select(
        sa.select(sa.func.min(leads.c.away_at)).where(leads.c.away_at.is_not(None)).scalar_subquery(),
        sa.select(sa.func.min(leads.c.escalate_at)).where(leads.c.escalate_at.is_not(None)).scalar_subquery(),
    )
)


def next_due(db: sa.Connection) -> datetime | None:
    """When the next lead comes back from an owner who is away, or is told to somebody above him."""
    times = [at for at in _NEXT(db)[0] if at is not None]
    return instant(min(times)) if times else None


def owners_back(db: sa.Connection, names: Names, there: Collection[str]) -> None:
    """Leads of these managers, who are there, wait for nobody."""
    numbers = [names.managers.number(db, name) for name in there]
    back = sa.and_(leads.c.away_at.is_not(None), leads.c.owner_id.in_(numbers))
    db.execute(sa.update(leads).where(back).values(away_at=None))


def owners_away(db: sa.Connection, names: Names, team: str, away: Collection[str], until: datetime) -> None:
    """Leads of a team that are assigned to these managers, who are away, and that nobody has accepted: `until` begins to run."""
    numbers = [names.managers.number(db, name) for name in away]
    db.execute(
        sa.update(leads)
        .where(
            leads.c.state == "assigned",
            leads.c.owner_id.in_(numbers),
            leads.c.team_id == names.teams.number(db, team),
            leads.c.away_at.is_(None),
        )
        .values(away_at=micros(until))
    )


def written_again(db: sa.Connection, until: Mapping[int, datetime]) -> None:
    """The clients of these open leads, whose owners are away, wrote again: that begins to run, unless it does already."""
    values = [(lead, micros(at)) for lead, at in sorted(until.items())]
    if values:
        _WRITTEN_AGAIN(db, {"new": pack(values)})


_again: Final = rows("new", leads.c.id, leads.c.away_at)
_WRITTEN_AGAIN: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _again.c.id, leads.c.away_at.is_(None), leads.c.owner_id.is_not(None))
    .values(away_at=_again.c.away_at)
)


def left_alone(db: sa.Connection, names: Names, now: datetime) -> list[Left]:
    """Leads whose time with an absent owner is over. Any other that had such a time has it no more."""
    over = leads.c.away_at <= micros(now)
    gone = sa.or_(leads.c.owner_id.is_(None), leads.c.state.not_in(("assigned", "in_work")))
    db.execute(sa.update(leads).where(over, gone).values(away_at=None))
    query = sa.select(leads).where(over).order_by(leads.c.away_at, leads.c.id).limit(LIMIT).with_for_update()
    return [
        Left(row.id, names.managers.name(db, row.owner_id), names.teams.name(db, row.team_id), row.state)
        for row in db.execute(query)
    ]


_asked: Final = rows("asked", leads.c.id)
_COME_BACK: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id.in_(sa.select(_asked.c.id)))
    .values(
        state="unprocessed",
        reason="owner_away",
        had_owner_id=leads.c.owner_id,
        owner_id=None,
        away_at=None,
        wait_until=None,
        accepted_at=None,
        version=leads.c.version + 1,
    )
)


def come_back(db: sa.Connection, numbers: Collection[int]) -> None:
    """These leads wait for somebody else than their owner. Loads and offers are counted elsewhere."""
    if numbers:
        _COME_BACK(db, {"asked": pack([(number,) for number in sorted(numbers)])})


def unanswered(db: sa.Connection, names: Names, now: datetime) -> list[Unanswered]:
    """Leads that nobody has accepted and of which the next step is due. Any other that had a step to come has none."""
    over = leads.c.escalate_at <= micros(now)
    db.execute(sa.update(leads).where(over, sa.not_(_WAITING)).values(escalate_at=None))
    query = sa.select(leads).where(over, _WAITING).order_by(leads.c.escalate_at, leads.c.id).limit(LIMIT)
    return [
        Unanswered(row.id, names.teams.name(db, row.team_id), row.escalated, instant(row.escalate_at))
        for row in db.execute(query.with_for_update())
    ]


def escalate(db: sa.Connection, steps: Sequence[tuple[int, int, datetime | None]]) -> None:
    """Of each (lead, steps told, time of the next)."""
    values = [(lead, told, None if at is None else micros(at)) for lead, told, at in sorted(steps)]
    update(db, leads, ("id", "escalated", "escalate_at"), values)


def tell_of_many(
    db: sa.Connection, names: Names, code: str, person: str, numbers: Sequence[int], new_id: int, now: datetime
) -> None:
    """One notice about many leads. One of the same code that is still to be sent to the same person takes them in."""
    manager = names.managers.number(db, person)
    slot = slot_of(code, None, manager)
    waiting = db.execute(sa.select(outbox.c.id, outbox.c.record).where(outbox.c.slot == slot).with_for_update()).first()
    if waiting is not None:
        listed = list(dict.fromkeys([*orjson.loads(waiting.record)["leads"], *numbers]))
        record = orjson.dumps({"leads": listed}).decode()
        db.execute(sa.update(outbox).where(outbox.c.id == waiting.id).values(record=record))
        return
    record = orjson.dumps({"leads": list(numbers)}).decode()
    values = {"id": new_id, "uid": hexed(uuid7()), "code": code, "manager_id": manager, "slot": slot, "record": record}
    db.execute(sa.insert(outbox).values(**values, created_at=micros(now), due_at=micros(now)))
