"""Leads as the API, the pages and the notices show them: plain JSON in the contract's shape."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from kernel.clock import instant, iso
from storage import activities as todo
from storage.dialects import JsonRecord
from storage.key_views import keys_of, roots_by
from storage.names import Names
from storage.paging import Page, cursor_at, position_of
from storage.rows import Prepared, dashed, pack, rows, rows_of
from storage.schema import (
    CLOSED,
    activities,
    channels,
    companies,
    contacts,
    interactions,
    keys,
    leads,
    managers,
    offers,
    one_of,
    teams,
)
from storage.searching import mentions
from storage.timelines import timeline
from storage.words import KIND

Json = dict[str, Any]
Told = tuple[Json, Json | None]
"""A lead, and what was received on it last."""


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """What a list of leads is narrowed to."""

    state: str | None = None
    owner: str | None = None
    team: str | None = None
    channel: str | None = None
    q: str | None = None
    key: Key | None = None


_opening = interactions.alias("opening")
_itself = contacts.alias("itself")
_root = contacts.alias("root")
_owner = managers.alias("owner")
_absorbing = leads.alias("absorbing")
_LEAD: Final = (
    sa.select(
        leads,
        _opening.c.title,
        _owner.c.name.label("owner"),
        teams.c.name.label("team"),
        channels.c.name.label("channel"),
        _root.c.id.label("root_id"),
        _root.c.uid.label("root_uid"),
        _root.c.name.label("root_name"),
        companies.c.uid.label("company_uid"),
        companies.c.name.label("company_name"),
        _absorbing.c.uid.label("merged_into_uid"),
    )
    .join(teams, teams.c.id == leads.c.team_id)
    .join(channels, channels.c.id == leads.c.channel_id)
    .outerjoin(_opening, _opening.c.id == leads.c.opened_by)
    .outerjoin(_owner, _owner.c.id == leads.c.owner_id)
    .outerjoin(_itself, _itself.c.id == leads.c.contact_id)
    .outerjoin(_root, _root.c.id == _itself.c.root_id)
    .outerjoin(companies, companies.c.id == leads.c.company_id)
    .outerjoin(_absorbing, _absorbing.c.id == leads.c.merged_into)
)


def lead_page(db: sa.Connection, wanted: LeadFilter, limit: int, cursor: str | None) -> Page:
    """Leads, newest first."""
    query = _LEAD.order_by(leads.c.id.desc()).limit(limit + 1)
    for column, value in (
        (_owner.c.name, wanted.owner),
        (teams.c.name, wanted.team),
        (channels.c.name, wanted.channel),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.state is not None:
        query = query.where(_in_state(wanted.state))
    if wanted.key is not None:
        query = query.where(leads.c.contact_id.in_(roots_by(wanted.key)))
    elif wanted.q:
        query = query.where(_mentions(wanted.q))
    if cursor is not None:
        query = query.where(leads.c.id < position_of(cursor))
    found = db.execute(query).all()
    shown = found[:limit]
    known = keys_of(db, {row.root_id for row in shown if row.root_id is not None})
    offered = _offered(db, [row.id for row in shown])
    items = [_lead(row, known) | {"offer": offered.get(row.id)} for row in shown]
    return Page(items, cursor_at(shown[-1].id) if len(found) > limit else None)


def _in_state(state: str) -> sa.ColumnElement[bool]:
    if state in CLOSED:
        return sa.and_(one_of(leads.c.state, state), one_of(leads.c.state, *CLOSED))
    # Of open ones there are few, wherever they stand among all: they are found first.
    some = leads.alias("some")
    for states in (("unprocessed",), ("assigned", "in_work")):
        if state in states:
            return leads.c.id.in_(
                sa.select(some.c.id).where(one_of(some.c.state, state), one_of(some.c.state, *states))
            )
    return sa.false()


def _mentions(text: str) -> sa.ColumnElement[bool]:
    holder = (
        sa.select(keys.c.id)
        .join(contacts, contacts.c.id == keys.c.holder_id)
        .where(contacts.c.root_id == leads.c.contact_id, mentions(keys.c.value, text))
        .exists()
    )
    return sa.or_(mentions(_opening.c.title, text), mentions(_root.c.name, text), holder)


def lead_number(db: sa.Connection, uid: str) -> int | None:
    """The lead's number inside, None where there is no such lead."""
    found: int | None = db.execute(sa.select(leads.c.id).where(leads.c.uid == uid)).scalar()
    return found


