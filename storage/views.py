"""What the API, the pages and the notices show: leads, contacts, envelopes, managers, as plain JSON in the contract's shape."""

import base64
import binascii
import re
from collections import namedtuple
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa

from dedup.keys import Key, normalise
from kernel.clock import instant, iso
from storage import activities as todo
from storage.names import Names
from storage.rows import JsonRecord, Prepared, dashed, pack, rows, rows_of
from storage.schema import (
    CLOSED,
    activities,
    bodies,
    channels,
    companies,
    contacts,
    interactions,
    journal,
    keys,
    leads,
    managers,
    offers,
    one_of,
    teams,
    turns,
)
from storage.words import KIND

Json = dict[str, Any]
Told = tuple[Json, Json | None]
"""A lead, and what was received on it last."""
TIMELINE: Final = 1_000
LARGEST: Final = 2**63
_LETTER: Final = re.compile(r"[^\W\d_]")
_WHOLE_NUMBER: Final = 10


class BadCursor(ValueError):
    """A page cursor that this API did not give out."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, and the cursor of the next one."""

    items: list[Json]
    next: str | None

    def json(self) -> Json:
        """As every list of the API looks."""
        return {"items": self.items, "next": self.next}


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
        query = query.where(leads.c.contact_id.in_(_roots_by(wanted.key)))
    elif wanted.q:
        query = query.where(_mentions(wanted.q))
    if cursor is not None:
        query = query.where(leads.c.id < position_of(cursor))
    found = db.execute(query).all()
    shown = found[:limit]
    known = _keys_of(db, {row.root_id for row in shown if row.root_id is not None})
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
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    holder = (
        sa.select(keys.c.id)
        .join(contacts, contacts.c.id == keys.c.holder_id)
        .where(contacts.c.root_id == leads.c.contact_id, keys.c.value.ilike(pattern, escape="\\"))
        .exists()
    )
    return sa.or_(_opening.c.title.ilike(pattern, escape="\\"), _root.c.name.ilike(pattern, escape="\\"), holder)


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
    known = _keys_of(db, {row.root_id} if row.root_id is not None else set())
    parts = sa.select(leads.c.id).where(sa.or_(leads.c.id == number, leads.c.merged_into == number))
    timeline, following = _timeline(db, names, interactions.c.lead_id.in_(parts), cursor)
    offer = {"offer": _offered(db, [number]).get(number)}
    return (
        _lead(row, known)
        | offer
        | {
            "interactions": timeline,
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
    known = _keys_of(db, {row.root_id for row in found if row.root_id is not None})
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


_PARTS: Final = rows_of(contacts.c.root_id, sa.select(contacts.c.root_id, contacts.c.id))
_KEYS: Final = rows_of(keys.c.holder_id, sa.select(keys.c.holder_id, keys.c.id, keys.c.kind, keys.c.value))


def _keys_of(db: sa.Connection, roots: Collection[int]) -> dict[int, list[Json]]:
    """The keys of these root contacts and of all merged into them."""
    if not roots:
        return {}
    root_of = {part: root for root, part in _PARTS(db, {"asked": pack([(root,) for root in roots])})}
    known: dict[int, list[Json]] = {}
    held = _KEYS(db, {"asked": pack([(part,) for part in root_of])})
    for holder, _, kind, value in sorted(held, key=itemgetter(1)):
        known.setdefault(root_of[holder], []).append(shown_key(Key(kind, value)))
    return known


def shown_key(key: Key) -> Json:
    """A key as the API shows it: an extension stands apart from its number."""
    if key.extension is None:
        return {"kind": key.kind, "value": key.value}
    return {"kind": key.kind, "value": key.e164, "extension": key.extension}


def _timeline(
    db: sa.Connection, names: Names, where: sa.ColumnElement[bool], cursor: str | None
) -> tuple[list[Json], str | None]:
    query = sa.select(interactions).where(where).order_by(interactions.c.at, interactions.c.id).limit(TIMELINE + 1)
    if cursor is not None:
        query = query.where(sa.tuple_(interactions.c.at, interactions.c.id) > sa.tuple_(*_positions(cursor, 2)))
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


def contacts_found(db: sa.Connection, key: Key | None, q: str | None, limit: int, cursor: str | None) -> Page:
    """Contacts by one key, or by a part of name or key; a search by the key of a merged contact finds its root once."""
    query = (
        sa.select(contacts.c.id)
        .where(contacts.c.root_id == contacts.c.id)
        .order_by(contacts.c.id.desc())
        .limit(limit + 1)
    )
    if key is not None:
        query = query.where(contacts.c.id.in_(_roots_by(key)))
    if q:
        pattern = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        holder = (
            sa.select(_itself.c.root_id)
            .join(keys, keys.c.holder_id == _itself.c.id)
            .where(keys.c.value.ilike(pattern, escape="\\"))
        )
        called = sa.select(_itself.c.root_id).where(_itself.c.name.ilike(pattern, escape="\\"))
        query = query.where(sa.or_(contacts.c.id.in_(called), contacts.c.id.in_(holder)))
    if cursor is not None:
        query = query.where(contacts.c.id < position_of(cursor))
    found = list(db.execute(query).scalars())
    shown = found[:limit]
    return Page(contacts_shown(db, shown), cursor_at(shown[-1]) if len(found) > limit else None)


def _roots_by(key: Key) -> sa.Select[tuple[int]]:
    holder = sa.select(keys.c.holder_id).where(keys.c.kind == key.kind, keys.c.value == key.value)
    return sa.select(_itself.c.root_id).where(_itself.c.id.in_(holder))


def known_key(db: sa.Connection, text: str, region: str) -> Key | None:
    """The whole number or address that a text to search for is, if a contact has it: found at once, however many there are."""
    kind = "email" if "@" in text else "phone"
    if kind == "phone" and (_LETTER.search(text) or sum(map(str.isdecimal, text)) < _WHOLE_NUMBER):
        return None
    key = normalise(kind, text, region)
    return None if key is None or db.execute(_roots_by(key).limit(1)).first() is None else key


def contact_number(db: sa.Connection, uid: str) -> int | None:
    """The root contact's number of a contact's id."""
    found: int | None = db.execute(sa.select(contacts.c.root_id).where(contacts.c.uid == uid)).scalar()
    return found


def contact(db: sa.Connection, names: Names, root: int) -> Json:
    """A contact with its leads and its whole timeline."""
    everyone = sa.select(contacts.c.id).where(contacts.c.root_id == root)
    return contacts_shown(db, [root])[0] | {
        "leads": leads_listed(db, leads.c.contact_id == root),
        "interactions": _timeline(db, names, interactions.c.contact_id.in_(everyone), None)[0],
    }


def leads_listed(db: sa.Connection, condition: sa.ColumnElement[bool]) -> list[Json]:
    """The newest 200 leads for which a condition holds, in short."""
    own = db.execute(_LEAD.where(condition).order_by(leads.c.created_at.desc(), leads.c.id.desc()).limit(200)).all()
    return [{"id": r.uid, "state": r.state, "title": r.title or "", "owner": r.owner, "team": r.team} for r in own]


def contacts_shown(db: sa.Connection, roots: Sequence[int]) -> list[Json]:
    """Root contacts, in their order, with the keys of all that is merged into them."""
    known = _keys_of(db, roots)
    rows = {row.id: row for row in db.execute(_CONTACT.where(contacts.c.id.in_(roots)))}
    return [_contact(rows[root], known.get(root, [])) for root in roots]


def _contact(row: Any, known: Sequence[Json]) -> Json:
    return {
        "id": row.uid,
        "version": row.version,
        "name": row.name,
        "keys": list(known),
        "owner": row.owner,
        "company": None if row.company_uid is None else {"id": row.company_uid, "name": row.company_name},
        "created_at": iso(instant(row.created_at)),
    }


_CONTACT: Final = (
    sa.select(
        contacts,
        managers.c.name.label("owner"),
        companies.c.uid.label("company_uid"),
        companies.c.name.label("company_name"),
    )
    .outerjoin(managers, managers.c.id == contacts.c.owner_id)
    .outerjoin(companies, companies.c.id == contacts.c.company_id)
)


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


def manager_rows(db: sa.Connection) -> list[Json]:
    """Managers as the store has them, with their latest turn in each team."""
    latest: dict[int, dict[str, int]] = {}
    for manager, team, turn in db.execute(
        sa.select(turns.c.manager_id, teams.c.name, turns.c.turn).join(teams, teams.c.id == turns.c.team_id)
    ):
        latest.setdefault(manager, {})[team] = turn
    return [
        {
            "name": row.name,
            "available": bool(row.available),
            "open": row.open,
            "silences": row.silences,
            "leaving": bool(row.leaving),
            "version": row.version,
            "turns": latest.get(row.id, {}),
        }
        for row in db.execute(sa.select(managers).where(managers.c.role == "manager").order_by(managers.c.id))
    ]


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


def pending(db: sa.Connection) -> tuple[int, int | None]:
    """How many envelopes are pending, and since when the oldest is (microseconds)."""
    row = db.execute(
        sa.select(sa.func.count(), sa.func.min(journal.c.received_at)).where(journal.c.outcome == "pending")
    ).one()
    return int(row[0]), row[1]


def cursor_at(*position: int) -> str:
    """The cursor of the page behind this place."""
    return base64.urlsafe_b64encode(".".join(map(str, position)).encode()).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """The place that a cursor means. Raises BadCursor."""
    return _positions(cursor, 1)[0]


def _positions(cursor: str, count: int) -> list[int]:
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split(".")
        numbers = [int(part) for part in parts]
    except (ValueError, binascii.Error) as error:
        raise BadCursor("this cursor is not one of a page of this list") from error
    if len(numbers) != count or not all(0 <= number < LARGEST for number in numbers):
        raise BadCursor("this cursor is not one of a page of this list")
    return numbers
