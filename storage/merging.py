"""Who is who, in rows: circles of merged contacts, what a merge folds, and what an undo or a split gives back.

A merge is a pointer: contacts of one circle share a root, keys and interactions keep the contact that they first belonged to,
and a lead is its root's. What a merge changed beyond that stands in its `record`, as numbers and codes, until it is undone.
Under the edition's lock (storage/edition.py), and in the order of all locks: contacts, teams, managers, leads.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.enquiry import OPEN_STATES
from dedup.keys import Key
from dedup.union import Fold
from kernel.clock import instant, micros
from kernel.ids import uuid7
from kernel.texts import storable
from storage.handling import COUNTED
from storage.names import Names
from storage.rows import hexed, insert, update
from storage.schema import apart, contacts, interactions, journal, keys, leads, managers, merges, offers, suggestions

MERGED: Final = "merged"
WITHDRAWN: Final = "withdrawn"
Json = dict[str, Any]
# What a folded lead gives up until it comes back: nothing is due on it meanwhile.
_DUE: Final = ("wait_until", "escalate_at", "away_at")


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


# ---- reading


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
        due={name: getattr(row, name) for name in _DUE},
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


# ---- a merge


def keep(
    db: sa.Connection, number: int, into: Contact, absorbed: Contact, actor: str, record: Json, now: datetime
) -> str:
    """Write a merge down and turn the pointers of the absorbed circle; its id outside."""
    uid = uuid7()
    names = ("id", "uid", "contact_id", "into_id", "actor", "record", "at")
    text = orjson.dumps(record).decode()
    insert(db, merges, names, [(number, hexed(uid), absorbed.id, into.id, actor, text, micros(now))])
    db.execute(sa.update(contacts).where(contacts.c.root_id == absorbed.id).values(root_id=into.id))
    db.execute(_of(leads.c.contact_id == absorbed.id).values(contact_id=into.id, version=leads.c.version + 1))
    db.execute(_of(leads.c.enquiry_of == absorbed.id).values(enquiry_of=into.id))
    return uid


def _of(condition: sa.ColumnElement[bool]) -> sa.Update:
    return sa.update(leads).where(condition)


def fold(db: sa.Connection, folds: Sequence[Fold], there: Mapping[int, Lead], now: datetime) -> list[Json]:
    """Make leads parts of others: nothing is due on them, and they burden nobody. How each was, to be given back."""
    kept = []
    for one in folds:
        lead, into = there[one.lead], there[one.into]
        last = max(lead.last_us, into.last_us)
        parts = sa.or_(leads.c.id == lead.id, leads.c.merged_into == lead.id)
        db.execute(_of(parts).values(merged_into=into.id))
        values = {"state": MERGED, "reason": None, "enquiry_of": None, **dict.fromkeys(_DUE)}
        db.execute(_of(leads.c.id == lead.id).values(values | {"version": leads.c.version + 1}))
        db.execute(_of(leads.c.id == into.id).values(last_at=last, version=leads.c.version + 1))
        kept.append(
            {
                "lead": lead.id,
                "into": into.id,
                "state": lead.state,
                "reason": lead.reason,
                "due": lead.due,
                "last": [into.last_us, last],
                "offers": _withdraw(db, lead.id, now),
            }
        )
        burden(db, {lead.owner: -1} if lead.state in COUNTED else {})
    return kept


def _withdraw(db: sa.Connection, lead: int, now: datetime) -> list[list[int | None]]:
    """Offers of a lead that wait for an answer wait no more."""
    mine = sa.and_(offers.c.lead_id == lead, offers.c.state == "open")
    waiting = [[row.id, row.answer_by] for row in db.execute(sa.select(offers.c.id, offers.c.answer_by).where(mine))]
    db.execute(sa.update(offers).where(mine).values(state=WITHDRAWN, answered_at=micros(now)))
    return waiting


def burden(db: sa.Connection, change: Mapping[int | None, int]) -> None:
    """Count open leads to managers, or away from them."""
    for number, by in sorted((n, by) for n, by in change.items() if n is not None and by):
        db.execute(sa.update(managers).where(managers.c.id == number).values(open=managers.c.open + by))


def describe(db: sa.Connection, number: int, values: Mapping[str, Any]) -> None:
    """Give a contact a name, an owner or a company. Who is called otherwise has other namesakes, to be looked for again."""
    renamed = {"searched_at": None} if "name" in values else {}
    changed = {**values, **renamed, "version": contacts.c.version + 1}
    db.execute(sa.update(contacts).where(contacts.c.id == number).values(changed))


# ---- an undo, and what it shares with a split


def undone(db: sa.Connection, merge: Merge, now: datetime) -> None:
    """A merge that does not stand any more."""
    db.execute(sa.update(merges).where(merges.c.id == merge.id).values(undone_at=micros(now)))


def rewrite(db: sa.Connection, merge: Merge, record: Json) -> None:
    """What a merge that goes on standing still has to give back."""
    db.execute(sa.update(merges).where(merges.c.id == merge.id).values(record=orjson.dumps(record).decode()))


def root(db: sa.Connection, roots: Mapping[int, int]) -> None:
    """Turn the pointers of contacts."""
    update(db, contacts, ("id", "root_id"), sorted(roots.items()))
    for number in sorted(set(roots.values())):
        describe(db, number, {})


def unfold(db: sa.Connection, was: Json, lead: Lead, into: Lead, since: datetime, now: datetime) -> Lead:
    """Give a folded lead back as it was; offers go on with the time that was left of them when it was folded."""
    values = {"state": was["state"], "reason": was["reason"], "merged_into": None, **was["due"]}
    db.execute(_of(leads.c.id == lead.id).values(values | {"version": leads.c.version + 1}))
    passed = micros(now) - micros(since)
    for number, answer_by in was["offers"]:
        again = None if answer_by is None else answer_by + passed
        db.execute(
            sa.update(offers).where(offers.c.id == number).values(state="open", answer_by=again, answered_at=None)
        )
    before, after = was["last"]
    if into.last_us == after:
        db.execute(_of(leads.c.id == into.id).values(last_at=before))
    burden(db, {lead.owner: 1} if was["state"] in COUNTED else {})
    return replace(lead, state=was["state"], reason=was["reason"], merged_into=None)


def point(db: sa.Connection, into: Mapping[int, int]) -> None:
    """Which lead each folded one goes on in."""
    update(db, leads, ("id", "merged_into"), sorted(into.items()))


def give_to(db: sa.Connection, there: Iterable[Lead], persons: Mapping[int, int], slots: Mapping[int, int]) -> None:
    """Whose each lead is now, and which of them hold their enquiry slots: first none of those that change, then the new."""
    changed = [lead for lead in there if lead.slot != slots.get(lead.id)]
    update(db, leads, ("id", "enquiry_of"), [(lead.id, None) for lead in changed])
    update(db, leads, ("id", "enquiry_of"), [(lead.id, slots[lead.id]) for lead in changed if lead.id in slots])
    moved = sorted((lead, person) for lead, person in persons.items())
    update(db, leads, ("id", "contact_id"), moved)
    touched(db, [lead for lead, _ in moved])


def touched(db: sa.Connection, numbers: Collection[int]) -> None:
    """Leads that look otherwise now."""
    db.execute(_of(leads.c.id.in_(numbers)).values(version=leads.c.version + 1))


def move(db: sa.Connection, moves: Sequence[tuple[int, int]]) -> None:
    """Put interactions on other leads, with the journal's word for it."""
    update(db, interactions, ("id", "lead_id"), sorted(moves))
    update(db, journal, ("interaction_id", "lead_id"), sorted(moves))


