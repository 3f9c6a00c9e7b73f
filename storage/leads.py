"""Leads and interactions: the slots that enquiries hold, and what a batch writes of both."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.enquiry import CLOSED_STATES, OPEN_STATES, Slot
from kernel.clock import instant, micros
from kernel.facts import fact
from kernel.ids import uuid7_hex
from kernel.texts import storable
from storage.names import Names
from storage.rows import Prepared, found, insert, look_up, pack, rows, update
from storage.schema import interactions, leads
from storage.store import Conflict

DEFAULT_PLACE: Final = timedelta(hours=24)
"""How long after its first receipt a lead without a time to respond has its place."""

_SLOT: Final = look_up(
    (leads.c.enquiry_of, leads.c.team_id),
    (leads.c.id, leads.c.state, leads.c.owner_id, leads.c.last_at, leads.c.closed_at, leads.c.respond_within),
)
_KNOWN_REF: Final = look_up(
    (interactions.c.channel_id, interactions.c.ref),
    (interactions.c.id, interactions.c.lead_id, interactions.c.contact_id),
)
_LEAD: Final = (
    "id",
    "uid",
    "contact_id",
    "company_id",
    "enquiry_of",
    "team_id",
    "channel_id",
    "source",
    "opened_by",
    "state",
    "reason",
    "owner_id",
    "marks",
    "created_at",
    "last_at",
    "place_at",
    "respond_within",
    "due_at",
    "wait_until",
    "escalate_at",
)
_INTERACTION: Final = (
    "id",
    "uid",
    "contact_id",
    "company_id",
    "lead_id",
    "key_id",
    "channel_id",
    "kind",
    "ref",
    "direction",
    "at",
    "subject",
    "text",
    "introduced_as",
    "title",
    "details",
)


# Not frozen, and never changed all the same: to fill so many fields of a frozen one takes three times as long.
@dataclass(slots=True)
class NewLead:
    """A lead to be written. Before distribution it has no owner; `place_at` orders waiting leads and never moves.

    `due_at` is when it is to be answered, `escalate_at` when somebody hears that nobody has accepted it.
    """

    id: int
    contact: int | None
    company: int | None
    team: str
    channel: str
    source: str | None
    opened_by: int
    created_at: datetime
    last_at: datetime
    place_at: datetime
    respond_within: timedelta | None
    marks: tuple[str, ...] = ()
    slot: bool = True
    state: str = "unprocessed"
    reason: str | None = None
    owner: str | None = None
    wait_until: datetime | None = None
    due_at: datetime | None = None
    escalate_at: datetime | None = None


@fact
class Repeat:
    """A further approach on a lead: when, and by when that is to be answered; `escalate_at` where it opens the lead again."""

    at: datetime
    due_at: datetime | None = None
    escalate_at: datetime | None = None


# Not frozen: as `NewLead`.
@dataclass(slots=True)
class NewInteraction:
    """An interaction to be written on a lead's timeline."""

    id: int
    lead: int
    contact: int | None
    company: int | None
    key: int | None
    channel: str
    kind: str
    ref: str | None
    direction: str
    at: datetime
    subject: str | None
    text: str
    introduced_as: str | None
    title: str | None
    details: Mapping[str, Any] = field(default_factory=dict)
    remote: tuple[tuple[int, str], ...] = ()


def slots(db: sa.Connection, names: Names, asked: Collection[tuple[int, str]]) -> dict[tuple[int, str], Slot]:
    """The leads that hold the slots of these (root contact or company, team name) pairs."""
    if not asked:
        return {}
    order = sorted(asked)
    records = found(db, _SLOT, [(party, names.teams.number(db, team)) for party, team in order])
    return {
        pair: Slot(
            r[0],
            r[1],
            names.managers.name_or_none(db, r[2]),
            instant(r[3]),
            None if r[4] is None else instant(r[4]),
            None if r[5] is None else timedelta(microseconds=r[5]),
        )
        for pair, r in zip(order, records, strict=True)
        if r is not None
    }


def known_refs(
    db: sa.Connection, names: Names, asked: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, int, int | None]]:
    """Interactions that are there already, by (channel, provider's id of the thing): (interaction, lead, contact)."""
    if not asked:
        return {}
    order = sorted(asked)
    records = found(db, _KNOWN_REF, [(names.channels.number(db, channel), ref) for channel, ref in order])
    return {pair: (r[0], r[1], r[2]) for pair, r in zip(order, records, strict=True) if r is not None}


