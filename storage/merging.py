"""What a merge of contacts changes, what an undo gives back, and what a split moves, in rows.

What a merge changed beyond the pointers of its circle (storage/circles.py) stands in its `record`, as numbers and codes, until
it is undone. Under the edition's lock (storage/edition.py), and in the order of all locks: contacts, teams, managers, leads.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.union import Fold
from kernel.clock import micros
from kernel.ids import uuid7
from kernel.texts import storable
from storage.circles import DUE, Contact, Lead, Merge
from storage.handling import COUNTED
from storage.rows import hexed, insert, update
from storage.schema import contacts, interactions, journal, keys, leads, managers, merges, offers

MERGED: Final = "merged"
WITHDRAWN: Final = "withdrawn"
Json = dict[str, Any]


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
        values = {"state": MERGED, "reason": None, "enquiry_of": None, **dict.fromkeys(DUE)}
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