def title(db: sa.Connection, titles: Mapping[int, str]) -> None:
    """What leads are called, on the interactions that opened them."""
    update(db, interactions, ("id", "title"), [(number, storable(text)) for number, text in sorted(titles.items())])


def reopen_by(db: sa.Connection, opened_by: Mapping[int, int]) -> None:
    """By which interaction leads count as opened."""
    update(db, leads, ("id", "opened_by"), sorted(opened_by.items()))


# ---- a split


def new_contact(db: sa.Connection, number: int, name: str | None, now: datetime) -> str:
    """A contact that a person split off; its id outside."""
    uid = uuid7()
    called = None if name is None else storable(name)
    values = [(number, hexed(uid), number, called, micros(now))]
    insert(db, contacts, ("id", "uid", "root_id", "name", "created_at"), values)
    return uid


def hold(db: sa.Connection, numbers: Collection[int], holder: int) -> None:
    """Keys that a person says are another's."""
    update(db, keys, ("id", "holder_id"), [(number, holder) for number in sorted(numbers)])


def belong(db: sa.Connection, numbers: Collection[int], contact: int) -> None:
    """Interactions that a person says are another's, with the journal's word for it."""
    belonging = [(number, contact) for number in sorted(numbers)]
    update(db, interactions, ("id", "contact_id"), belonging)
    update(db, journal, ("interaction_id", "contact_id"), belonging)