def write_interactions(db: sa.Connection, names: Names, new: Sequence[NewInteraction]) -> None:
    """Insert interactions; one with a (channel, ref) that is taken raises."""
    insert(
        db,
        interactions,
        _INTERACTION,
        [
            (
                i.id,
                uuid7_hex(),
                i.contact,
                i.company,
                i.lead,
                i.key,
                names.channels.number(db, i.channel),
                i.kind,
                i.ref,
                i.direction,
                micros(i.at),
                _clean(i.subject),
                storable(i.text),
                _clean(i.introduced_as),
                _clean(i.title),
                _json(i.details),
            )
            for i in sorted(new, key=lambda i: (i.channel, i.ref or "", i.id))
        ],
    )


def refold(db: sa.Connection, folded: Mapping[int, NewInteraction]) -> None:
    """What interactions say now that further parts of them have come; whose they are stays as it is."""
    update(
        db,
        interactions,
        ("id", "kind", "direction", "at", "subject", "text", "details"),
        [
            (number, i.kind, i.direction, micros(i.at), _clean(i.subject), storable(i.text), _json(i.details))
            for number, i in sorted(folded.items())
        ],
    )


def write_leads(db: sa.Connection, names: Names, new: Sequence[NewLead]) -> None:
    """Insert leads as distribution left them, sorted by the enquiry slot that they take."""
    insert(
        db,
        leads,
        _LEAD,
        [
            (
                n.id,
                uuid7_hex(),
                n.contact,
                n.company,
                (n.contact or n.company) if n.slot else None,
                names.teams.number(db, n.team),
                names.channels.number(db, n.channel),
                _clean(n.source),
                n.opened_by,
                n.state,
                n.reason,
                None if n.owner is None else names.managers.number(db, n.owner),
                " ".join(n.marks),
                micros(n.created_at),
                micros(n.last_at),
                micros(n.place_at),
                None if n.respond_within is None else _length(n.respond_within),
                _micros(n.due_at),
                _micros(n.wait_until),
                _micros(n.escalate_at),
            )
            for n in sorted(new, key=lambda n: (n.contact or n.company or 0, n.team))
        ],
    )


def close(db: sa.Connection, closed: Sequence[tuple[int, datetime]]) -> None:
    """When these leads, whose state says that they are closed, were closed."""
    update(db, leads, ("id", "closed_at"), [(lead, micros(at)) for lead, at in sorted(closed)])


def give_up_slots(db: sa.Connection, ids: Collection[int]) -> None:
    """These leads stay as they are, and take no further messages."""
    update(db, leads, ("id", "enquiry_of"), [(lead, None) for lead in sorted(ids)])


_REPEAT: Final = (leads.c.id, leads.c.last_at, leads.c.due_at, leads.c.escalate_at)
_touched: Final = rows("new", *_REPEAT)
_TOUCH: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _touched.c.id, sa.or_(*(leads.c.state == state for state in OPEN_STATES)))
    .values(
        last_at=_touched.c.last_at,
        version=leads.c.version + 1,
        due_at=sa.case(
            (leads.c.owner_id.is_not(None), _touched.c.due_at),
            else_=leads.c.due_at,
        ),
    )
    .returning(leads.c.id)
)
_reopened: Final = rows("new", *_REPEAT)
_REOPEN: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _reopened.c.id, sa.or_(*(leads.c.state == state for state in CLOSED_STATES)))
    .values(
        last_at=_reopened.c.last_at,
        version=leads.c.version + 1,
        state="unprocessed",
        reason=None,
        had_owner_id=sa.func.coalesce(leads.c.owner_id, leads.c.had_owner_id),
        owner_id=None,
        closed_at=None,
        wait_until=None,
        place_at=_reopened.c.last_at + sa.func.coalesce(leads.c.respond_within, 86_400_000_000),
        due_at=_reopened.c.due_at,
        accepted_at=None,
        escalated=0,
        escalate_at=_reopened.c.escalate_at,
    )
    .returning(leads.c.id)
)


def touch(db: sa.Connection, last: Mapping[int, Repeat]) -> None:
    """A repeat on open leads: activity noted, and the response time of those that have an owner restarted."""
    _at(db, _TOUCH, last)


def reopen(db: sa.Connection, last: Mapping[int, Repeat]) -> None:
    """Closed leads that are approached again: unprocessed once more, with a new place, until distribution runs."""
    _at(db, _REOPEN, last)


def _at(db: sa.Connection, statement: Prepared, last: Mapping[int, Repeat]) -> None:
    if not last:
        return
    values = [
        (lead, micros(one.at), _micros(one.due_at), _micros(one.escalate_at)) for lead, one in sorted(last.items())
    ]
    changed = statement(db, {"new": pack(values)})
    if len(changed) != len(last):
        raise Conflict("a lead was closed or reopened meanwhile")


def _clean(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _json(details: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(details).decode()
    except TypeError:  # a lone surrogate somewhere in it
        return storable(json.dumps(details, ensure_ascii=False))


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _length(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
