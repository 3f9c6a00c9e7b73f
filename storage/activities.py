"""Things to do by a time, in rows: opened by what a client did, closed by what was done about it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import instant, iso, micros
from kernel.ids import uuid7_hex
from storage.rows import Prepared, dashed, insert, pack, rows, update
from storage.schema import activities, contacts, leads

ANSWER: Final = "answer"
CALL_BACK: Final = "call_back"


@dataclass(frozen=True, slots=True)
class Activity:
    """Something to do about a lead. `kind` is one of the above; `due_at` None: at no particular time."""

    id: int
    lead: int
    interaction: int | None
    kind: str
    created_at: datetime
    due_at: datetime | None


_COLUMNS: Final = ("id", "uid", "lead_id", "interaction_id", "kind", "created_at", "due_at")


def write(db: sa.Connection, new: Sequence[Activity]) -> None:
    """Insert activities in one statement."""
    values = [
        (
            one.id,
            uuid7_hex(),
            one.lead,
            one.interaction,
            one.kind,
            micros(one.created_at),
            None if one.due_at is None else micros(one.due_at),
        )
        for one in new
    ]
    insert(db, activities, _COLUMNS, values)


_asked: Final = rows("asked", leads.c.id)
_mine: Final = leads.alias("mine")
_itself: Final = contacts.alias("itself")
_merged: Final = contacts.alias("merged")
_other: Final = leads.alias("other")
_kind: Final = sa.bindparam("kind", type_=sa.Text())
_OPEN_OF_LEADS: Final = Prepared(
    sa.select(activities.c.lead_id).where(
        activities.c.lead_id.in_(sa.select(_asked.c.id)), activities.c.kind == _kind, activities.c.done_at.is_(None)
    )
)
# The lead itself, which may be a company's, and those of its client under whatever contact. A union: an OR over two columns of
# `leads` would keep a planner from its indexes.
_theirs: Final = sa.union(
    sa.select(_asked.c.id.label("asked"), _asked.c.id.label("lead")),
    sa.select(_asked.c.id, _other.c.id)
    .join(_mine, _mine.c.id == _asked.c.id)
    .join(_itself, _itself.c.id == _mine.c.contact_id)
    .join(_merged, _merged.c.root_id == _itself.c.root_id)
    .join(_other, _other.c.contact_id == _merged.c.id),
).subquery("theirs")
_OPEN_OF_PEOPLE: Final = Prepared(
    sa.select(_theirs.c.asked, activities.c.id)
    .join(activities, activities.c.lead_id == _theirs.c.lead)
    .where(activities.c.kind == _kind, activities.c.done_at.is_(None))
)


_part: Final = leads.alias("part")
_own: Final = sa.union(
    sa.select(_asked.c.id.label("asked"), _asked.c.id.label("lead")),
    sa.select(_asked.c.id, _part.c.id).join(_part, _part.c.merged_into == _asked.c.id),
).subquery("own")
_OPEN_OF_PARTS: Final = Prepared(
    sa.select(_own.c.asked, activities.c.id)
    .join(activities, activities.c.lead_id == _own.c.lead)
    .where(activities.c.kind == _kind, activities.c.done_at.is_(None))
)


def of_leads(db: sa.Connection, numbers: Collection[int], kind: str) -> dict[int, int]:
    """What of this kind is to be done about these leads and those that go on in them: the lead asked about by activity."""
    return {activity: lead for lead, activity in _OPEN_OF_PARTS(db, _packed(numbers) | {"kind": kind})}


def waiting(db: sa.Connection, numbers: Collection[int], kind: str) -> set[int]:
    """Those of these leads that have something of this kind to do already."""
    if not numbers:
        return set()
    return {row[0] for row in _OPEN_OF_LEADS(db, _packed(numbers) | {"kind": kind})}


def of_people(db: sa.Connection, numbers: Collection[int], kind: str) -> dict[int, int]:
    """What of this kind is to be done for the clients of these leads, on whichever lead: the lead asked about by activity."""
    if not numbers:
        return {}
    return {activity: lead for lead, activity in _OPEN_OF_PEOPLE(db, _packed(numbers) | {"kind": kind})}


def close(db: sa.Connection, done: Sequence[tuple[int, datetime, str]]) -> None:
    """These activities were done: (activity, when, by whom)."""
    update(
        db, activities, ("id", "done_at", "done_by"), [(number, micros(at), who) for number, at, who in sorted(done)]
    )


def of_lead(db: sa.Connection, lead: int) -> list[dict[str, Any]]:
    """All that was and is to be done about a lead and those that go on in it, oldest first, as the API shows it."""
    found = db.execute(
        sa.select(activities)
        .where(activities.c.lead_id.in_(_parts(lead)))
        .order_by(activities.c.created_at, activities.c.id)
    )
    return [
        {
            "id": dashed(row.uid),
            "kind": row.kind,
            "created_at": iso(instant(row.created_at)),
            "due_at": None if row.due_at is None else iso(instant(row.due_at)),
            "done_at": None if row.done_at is None else iso(instant(row.done_at)),
            "done_by": row.done_by,
        }
        for row in found
    ]


def open_of(db: sa.Connection, uids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """What is to be done about each of these leads, by their ids outside: of every kind, what is due first."""
    # What was to be done about a lead is to be done still when it goes on in another. A union, as above.
    itself = sa.select(leads.c.uid, leads.c.id).where(leads.c.uid.in_(sorted(uids)))
    folded = (
        sa.select(leads.c.uid, _other.c.id)
        .join(_other, _other.c.merged_into == leads.c.id)
        .where(leads.c.uid.in_(sorted(uids)))
    )
    parts = sa.union_all(itself, folded).subquery("parts")
    query = (
        sa.select(parts.c.uid, activities.c.kind, sa.func.min(activities.c.due_at))
        .join(parts, parts.c.id == activities.c.lead_id)
        .where(activities.c.done_at.is_(None), activities.c.due_at.is_not(None))
        .group_by(parts.c.uid, activities.c.kind)
        .order_by(sa.func.min(activities.c.due_at), activities.c.kind)
    )
    todo: dict[str, list[dict[str, Any]]] = {}
    for uid, kind, due_at in db.execute(query) if uids else ():
        todo.setdefault(uid, []).append({"kind": kind, "due_at": iso(instant(due_at))})
    return todo


def _parts(lead: int) -> sa.Select[tuple[int]]:
    return sa.select(leads.c.id).where(sa.or_(leads.c.id == lead, leads.c.merged_into == lead))


def done(db: sa.Connection, lead: int, who: str, now: datetime, kind: str | None = None) -> int:
    """All that is to be done about a lead, or what is of this kind, is done; how many there were."""
    still = sa.and_(activities.c.lead_id.in_(_parts(lead)), activities.c.done_at.is_(None))
    if kind is not None:
        still = sa.and_(still, activities.c.kind == kind)
    return db.execute(sa.update(activities).where(still).values(done_at=micros(now), done_by=who)).rowcount


def lead_of(db: sa.Connection, uid: str) -> str | None:
    """The lead that an activity is about, by their ids; None where there is no such activity."""
    found = db.execute(
        sa.select(leads.c.uid).join(activities, activities.c.lead_id == leads.c.id).where(activities.c.uid == uid)
    ).scalar()
    return None if found is None else dashed(found)


def by_hand(db: sa.Connection, uid: str, who: str, now: datetime) -> tuple[int, str] | None:
    """An activity is done: its lead's number and its kind; None where it was done already."""
    changed = db.execute(
        sa.update(activities)
        .where(activities.c.uid == uid, activities.c.done_at.is_(None))
        .values(done_at=micros(now), done_by=who)
        .returning(activities.c.lead_id, activities.c.kind)
    ).first()
    return None if changed is None else (changed[0], changed[1])


def _packed(numbers: Collection[int]) -> dict[str, Any]:
    return {"asked": pack([(number,) for number in sorted(numbers)])}
