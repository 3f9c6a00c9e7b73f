"""The append-only record of what was decided, about which envelope and lead, by whom: codes and ids, no personal values."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from kernel.clock import instant, micros
from kernel.facts import fact
from storage.rows import found, insert, look_up
from storage.schema import decisions, keys, leads, managers

SYSTEM = "priyom"
LATE: Final = 500
"""Assignments that are looked through for what passed a manager by."""

_NAMED: Final = look_up((keys.c.id,), (keys.c.kind, keys.c.value))


@fact
class Decision:
    """One decision. `stage` is match, assignment or action; `actor` is the product itself, or who did it by hand."""

    id: int
    at: datetime
    stage: str
    record: dict[str, Any]
    lead: int | None = None
    entry: int | None = None
    actor: str = SYSTEM


def write(db: sa.Connection, made: Sequence[Decision]) -> None:
    """Append decisions in one statement."""
    insert(
        db,
        decisions,
        ("id", "at", "stage", "actor", "journal_id", "lead_id", "record"),
        [(d.id, micros(d.at), d.stage, d.actor, d.entry, d.lead, orjson.dumps(d.record).decode()) for d in made],
    )


def of_lead(db: sa.Connection, lead: int) -> list[Decision]:
    """Everything that was decided about a lead, oldest first."""
    query = sa.select(decisions).where(decisions.c.lead_id == lead)
    made = db.execute(query.order_by(decisions.c.at, decisions.c.id)).all()
    return [
        Decision(row.id, instant(row.at), row.stage, orjson.loads(row.record), row.lead_id, row.journal_id, row.actor)
        for row in made
    ]


def last_past(db: sa.Connection, manager: str) -> Decision | None:
    """The latest assignment of late in which a manager was passed over, or free while it was another's turn.

    Not of a lead that has come to him since.
    """
    latest = (
        sa.select(decisions)
        .join(leads, leads.c.id == decisions.c.lead_id)
        .outerjoin(managers, managers.c.id == leads.c.owner_id)
        .where(decisions.c.stage == "assignment", sa.func.coalesce(managers.c.name, "") != manager)
        .order_by(decisions.c.id.desc())
        .limit(LATE)
    )
    # Ids of several processes are in the order of time up to some seconds: which was the last is told by the time.
    for row in sorted(db.execute(latest), key=attrgetter("at", "id"), reverse=True):
        record = orjson.loads(row.record)
        passed = [name for name, _why in record.get("skipped") or ()]
        if record.get("manager") != manager and manager in (*passed, *(record.get("eligible") or ())):
            return Decision(row.id, instant(row.at), row.stage, record, row.lead_id, row.journal_id, row.actor)
    return None


def keys_named(db: sa.Connection, ids: Collection[int]) -> dict[int, Key]:
    """The keys that records name by id, in one statement; one that was erased since is left out."""
    order = list(ids)
    records = found(db, _NAMED, [(number,) for number in order])
    return {number: Key(*record) for number, record in zip(order, records, strict=True) if record is not None}
