"""Files and names that are still at their provider: what is to be fetched, and what it came to on the interaction that has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import micros
from storage.names import Names
from storage.rows import Upsert
from storage.schema import contacts, fetches, interactions

PROFILE: Final = -1
"""The place that stands for no attachment but for the name of whoever sent the interaction."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One attachment (or a PROFILE) whose file is fetched now, with the number of times it has been tried, this one included."""

    interaction: int
    place: int
    channel: str
    locator: str
    attempts: int


_WANT: Final = Upsert(
    fetches,
    ("interaction_id", "place", "locator", "attempts", "due_at"),
    lambda insert: insert.on_conflict_do_update(
        index_elements=["interaction_id", "place"],
        set_={name: insert.excluded[name] for name in ("locator", "attempts", "due_at")},
    ),
)


def want(db: sa.Connection, files: Sequence[tuple[int, int, str]], now: datetime) -> None:
    """These are to be fetched: (interaction, place among its attachments, locator). What was at that place before is not."""
    if files:
        _WANT(db, [(interaction, place, locator, 0, micros(now)) for interaction, place, locator in sorted(files)])


def take(db: sa.Connection, names: Names, now: datetime, lease: timedelta) -> Wanted | None:
    """The one that has been due for longest, with its attempt counted; nobody else takes it within the lease."""
    first = (
        sa.select(fetches, interactions.c.channel_id)
        .join(interactions, interactions.c.id == fetches.c.interaction_id)
        .where(fetches.c.due_at <= micros(now))
        .order_by(fetches.c.due_at, fetches.c.interaction_id, fetches.c.place)
        .limit(1)
        .with_for_update(of=fetches, skip_locked=True)
    )
    row = db.execute(first).first()
    if row is None:
        return None
    taken = Wanted(
        row.interaction_id, row.place, names.channels.name(db, row.channel_id), row.locator, row.attempts + 1
    )
    db.execute(_update(taken).values(attempts=taken.attempts, due_at=micros(now + lease)))
    return taken


def later(db: sa.Connection, wanted: Wanted, at: datetime) -> None:
    """Try again at a time."""
    db.execute(_update(wanted).values(due_at=micros(at)))


def done(db: sa.Connection, wanted: Wanted, *, file: str | None, size: int | None, dropped: str | None) -> None:
    """Note on the interaction where the file is now, or why it was dropped. Nothing where it says something else meanwhile."""
    query = sa.select(interactions.c.details).where(interactions.c.id == wanted.interaction).with_for_update()
    details = db.execute(query).scalar()
    gone = db.execute(sa.delete(fetches).where(*_same(wanted)))
    if details is None or gone.rowcount != 1:
        return
    said = orjson.loads(details)
    if 0 <= wanted.place < len(said.get("attachments", ())):
        known = said["attachments"][wanted.place]
        known |= {"file": file, "dropped": dropped, "size": known["size"] if size is None else size}
        changed = sa.update(interactions).where(interactions.c.id == wanted.interaction)
        db.execute(changed.values(details=orjson.dumps(said).decode()))


@dataclass(frozen=True, slots=True)
class Introduced:
    """An interaction whose sender is known by name now; `title` where it opened a lead."""

    id: int
    title: str | None
    subject: str | None
    text: str
    details: Mapping[str, Any]


def introduce(db: sa.Connection, wanted: Wanted, name: str | None) -> Introduced | None:
    """Give a name to the sender, and to whom he was merged into, where there is none; None where there is nothing to tell of it."""
    person = sa.select(interactions.c.contact_id).where(interactions.c.id == wanted.interaction).scalar_subquery()
    root = sa.select(contacts.c.root_id).where(contacts.c.id == person).scalar_subquery()
    known = db.execute(
        sa.select(contacts.c.id).where(contacts.c.id.in_(sa.union_all(sa.select(person), sa.select(root))))
    )
    people = sorted(known.scalars())
    if name is not None and people:
        nameless = contacts.c.id.in_(people), contacts.c.name.is_(None)
        db.execute(sa.update(contacts).where(*nameless).values(name=name))
    row = db.execute(sa.select(interactions).where(interactions.c.id == wanted.interaction).with_for_update()).first()
    gone = db.execute(sa.delete(fetches).where(*_same(wanted)))
    if row is None or name is None or gone.rowcount != 1:
        return None
    return Introduced(row.id, row.title, row.subject, row.text, orjson.loads(row.details))


def retitle(db: sa.Connection, interaction: int, name: str, title: str | None) -> None:
    """Note the name on the interaction, and how its lead is called by it."""
    details = db.execute(sa.select(interactions.c.details).where(interactions.c.id == interaction)).scalar_one()
    values = {"details": orjson.dumps(orjson.loads(details) | {"name": name}).decode(), "title": title}
    db.execute(sa.update(interactions).where(interactions.c.id == interaction).values(**values))


def is_due(db: sa.Connection, now: datetime) -> bool:
    """Whether there is anything to fetch."""
    return db.execute(sa.select(fetches.c.place).where(fetches.c.due_at <= micros(now)).limit(1)).first() is not None


def _same(wanted: Wanted) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        fetches.c.interaction_id == wanted.interaction,
        fetches.c.place == wanted.place,
        fetches.c.locator == wanted.locator,
    )


def _update(wanted: Wanted) -> sa.Update:
    return sa.update(fetches).where(*_same(wanted))
