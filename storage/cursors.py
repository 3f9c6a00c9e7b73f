"""How far each channel has been read: positions that only move forward within an era, fenced against holders of lost leases."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage import leases
from storage.rows import upsert
from storage.schema import cursors


class Stale(Exception):
    """A cursor was to be moved by somebody who no longer holds its lease, or back within its era."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a channel has been read: `position` grows within an `era`.

    `epoch` is that of the lease under which it is moved; 0 where the store is one process's, and there are no leases.
    """

    channel: str
    name: str
    era: str
    position: int
    epoch: int = 0


def move(db: sa.Connection, channel_id: int, cursor: Cursor) -> None:
    """Move a cursor, in the transaction of the envelopes that it covers. Raises Stale."""
    _require_lease(db, channel_id, cursor)
    statement = _placed(db, channel_id, cursor)
    forward = sa.and_(
        cursors.c.epoch <= statement.excluded.epoch,
        cursors.c.era == statement.excluded.era,
        cursors.c.position <= statement.excluded.position,
    )
    if not _taken(db, statement, ("position", "epoch"), forward):
        raise Stale(f"{cursor.channel}: the cursor {cursor.name!r} belongs to a later holder, or would move back")


def open_era(db: sa.Connection, channel_id: int, cursor: Cursor) -> None:
    """Begin a new era. Raises Stale."""
    _require_lease(db, channel_id, cursor)
    statement = _placed(db, channel_id, cursor)
    if not _taken(db, statement, ("era", "position", "epoch"), cursors.c.epoch <= statement.excluded.epoch):
        raise Stale(f"{cursor.channel}: the cursor {cursor.name!r} belongs to a later holder")


def find(db: sa.Connection, channel_id: int, channel: str, name: str) -> Cursor | None:
    """Where a reading stands; None before its first envelope."""
    row = db.execute(
        sa.select(cursors.c.era, cursors.c.position, cursors.c.epoch).where(
            cursors.c.channel_id == channel_id, cursors.c.name == name
        )
    ).first()
    return None if row is None else Cursor(channel, name, row.era, row.position, row.epoch)


def _require_lease(db: sa.Connection, channel_id: int, cursor: Cursor) -> None:
    """Raises Stale. A cursor that is not there yet has no epoch to fence it, so the lease itself is asked for."""
    if cursor.epoch and not leases.is_in_force(db, channel_id, cursor.epoch):
        raise Stale(f"{cursor.channel}: the lease on this channel has ended, or is another process's")


def _placed(db: sa.Connection, channel_id: int, cursor: Cursor) -> Any:
    return upsert(db, cursors).values(
        channel_id=channel_id, name=cursor.name, era=cursor.era, position=cursor.position, epoch=cursor.epoch
    )


def _taken(db: sa.Connection, statement: Any, columns: tuple[str, ...], where: sa.ColumnElement[bool]) -> bool:
    """Whether the cursor was new, or could be set."""
    done = statement.on_conflict_do_update(
        index_elements=["channel_id", "name"],
        set_={column: statement.excluded[column] for column in columns},
        where=where,
    )
    return db.execute(done.returning(cursors.c.era)).first() is not None
