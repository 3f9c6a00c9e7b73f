"""Contacts as the API and the pages show them: plain JSON in the contract's shape."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from dedup.keys import Key
from kernel.clock import instant, iso
from storage.key_views import keys_of, roots_by
from storage.lead_views import leads_listed
from storage.names import Names
from storage.paging import Page, cursor_at, position_of
from storage.schema import companies, contacts, interactions, keys, leads, managers
from storage.searching import mentions
from storage.timelines import timeline

Json = dict[str, Any]
_itself = contacts.alias("itself")
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


def contacts_found(db: sa.Connection, key: Key | None, q: str | None, limit: int, cursor: str | None) -> Page:
    """Contacts by one key, or by a part of name or key; a search by the key of a merged contact finds its root once."""
    query = (
        sa.select(contacts.c.id)
        .where(contacts.c.root_id == contacts.c.id)
        .order_by(contacts.c.id.desc())
        .limit(limit + 1)
    )
    if key is not None:
        query = query.where(contacts.c.id.in_(roots_by(key)))
    if q:
        holder = (
            sa.select(_itself.c.root_id).join(keys, keys.c.holder_id == _itself.c.id).where(mentions(keys.c.value, q))
        )
        called = sa.select(_itself.c.root_id).where(mentions(_itself.c.name, q))
        query = query.where(sa.or_(contacts.c.id.in_(called), contacts.c.id.in_(holder)))
    if cursor is not None:
        query = query.where(contacts.c.id < position_of(cursor))
    found = list(db.execute(query).scalars())
    shown = found[:limit]
    return Page(contacts_shown(db, shown), cursor_at(shown[-1]) if len(found) > limit else None)


def contact_number(db: sa.Connection, uid: str) -> int | None:
    """The root contact's number of a contact's id."""
    found: int | None = db.execute(sa.select(contacts.c.root_id).where(contacts.c.uid == uid)).scalar()
    return found


def contact(db: sa.Connection, names: Names, root: int) -> Json:
    """A contact with its leads and its whole timeline."""
    everyone = sa.select(contacts.c.id).where(contacts.c.root_id == root)
    return contacts_shown(db, [root])[0] | {
        "leads": leads_listed(db, leads.c.contact_id == root),
        "interactions": timeline(db, names, interactions.c.contact_id.in_(everyone), None)[0],
    }


def contacts_shown(db: sa.Connection, roots: Sequence[int]) -> list[Json]:
    """Root contacts, in their order, with the keys of all that is merged into them."""
    known = keys_of(db, roots)
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
