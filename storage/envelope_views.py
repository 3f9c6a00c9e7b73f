"""Envelopes as the API shows them: plain JSON in the contract's shape."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant, iso
from storage.paging import Page, cursor_at, position_of
from storage.schema import bodies, channels, contacts, journal, leads, one_of

Json = dict[str, Any]
_itself = contacts.alias("itself")
_root = contacts.alias("root")
_ENVELOPE: Final = (
    sa.select(
        journal, channels.c.name.label("channel"), leads.c.uid.label("lead_uid"), _root.c.uid.label("contact_uid"),
        sa.not_(sa.select(bodies.c.journal_id).where(bodies.c.journal_id == journal.c.id).exists()).label("expired"),
    )
    .join(channels, channels.c.id == journal.c.channel_id)
    .outerjoin(leads, leads.c.id == journal.c.lead_id)
    .outerjoin(_itself, _itself.c.id == journal.c.contact_id)
    .outerjoin(_root, _root.c.id == _itself.c.root_id)
)  # fmt: skip


_LISTED: Final = ("ignored", "failed")
"""What has a list of its own."""


def envelope_page(
    db: sa.Connection, outcome: str | None, channel: str | None, reason: str | None, limit: int, cursor: str | None
) -> Page:
    """Envelopes, newest first."""
    query = _ENVELOPE.order_by(journal.c.id.desc()).limit(limit + 1)
    if outcome in _LISTED:
        query = query.where(one_of(journal.c.outcome, outcome), one_of(journal.c.outcome, *_LISTED))
    elif outcome == "pending":
        # Of these there are few, wherever they stand among all: they are found first.
        some = journal.alias("some")
        query = query.where(journal.c.id.in_(sa.select(some.c.id).where(one_of(some.c.outcome, outcome))))
    elif outcome is not None:
        query = query.where(journal.c.outcome == outcome)
    for column, value in ((channels.c.name, channel), (journal.c.reason, reason)):
        if value is not None:
            query = query.where(column == value)
    if cursor is not None:
        query = query.where(journal.c.id < position_of(cursor))
    found = db.execute(query).all()
    shown = found[:limit]
    return Page([_envelope(row) for row in shown], cursor_at(shown[-1].id) if len(found) > limit else None)


def envelope(db: sa.Connection, uid: str) -> Json | None:
    """One envelope and what it came to, with the bytes that were delivered."""
    row = db.execute(_ENVELOPE.where(journal.c.uid == uid)).first()
    if row is None:
        return None
    body = db.execute(sa.select(bodies).where(bodies.c.journal_id == row.id)).first()
    shown = _envelope(row)
    if body is not None:
        encoding = "utf-8" if body.codec == 0 else "base64"
        shown["body"] = {
            "encoding": encoding,
            "content": body.body,
            "content_type": orjson.loads(body.meta).get("content_type"),
        }
    return shown


def _envelope(row: Any) -> Json:
    return {
        "id": row.uid,
        "channel": row.channel,
        "received_at": iso(instant(row.received_at)),
        "naming": row.naming,
        "outcome": row.outcome,
        "reason": row.reason,
        "attempts": row.attempts,
        "lead": row.lead_uid,
        "contact": row.contact_uid,
        "expired": bool(row.expired),
    }


def outcomes(db: sa.Connection, uids: Sequence[str]) -> dict[str, str]:
    """What these envelopes have come to, as far as there are such."""
    found = db.execute(sa.select(journal.c.uid, journal.c.outcome).where(journal.c.uid.in_(uids)))
    return {uid: outcome for uid, outcome in found}


def pending(db: sa.Connection) -> tuple[int, int | None]:
    """How many envelopes are pending, and since when the oldest is (microseconds)."""
    row = db.execute(
        sa.select(sa.func.count(), sa.func.min(journal.c.received_at)).where(journal.c.outcome == "pending")
    ).one()
    return int(row[0]), row[1]