def lead_uid(db: sa.Connection, number: int) -> str:
    """The lead's id outside."""
    found: str = db.execute(sa.select(leads.c.uid).where(leads.c.id == number)).scalar_one()
    return found


def lead(db: sa.Connection, names: Names, number: int, cursor: str | None = None) -> Json:
    """One lead with its timeline, or the part of it behind `cursor`, and the cursor of the next part."""
    row = db.execute(_LEAD.where(leads.c.id == number)).one()
    known = keys_of(db, {row.root_id} if row.root_id is not None else set())
    parts = sa.select(leads.c.id).where(sa.or_(leads.c.id == number, leads.c.merged_into == number))
    said, following = timeline(db, names, interactions.c.lead_id.in_(parts), cursor)
    offer = {"offer": _offered(db, [number]).get(number)}
    return (
        _lead(row, known)
        | offer
        | {
            "interactions": said,
            "interactions_next": following,
            "activities": todo.of_lead(db, number),
        }
    )


def _offered(db: sa.Connection, numbers: Sequence[int]) -> dict[int, Json]:
    """The open offer of each of these leads, or of a lead before several at once, those before whom it is."""
    query = (
        sa.select(offers.c.lead_id, managers.c.name, offers.c.by, offers.c.offered_at, offers.c.answer_by)
        .join(managers, managers.c.id == offers.c.manager_id)
        .where(offers.c.lead_id.in_(numbers), offers.c.state == "open")
        .order_by(offers.c.offered_at, offers.c.id)
    )
    found: dict[int, Json] = {}
    for lead, manager, by, offered_at, answer_by in db.execute(query):
        first = found.setdefault(
            lead,
            {
                "manager": manager if by in {"turn", "own_client"} else None,
                "managers": [],
                "by": by,
                "offered_at": iso(instant(offered_at)),
                "answer_by": None if answer_by is None else iso(instant(answer_by)),
            },
        )
        first["managers"].append(manager)
    return found


def for_notices(db: sa.Connection, numbers: Sequence[int]) -> dict[int, Told]:
    """Several leads, each with what was received on it last: three statements, whatever their number.

    `to_do` of a lead is when what is to be done for its client is due, by kind; `reply` is what was said to him where that is the
    last thing: its text, state and error.
    """
    asked = {"asked": pack([(number,) for number in numbers])}
    found = [_Shown(*row) for row in _SOME_LEADS(db, asked)]
    known = keys_of(db, {row.root_id for row in found if row.root_id is not None})
    latest = {number: (record, said, by) for number, record, said, *by in _LATEST(db, asked)}
    told: dict[int, Told] = {}
    for row in found:
        record, said, by = latest.get(row.id, (None, None, ()))
        due = sorted(((at, kind) for kind, at in zip(_KINDS * 2, by, strict=False) if at is not None), reverse=True)
        earliest = {kind: at for at, kind in due}
        to_do = {kind: iso(instant(earliest[kind])) for kind in _KINDS if kind in earliest}
        shown = _lead(row, known) | {"to_do": to_do} | _reply(None if said is None else orjson.loads(said))
        told[row.id] = (shown, _latest(None if record is None else orjson.loads(record)))
    return told


def _latest(record: Sequence[Any] | None) -> Json | None:
    return None if record is None else {"introduced_as": record[0], "subject": record[1], "text": record[2]}


