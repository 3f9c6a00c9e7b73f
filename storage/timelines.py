"""Timelines: what was received from a client and said to him, oldest first, in the contract's shape."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant, iso
from storage.names import Names
from storage.paging import cursor_at, positions
from storage.schema import interactions, journal

Json = dict[str, Any]
TIMELINE: Final = 1_000
"""Interactions of one answer."""


def timeline(
    db: sa.Connection, names: Names, where: sa.ColumnElement[bool], cursor: str | None
) -> tuple[list[Json], str | None]:
    """The interactions for which a condition holds, or the part of them behind `cursor`, and the cursor of the next part."""
    query = sa.select(interactions).where(where).order_by(interactions.c.at, interactions.c.id).limit(TIMELINE + 1)
    if cursor is not None:
        query = query.where(sa.tuple_(interactions.c.at, interactions.c.id) > sa.tuple_(*positions(cursor, 2)))
    found = db.execute(query).all()
    following = cursor_at(found[TIMELINE - 1].at, found[TIMELINE - 1].id) if len(found) > TIMELINE else None
    return _entries(db, names, found[:TIMELINE]), following


def interaction(db: sa.Connection, names: Names, uid: str) -> Json:
    """One interaction as its timeline shows it."""
    return _entries(db, names, db.execute(sa.select(interactions).where(interactions.c.uid == uid)).all())[0]


def _entries(db: sa.Connection, names: Names, found: Sequence[Any]) -> list[Json]:
    envelopes: dict[int, list[str]] = {}
    for interaction, uid in db.execute(
        sa.select(journal.c.interaction_id, journal.c.uid)
        .where(journal.c.interaction_id.in_([row.id for row in found]))
        .order_by(journal.c.id)
    ):
        envelopes.setdefault(interaction, []).append(uid)
    return [
        {
            "id": row.uid,
            "envelopes": envelopes.get(row.id, []),
            "channel": names.channels.name(db, row.channel_id),
            "kind": row.kind,
            "at": iso(instant(row.at)),
            "direction": row.direction,
            "subject": row.subject,
            "text": row.text,
            "introduced_as": row.introduced_as,
            **orjson.loads(row.details),
        }
        for row in found
    ]