# ---- pairs that stay apart, and suggestions


def set_apart(db: sa.Connection, pairs: Iterable[tuple[int, int]], actor: str, now: datetime) -> None:
    """Contacts that are never joined again by themselves."""
    wanted = {(min(pair), max(pair)) for pair in pairs}
    known = {
        (low, high)
        for low, high in db.execute(
            sa.select(apart.c.low_id, apart.c.high_id).where(apart.c.low_id.in_([low for low, _ in wanted]))
        )
    }
    new = [(low, high, actor, micros(now)) for low, high in sorted(wanted - known)]
    insert(db, apart, ("low_id", "high_id", "actor", "at"), new)


def forget_apart(db: sa.Connection, one: Collection[int], other: Collection[int]) -> None:
    """A person has joined what a person had parted: his word is the later one."""
    between = sa.or_(
        sa.and_(apart.c.low_id.in_(one), apart.c.high_id.in_(other)),
        sa.and_(apart.c.low_id.in_(other), apart.c.high_id.in_(one)),
    )
    db.execute(sa.delete(apart).where(between))


def settle_suggestions(
    db: sa.Connection, one: Collection[int], other: Collection[int], verdict: str, actor: str, now: datetime
) -> None:
    """Whether these are one person is answered."""
    between = sa.or_(
        sa.and_(suggestions.c.contact_id.in_(one), suggestions.c.other_id.in_(other)),
        sa.and_(suggestions.c.contact_id.in_(other), suggestions.c.other_id.in_(one)),
    )
    _answer(db, sa.and_(between, suggestions.c.contact_id != suggestions.c.other_id), verdict, actor, now)


def settle_names(db: sa.Connection, moved: Collection[int], actor: str, now: datetime) -> None:
    """Whether another name is another person is answered for what these interactions said."""
    entries = sa.select(journal.c.id).where(journal.c.interaction_id.in_(moved))
    itself = suggestions.c.contact_id == suggestions.c.other_id
    _answer(db, sa.and_(itself, suggestions.c.journal_id.in_(entries)), "apart", actor, now)


def _answer(db: sa.Connection, condition: sa.ColumnElement[bool], verdict: str, actor: str, now: datetime) -> None:
    db.execute(
        sa.update(suggestions)
        .where(condition, suggestions.c.settled_at.is_(None))
        .values(settled_at=micros(now), verdict=verdict, actor=actor)
    )


def suggestion(db: sa.Connection, uid: str) -> tuple[int, int, int, str | None] | None:
    """A suggestion by its id outside, locked: its number, the two contacts, and the verdict where there is one."""
    query = sa.select(suggestions).where(suggestions.c.uid == uid).with_for_update()
    row = db.execute(query).first()
    if row is None:
        return None
    return row.id, row.contact_id, row.other_id, row.verdict


def judge(db: sa.Connection, number: int, verdict: str, actor: str, now: datetime) -> None:
    """What a person said to one suggestion."""
    _answer(db, suggestions.c.id == number, verdict, actor, now)
