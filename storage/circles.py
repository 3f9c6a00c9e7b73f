"""Circles of merged contacts as they stand, locked: who is in one, what holds it together, its leads, and what was said on them.

A merge is a pointer: contacts of one circle share a root, keys and interactions keep the contact that they first belonged to,
and a lead is its root's. All of it is read under the edition's lock (storage/edition.py), in the order of all locks.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.enquiry import OPEN_STATES
from dedup.keys import Key
from kernel.clock import instant
from storage.names import Names
from storage.schema import contacts, interactions, keys, leads, merges

Json = dict[str, Any]
DUE: Final = ("wait_until", "escalate_at", "away_at")
"""What a folded lead gives up until it comes back: nothing is due on it meanwhile."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of a circle. `owner` is the number of the manager whom a person gave it, `company` of where it works."""

    id: int
    uid: str
    root: int
    name: str | None
    owner: int | None
    company: int | None


@dataclass(frozen=True, slots=True)
class Merge:
    """`contact` is a part of `into`, until `undone`."""

    id: int
    uid: str
    contact: int
    into: int
    actor: str
    undone: bool
    record: Json


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead of a circle, locked. `slot`: whose enquiry slot it holds. `due`: times in microseconds, by column."""

    id: int
    contact: int
    team: str
    channel: str
    source: str | None
    state: str
    reason: str | None
    owner: int | None
    manager: str | None
    slot: int | None
    opened_by: int
    created_at: datetime
    closed_at: datetime | None
    last_us: int
    respond_within: int | None
    merged_into: int | None
    due: Mapping[str, int | None]

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to deal with it."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Talk:
    """An interaction on a lead of a circle, with the contact that it first belonged to and the key that joined it."""

    id: int
    uid: str
    lead: int
    contact: int
    key: int | None
    at: datetime
    title: str | None
    text: str
    subject: str | None
    introduced_as: str | None
    details: Json


def found(db: sa.Connection, uid: str) -> Contact | None:
    """A contact by its id outside."""
    row = db.execute(sa.select(contacts).where(contacts.c.uid == uid)).first()
    return None if row is None else _contact(row)


def circle(db: sa.Connection, root: int) -> dict[int, Contact]:
    """A root and all that is merged into it, by number, locked."""
    query = sa.select(contacts).where(contacts.c.root_id == root).order_by(contacts.c.id).with_for_update()
    return {row.id: _contact(row) for row in db.execute(query)}


def _contact(row: Any) -> Contact:
    return Contact(row.id, row.uid, row.root_id, row.name, row.owner_id, row.company_id)


def root_of(db: sa.Connection, contact: int) -> int:
    """What a contact is a part of now."""
    number: int = db.execute(sa.select(contacts.c.root_id).where(contacts.c.id == contact)).scalar_one()
    return number


def by_uid(db: sa.Connection, uid: str) -> Merge | None:
    """A merge by its id outside."""
    row = db.execute(sa.select(merges).where(merges.c.uid == uid)).first()
    return None if row is None else _merge(row)


def standing(db: sa.Connection, people: Collection[int]) -> list[Merge]:
    """The merges that hold these contacts together, oldest first."""
    query = sa.select(merges).where(merges.c.contact_id.in_(people), merges.c.undone_at.is_(None))
    return [_merge(row) for row in db.execute(query.order_by(merges.c.at, merges.c.id))]


def _merge(row: Any) -> Merge:
    undone = row.undone_at is not None
    return Merge(row.id, row.uid, row.contact_id, row.into_id, row.actor, undone, orjson.loads(row.record))


def leads_of(db: sa.Connection, names: Names, people: Collection[int]) -> dict[int, Lead]:
    """Every lead of these roots, by number, locked; after the teams and managers are."""
    query = sa.select(leads).where(leads.c.contact_id.in_(people)).order_by(leads.c.id).with_for_update()
    return {row.id: _lead(db, names, row) for row in db.execute(query)}


def _lead(db: sa.Connection, names: Names, row: Any) -> Lead:
    return Lead(
        id=row.id,
        contact=row.contact_id,
        team=names.teams.name(db, row.team_id),
        channel=names.channels.name(db, row.channel_id),
        source=row.source,
        state=row.state,
        reason=row.reason,
        owner=row.owner_id,
        manager=names.managers.name_or_none(db, row.owner_id),
        slot=row.enquiry_of,
        opened_by=row.opened_by,
        created_at=instant(row.created_at),
        closed_at=None if row.closed_at is None else instant(row.closed_at),
        last_us=row.last_at,
        respond_within=row.respond_within,
        merged_into=row.merged_into,
        due={name: getattr(row, name) for name in DUE},
    )


def talk_on(db: sa.Connection, on: Collection[int]) -> list[Talk]:
    """Every interaction on these leads, oldest first; read after the leads are locked, so that none is missed."""
    query = sa.select(interactions).where(interactions.c.lead_id.in_(on)).order_by(interactions.c.at, interactions.c.id)
    return [
        Talk(
            row.id,
            row.uid,
            row.lead_id,
            row.contact_id,
            row.key_id,
            instant(row.at),
            row.title,
            row.text,
            row.subject,
            row.introduced_as,
            orjson.loads(row.details),
        )
        for row in db.execute(query)
    ]


def keys_of(db: sa.Connection, people: Collection[int]) -> dict[Key, tuple[int, int]]:
    """The keys of these contacts, each with its number and its holder, locked."""
    query = sa.select(keys).where(keys.c.holder_id.in_(people)).order_by(keys.c.kind, keys.c.value).with_for_update()
    return {Key(row.kind, row.value): (row.id, row.holder_id) for row in db.execute(query)}
