"""Files that are still at their provider: what is to be fetched, and what it came to on the interaction that has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson
import sqlalchemy as sa

from kernel.clock import micros
from storage.names import Names
from storage.rows import Upsert
from storage.schema import fetches, interactions


@dataclass(frozen=True, slots=True)
class Wanted:
    """One attachment whose file is fetched now, with the number of times it has been tried, this one included."""

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
    if wanted.place < len(said.get("attachments", ())):
        known = said["attachments"][wanted.place]
        known |= {"file": file, "dropped": dropped, "size": known["size"] if size is None else size}
        changed = sa.update(interactions).where(interactions.c.id == wanted.interaction)
        db.execute(changed.values(details=orjson.dumps(said).decode()))


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
