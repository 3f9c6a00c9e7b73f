"""What the API shows of who is who: merges, suggestions, companies, and whom an approach may be from."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from kernel.clock import instant, iso
from storage.contact_views import contacts_shown
from storage.key_views import shown_key
from storage.lead_views import leads_listed
from storage.names import Names
from storage.paging import Page, cursor_at, position_of
from storage.schema import companies, contacts, keys, leads, merges, suggestions

Json = dict[str, Any]
_MOST_CONTACTS: Final = 200

_into = contacts.alias("into")
_absorbed = contacts.alias("absorbed")
_MERGE: Final = (
    sa.select(
        merges,
        _into.c.uid.label("into_uid"),
        _absorbed.c.uid.label("absorbed_uid"),
        _absorbed.c.name.label("absorbed_name"),
    )
    .join(_into, _into.c.id == merges.c.into_id)
    .join(_absorbed, _absorbed.c.id == merges.c.contact_id)
)
_one = contacts.alias("one")
_other = contacts.alias("other")
_SUGGESTION: Final = (
    sa.select(suggestions, _one.c.root_id.label("one_root"), _other.c.root_id.label("other_root"))
    .join(_one, _one.c.id == suggestions.c.contact_id)
    .join(_other, _other.c.id == suggestions.c.other_id)
)
# Two who have become one while it was being written are no question any more.
_OPEN: Final = sa.and_(
    suggestions.c.settled_at.is_(None),
    sa.or_(suggestions.c.contact_id == suggestions.c.other_id, _one.c.root_id != _other.c.root_id),
)


def merges_of(db: sa.Connection, root: int) -> list[Json]:
    """The merges by which a contact has absorbed others, or did before they were undone, oldest first."""
    query = _MERGE.where(_into.c.root_id == root).order_by(merges.c.at, merges.c.id)
    return [_merge(row) for row in db.execute(query)]


def merge(db: sa.Connection, uid: str) -> Json:
    """One merge."""
    return _merge(db.execute(_MERGE.where(merges.c.uid == uid)).one())


def _merge(row: Any) -> Json:
    return {
        "id": row.uid,
        "into": row.into_uid,
        "absorbed": {"id": row.absorbed_uid, "name": row.absorbed_name},
        "at": iso(instant(row.at)),
        "actor": row.actor,
        "undone_at": None if row.undone_at is None else iso(instant(row.undone_at)),
    }


def suggestion_page(db: sa.Connection, state: str | None, limit: int, cursor: str | None) -> Page:
    """Suggestions, newest first: open ones, answered ones, or all."""
    query = _SUGGESTION.order_by(suggestions.c.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(_OPEN if state == "open" else suggestions.c.settled_at.is_not(None))
    if cursor is not None:
        query = query.where(suggestions.c.id < position_of(cursor))
    found = db.execute(query).all()
    shown = found[:limit]
    return Page(_suggestions(db, shown), cursor_at(shown[-1].id) if len(found) > limit else None)


def suggestions_of(db: sa.Connection, root: int) -> list[Json]:
    """What is open about a contact, newest first."""
    circle = sa.select(contacts.c.id).where(contacts.c.root_id == root)
    about = sa.or_(suggestions.c.contact_id.in_(circle), suggestions.c.other_id.in_(circle))
    return _suggestions(db, db.execute(_SUGGESTION.where(_OPEN, about).order_by(suggestions.c.id.desc())).all())


def suggestion(db: sa.Connection, uid: str) -> Json:
    """One suggestion."""
    return _suggestions(db, db.execute(_SUGGESTION.where(suggestions.c.uid == uid)).all())[0]


def _suggestions(db: sa.Connection, found: Collection[Any]) -> list[Json]:
    people = persons(db, {row.one_root for row in found} | {row.other_root for row in found})
    return [
        {
            "id": row.uid,
            "code": row.code,
            "contact": people[row.one_root],
            "other": people[row.other_root],
            "at": iso(instant(row.at)),
            "state": "open" if row.settled_at is None else "answered",
            "verdict": row.verdict,
            "record": None if row.record is None else orjson.loads(row.record),
        }
        for row in found
    ]


def persons(db: sa.Connection, roots: Iterable[int]) -> dict[int, Json]:
    """Contacts as a lead shows its own: id, name, keys."""
    order = sorted(set(roots))
    shown = contacts_shown(db, order)
    return {root: {name: one[name] for name in ("id", "name", "keys")} for root, one in zip(order, shown, strict=True)}


def held_by(db: sa.Connection, asked: Collection[Key]) -> list[int]:
    """The roots of the contacts that hold any of these keys, oldest first; a shared key has none."""
    found: set[int] = set()
    for key in asked:
        holder = sa.select(keys.c.holder_id).where(keys.c.kind == key.kind, keys.c.value == key.value)
        found.update(db.execute(sa.select(contacts.c.root_id).where(contacts.c.id.in_(holder))).scalars())
    return sorted(found)


def company_number(db: sa.Connection, uid: str) -> int | None:
    """The company's number inside."""
    found: int | None = db.execute(sa.select(companies.c.id).where(companies.c.uid == uid)).scalar()
    return found


def company(db: sa.Connection, names: Names, number: int) -> Json:
    """A company or an unnamed line, with the keys that it owns, who works there, and its leads, newest first."""
    row = db.execute(sa.select(companies).where(companies.c.id == number)).one()
    own = db.execute(sa.select(keys.c.kind, keys.c.value).where(keys.c.holder_id == number).order_by(keys.c.id))
    return {
        "id": row.uid,
        "name": row.name,
        "owner": names.managers.name_or_none(db, row.owner_id),
        "keys": [shown_key(Key(kind, value)) for kind, value in own],
        "created_at": iso(instant(row.created_at)),
        "contacts": list(persons(db, _working_at(db, number)).values()),
        "leads": leads_listed(db, leads.c.company_id == number),
    }


def _working_at(db: sa.Connection, company: int) -> Iterable[int]:
    """The roots of the contacts of a company, the newest 200."""
    roots = sa.select(contacts.c.root_id).where(contacts.c.company_id == company).distinct()
    found: Iterable[int] = db.execute(roots.order_by(contacts.c.root_id.desc()).limit(_MOST_CONTACTS)).scalars()
    return found


def describe_company(db: sa.Connection, number: int, values: Mapping[str, Any]) -> None:
    """Name a company, or give it an owner."""
    db.execute(sa.update(companies).where(companies.c.id == number).values(**values))


def open_leads(db: sa.Connection, root: int) -> list[Json]:
    """The open leads of a contact, newest first."""
    still_open = leads.c.state.in_(("unprocessed", "assigned", "in_work"))
    return leads_listed(db, sa.and_(leads.c.contact_id == root, still_open))