def _reply(last: Sequence[Any] | None) -> Json:
    """What somebody said to a client, where that is the last thing on his lead; what a machine said is nobody's answer."""
    details = orjson.loads(last[2]) if last is not None and last[0] == KIND else {"automatic": True}
    if last is None or details["automatic"]:
        return {}
    return {"reply": {"text": last[1], "state": details["state"], "error": details["error"]}}


def _lead(row: Any, known: Mapping[int, list[Json]]) -> Json:
    contact = None
    if row.root_id is not None:
        contact = {"id": dashed(row.root_uid), "name": row.root_name, "keys": known.get(row.root_id, [])}
    company = None if row.company_uid is None else {"id": dashed(row.company_uid), "name": row.company_name}
    return {
        "id": dashed(row.uid),
        "version": row.version,
        "title": row.title or "",
        "state": row.state,
        "reason": row.reason,
        "owner": row.owner,
        "team": row.team,
        "channel": row.channel,
        "source": row.source,
        "created_at": iso(instant(row.created_at)),
        "due_at": None if row.due_at is None else iso(instant(row.due_at)),
        "merged_into": None if row.merged_into_uid is None else dashed(row.merged_into_uid),
        "marks": row.marks.split(),
        "contact": contact,
        "company": company,
    }


def leads_listed(db: sa.Connection, condition: sa.ColumnElement[bool]) -> list[Json]:
    """The newest 200 leads for which a condition holds, in short."""
    own = db.execute(_LEAD.where(condition).order_by(leads.c.created_at.desc(), leads.c.id.desc()).limit(200)).all()
    return [{"id": r.uid, "state": r.state, "title": r.title or "", "owner": r.owner, "team": r.team} for r in own]


def waiting_counts(db: sa.Connection) -> list[tuple[str, str, int]]:
    """How many leads wait: (team, reason, number)."""
    return [
        (team, reason or "", number)
        for team, reason, number in db.execute(
            sa.select(teams.c.name, leads.c.reason, sa.func.count())
            .join(teams, teams.c.id == leads.c.team_id)
            .where(leads.c.state == "unprocessed")
            .group_by(teams.c.name, leads.c.reason)
        )
    ]


_KINDS: Final = (todo.CALL_BACK, todo.ANSWER)
_asked_leads: Final = rows("asked", leads.c.id)
_folded: Final = leads.alias("folded")
_SOME_LEADS: Final = rows_of(leads.c.id, _LEAD)
# A row of `_LEAD` as the driver brings it, by the names of the statement's columns.
_Shown: Final = cast("Any", namedtuple)("_Shown", [column.name for column in _LEAD.selected_columns])  # noqa: PYI024
_LATEST: Final = Prepared(
    sa.select(
        _asked_leads.c.id,
        sa.select(JsonRecord(interactions.c.introduced_as, interactions.c.subject, interactions.c.text))
        .where(interactions.c.lead_id == _asked_leads.c.id, interactions.c.kind != KIND)
        .order_by(interactions.c.at.desc(), interactions.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("latest"),
        sa.select(JsonRecord(interactions.c.kind, interactions.c.text, interactions.c.details))
        .where(interactions.c.lead_id == _asked_leads.c.id)
        .order_by(interactions.c.at.desc(), interactions.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("last"),
        *(
            sa.select(sa.func.min(activities.c.due_at))
            .where(activities.c.lead_id == _asked_leads.c.id, activities.c.kind == kind, activities.c.done_at.is_(None))
            .scalar_subquery()
            .label(kind)
            for kind in _KINDS
        ),
        # What was to be done about leads that go on in it; by itself, since an OR would keep a planner from its indexes.
        *(
            sa.select(sa.func.min(activities.c.due_at))
            .join(_folded, _folded.c.id == activities.c.lead_id)
            .where(
                _folded.c.merged_into == _asked_leads.c.id, activities.c.kind == kind, activities.c.done_at.is_(None)
            )
            .scalar_subquery()
            .label(f"folded_{kind}")
            for kind in _KINDS
        ),
    )
)
