"""What a file of contacts asks of the store beside the people: their companies and owners, and the ids to answer with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import micros
from kernel.ids import uuid7_hex
from storage.rows import Bulk, Cells, Prepared, dashed, found, insert, look_up
from storage.schema import companies, contacts

_CONTACT: Final = look_up((contacts.c.id,), (contacts.c.uid, contacts.c.owner_id, contacts.c.company_id))
_COMPANY: Final = look_up((companies.c.id,), (companies.c.uid, companies.c.owner_id))
_NAMED: Final = look_up((companies.c.name,), (companies.c.id,), order_by=companies.c.id)


@dataclass(frozen=True, slots=True)
class Belongs:
    """Whose a contact or company is to be, where it is nobody's yet; and for a contact, where it is to work."""

    owner: int | None
    company: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A contact or company by the id that the outside knows, its owner, and where a contact works."""

    uid: str
    owner: int | None
    company: int | None = None


def _giving(table: sa.Table, *columns: str) -> Bulk:
    """An update of what is empty still: what somebody else has given meanwhile stays."""

    def written(_: sa.Connection, cells: Cells, _given: sa.Subquery | None) -> sa.ClauseElement:
        filled = {name: sa.func.coalesce(table.c[name], cells[name]) for name in columns}
        return sa.update(table).where(table.c.id == cells["id"]).values(filled)

    return Bulk(table, ("id", *columns), written)


_GIVE_CONTACT: Final = _giving(contacts, "owner_id", "company_id")
_GIVE_COMPANY: Final = _giving(companies, "owner_id")


def companies_named(db: sa.Connection, names: Iterable[str]) -> dict[str, int]:
    """The oldest company of each name, as it is written; only those that are there."""
    asked = sorted(set(names))
    records = found(db, _NAMED, [(name,) for name in asked])
    return {name: record[0] for name, record in zip(asked, records, strict=True) if record is not None}


def found_companies(db: sa.Connection, made: Mapping[str, int], at: datetime) -> None:
    """Store new companies under the numbers given."""
    columns = ("id", "uid", "name", "created_at")
    insert(db, companies, columns, [(number, uuid7_hex(), name, micros(at)) for name, number in sorted(made.items())])


def employed(db: sa.Connection, asked: Iterable[int]) -> set[int]:
    """Which of these contacts have a company."""
    order = sorted(asked)
    records = found(db, _CONTACT, [(number,) for number in order])
    return {number for number, (_, _, company) in zip(order, records, strict=True) if company is not None}


def settle_contacts(db: sa.Connection, belongs: Mapping[int, Belongs]) -> dict[int, Settled]:
    """Give these contacts what they lack; how each stands afterwards."""
    return _settle(db, _CONTACT, _GIVE_CONTACT, belongs)


def settle_companies(db: sa.Connection, belongs: Mapping[int, Belongs]) -> dict[int, Settled]:
    """The same of companies."""
    return _settle(db, _COMPANY, _GIVE_COMPANY, belongs)


def _settle(db: sa.Connection, present: Prepared, give: Bulk, belongs: Mapping[int, Belongs]) -> dict[int, Settled]:
    order = sorted(belongs)
    changed = []
    shown = {}
    for number, (uid, *before) in zip(order, found(db, present, [(number,) for number in order]), strict=True):
        wanted = (belongs[number].owner, belongs[number].company)
        after = [has if has is not None else wish for has, wish in zip(before, wanted, strict=False)]
        if after != before:
            changed.append((number, *after))
        shown[number] = Settled(dashed(uid), *after)
    if changed:
        give(db, changed)
    return shown
