"""Where a client is answered beside us, in rows: which of his leads that belongs to, and that the lead has news."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa

from kernel.clock import micros
from storage.dialects import JsonRecord
from storage.names import Names
from storage.rows import Prepared, pack, rows
from storage.schema import contacts, interactions, keys, leads


@dataclass(frozen=True, slots=True)
class Place:
    """A client's lead: its number, and the contact and the key that what is said there stands under."""

    lead: int
    contact: int
    key: int


_asked = rows("asked", keys.c.kind, keys.c.value, interactions.c.channel_id)
_holder = contacts.alias("holder")


def _latest(*where: sa.ColumnElement[bool]) -> sa.ScalarSelect[str]:
    """Where the client wrote last."""
    return (
        sa.select(JsonRecord(sa.func.coalesce(leads.c.merged_into, leads.c.id), contacts.c.id, keys.c.id))
        .select_from(keys)
        .join(_holder, _holder.c.id == keys.c.holder_id)
        .join(contacts, contacts.c.root_id == _holder.c.root_id)
        .join(interactions, interactions.c.contact_id == contacts.c.id)
        .join(leads, leads.c.id == interactions.c.lead_id)
        .where(keys.c.kind == _asked.c.kind, keys.c.value == _asked.c.value, sa.not_(keys.c.shared))
        .where(interactions.c.direction == "in", *where)
        .order_by(interactions.c.at.desc(), interactions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


# By this very channel, else by any.
_by_channel = _latest(interactions.c.channel_id == _asked.c.channel_id)
_PLACES = Prepared(sa.select(sa.func.coalesce(_by_channel, _latest()).label("record")).select_from(_asked))


def places(db: sa.Connection, names: Names, asked: Sequence[tuple[str, str, str]]) -> list[Place | None]:
    """The leads of the clients with these keys, each (kind, value, channel of what is said), in their order: one statement.

    None where nobody has the key by himself, or he has no lead.
    """
    wanted = [(kind, value, names.channels.number(db, channel)) for kind, value, channel in asked]
    found = _PLACES(db, {"asked": pack(wanted)})
    return [None if record is None else Place(*orjson.loads(record)) for (record,) in found]


_new = rows("new", leads.c.id, leads.c.last_at)
_NEWS = Prepared(
    sa.update(leads)
    .where(leads.c.id == _new.c.id)
    .values(
        last_at=sa.case((leads.c.last_at < _new.c.last_at, _new.c.last_at), else_=leads.c.last_at),
        version=leads.c.version + 1,
    )
    .returning(leads.c.id)
)


def note(db: sa.Connection, numbers: Collection[int], now: datetime) -> None:
    """There is news on these leads."""
    _NEWS(db, {"new": pack([(lead, micros(now)) for lead in sorted(numbers)])})
