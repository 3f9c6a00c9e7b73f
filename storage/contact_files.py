"""What a file of contacts asks of the store beside the people: their companies and owners, and the ids to answer with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import micros
from kernel.ids import uuid7_hex
from storage.rows import dashed, found, insert, look_up, update
from storage.schema import companies, contacts

_CONTACT: Final = look_up((contacts.c.id,), (contacts.c.uid, contacts.c.owner_id, contacts.c.company_id))
_COMPANY: Final = look_up((companies.c.id,), (companies.c.uid, companies.c.owner_id))
_NAMED: Final = look_up((companies.c.name,), (companies.c.id,), order_by=companies.c.id)


@dataclass(frozen=True, slots=True)
class Belongs:
    """Whose a contact or company is to be, where it is nobody's yet; and for a contact, where it is to work."""

    owner: int | None
    company: int | None = None


def companies_named(db: sa.Connection, names: Iterable[str]) -> dict[str, int]:
    """The oldest company of each name, as it is written; only those that are there."""
    asked = sorted(set(names))
    records = found(db, _NAMED, [(name,) for name in asked])
    return {name: record[0] for name, record in zip(asked, records, strict=True) if record is not None}


def found_companies(db: sa.Connection, made: Mapping[str, int], at: datetime) -> None:
    """Store new companies under the numbers given."""
    columns = ("id", "uid", "name", "created_at")
    insert(db, companies, columns, [(number, uuid7_hex(), name, micros(at)) for name, number in sorted(made.items())])


def settle_contacts(db: sa.Connection, belongs: Mapping[int, Belongs]) -> dict[int, tuple[str, int | None]]:
    """Give these contacts what they lack; the id of each by which the outside knows it, and its owner afterwards."""
    return _settle(db, contacts, _CONTACT, ("owner_id", "company_id"), belongs)


def settle_companies(db: sa.Connection, belongs: Mapping[int, Belongs]) -> dict[int, tuple[str, int | None]]:
    """The same of companies."""
    return _settle(db, companies, _COMPANY, ("owner_id",), belongs)


def _settle(
    db: sa.Connection, table: sa.Table, present: Any, columns: Sequence[str], belongs: Mapping[int, Belongs]
) -> dict[int, tuple[str, int | None]]:
    order = sorted(belongs)
    changed = []
    shown = {}
    for number, (uid, *before) in zip(order, found(db, present, [(number,) for number in order]), strict=True):
        wanted = (belongs[number].owner, belongs[number].company)
        after = [has if has is not None else wish for has, wish in zip(before, wanted, strict=False)]
        if after != before:
            changed.append((number, *after))
        shown[number] = (dashed(uid), after[0])
    update(db, table, ("id", *columns), changed)
    return shown
