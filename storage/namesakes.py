"""Who has a name like whose: contacts still to be looked at, their names under keys that slips share, and what is suggested.

Keys are kept as hashes of 64 bits, so that no part of a name stands outside the contacts; where two keys have one hash, a
comparison more is made.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from dedup.likeness import Facts, Named
from kernel.clock import micros
from kernel.ids import uuid7
from storage.rows import JsonList, JsonRecord, Prepared, Upsert, found, hexed, look_up, pack, rows
from storage.schema import apart, contacts, interactions, keys, name_keys, suggestions

# A name that so many share is common; which of its bearers are looked at then hardly matters.
_MOST_BEARERS: Final = 51
_FIRST_INTERACTIONS: Final = 5

_UNSEARCHED: Final = Prepared(
    sa.select(contacts.c.id, contacts.c.root_id, contacts.c.name)
    .where(contacts.c.name.is_not(None), contacts.c.searched_at.is_(None))
    .order_by(contacts.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
_indexed: Final = rows("asked", name_keys.c.contact_id)
_FORGET: Final = Prepared(sa.delete(name_keys).where(name_keys.c.contact_id.in_(sa.select(_indexed.c.contact_id))))
_INDEX: Final = Upsert(name_keys, ("key", "contact_id"), lambda insert: insert.on_conflict_do_nothing())

_key: Final = rows("asked", name_keys.c.contact_id, name_keys.c.key)
_bearers: Final = (
    sa.select(name_keys.c.contact_id)
    .where(name_keys.c.key == _key.c.key)
    .limit(_MOST_BEARERS)
    .correlate(_key)
    .subquery("bearers")
)
_BEARERS: Final = Prepared(
    sa.select(_key.c.contact_id, sa.select(JsonList(_bearers.c.contact_id)).scalar_subquery().label("bearers"))
)
_NAMED: Final = look_up((contacts.c.id,), (contacts.c.id, contacts.c.root_id, contacts.c.name))

_holder: Final = rows("asked", keys.c.holder_id)
_held: Final = (
    sa.select(JsonRecord(keys.c.kind, keys.c.value).label("record"))
    .where(keys.c.holder_id == _holder.c.holder_id)
    .correlate(_holder)
    .subquery("held")
)
_KEYS: Final = Prepared(
    sa.select(_holder.c.holder_id, sa.select(JsonList(_held.c.record)).scalar_subquery().label("held"))
)
_party: Final = rows("asked", interactions.c.contact_id)
_first: Final = (
    sa.select(JsonRecord(interactions.c.company_id, interactions.c.details).label("record"))
    .where(interactions.c.contact_id == _party.c.contact_id)
    .order_by(interactions.c.id)
    .limit(_FIRST_INTERACTIONS)
    .correlate(_party)
    .subquery("first")
)
_SAID: Final = Prepared(
    sa.select(_party.c.contact_id, sa.select(JsonList(_first.c.record)).scalar_subquery().label("said"))
)
# An opinion about any part of a person is about the person. Looking among the parts of both finds it from either side.
_person: Final = rows("asked", contacts.c.id)
_part: Final = contacts.alias("part")
_beside: Final = contacts.alias("beside")


def _between(pairs: sa.Table, one: sa.Column[int], other: sa.Column[int]) -> Prepared:
    return Prepared(
        sa.select(_part.c.root_id, _beside.c.root_id)
        .select_from(_person)
        .join(_part, _part.c.root_id == _person.c.id)
        .join(pairs, one == _part.c.id)
        .join(_beside, _beside.c.id == other)
    )


_SUGGESTED: Final = _between(suggestions, suggestions.c.contact_id, suggestions.c.other_id)
_APART: Final = _between(apart, apart.c.low_id, apart.c.high_id)

_SUGGESTION: Final = ("id", "uid", "contact_id", "other_id", "code", "record", "at")
_SUGGEST: Final = Upsert(suggestions, _SUGGESTION, lambda insert: insert.on_conflict_do_nothing())
_searched: Final = rows("new", contacts.c.id, contacts.c.name, contacts.c.searched_at)
_SEARCHED: Final = Prepared(
    sa.update(contacts)
    .where(contacts.c.id == _searched.c.id, contacts.c.name == _searched.c.name)
    .values(searched_at=_searched.c.searched_at)
)

CODE: Final = "similar_name"
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Similar:
    """A suggestion to be written: two contacts, the lower id first, and why they may be one."""

    contact: int
    other: int
    record: Mapping[str, Any]


def unsearched(db: sa.Connection, limit: int) -> list[Named]:
    """Contacts with a name whose namesakes nobody has looked for, the oldest first."""
    return [Named(*row) for row in _UNSEARCHED(db, {"limit": limit})]


def index(db: sa.Connection, names: Mapping[int, Collection[str]]) -> None:
    """Keep these contacts' names under these keys, and under no others."""
    _FORGET(db, {"asked": pack((contact,) for contact in names)})
    values = sorted({(_hashed(key), contact) for contact, some in names.items() for key in some})
    if values:
        _INDEX(db, values)


def bearers(db: sa.Connection, names: Mapping[int, Collection[str]], most: int) -> dict[int, list[Named]]:
    """For each contact the others under its keys: `most` of them, those that share most keys first, then the latest."""
    asked = [(contact, _hashed(key)) for contact, some in names.items() for key in some]
    shared: dict[int, dict[int, int]] = {contact: {} for contact in names}
    for contact, others in _BEARERS(db, {"asked": pack(asked)}) if asked else ():
        for other in orjson.loads(others or "[]"):
            shared[contact][other] = shared[contact].get(other, 0) + 1
    chosen = {
        contact: sorted(others.keys() - {contact}, key=lambda other, n=others: (n[other], other), reverse=True)[:most]  # type: ignore[misc] # a bound default
        for contact, others in shared.items()
    }
    named = _named(db, {other for others in chosen.values() for other in others})
    return {contact: [named[other] for other in others if other in named] for contact, others in chosen.items()}


def _named(db: sa.Connection, ids: Collection[int]) -> dict[int, Named]:
    records = found(db, _NAMED, [(number,) for number in sorted(ids)])
    return {r[0]: Named(*r) for r in records if r is not None and r[2] is not None}


def facts(db: sa.Connection, named: Iterable[Named]) -> dict[int, Facts]:
    """What is known of these contacts, by their ids: their keys, and where their first interactions came from."""
    by_id = {one.id: one for one in named}
    asked = {"asked": pack((number,) for number in sorted(by_id))}
    held = {number: orjson.loads(records or "[]") for number, records in _KEYS(db, asked)}
    said = {number: [_record(r) for r in orjson.loads(records or "[]")] for number, records in _SAID(db, asked)}
    return {
        number: Facts(
            one.name,
            tuple(Key(*_record(record)) for record in held[number]),
            tuple(filter(None, (orjson.loads(details).get("city") for _company, details in said[number]))),
            tuple(company for company, _details in said[number] if company is not None),
        )
        for number, one in by_id.items()
    }


def judged(db: sa.Connection, pairs: Collection[Pair]) -> set[Pair]:
    """Those of these pairs of roots, the lower first, that are suggested already in any way, or that somebody has parted."""
    if not pairs:
        return set()
    asked = {"asked": pack((root,) for root in sorted({root for pair in pairs for root in pair}))}
    found = {(min(pair), max(pair)) for statement in (_SUGGESTED, _APART) for pair in statement(db, asked)}
    return {pair for pair in pairs if pair in found}


def write(
    db: sa.Connection, searched: Sequence[Named], similar: Sequence[Similar], new_id: Callable[[], int], now: datetime
) -> None:
    """These contacts have been looked at, unless they were renamed meanwhile; and what came of it."""
    at = micros(now)
    _SEARCHED(db, {"new": pack((one.id, one.name, at) for one in searched)})
    values = [
        (new_id(), hexed(uuid7()), s.contact, s.other, CODE, orjson.dumps(s.record).decode(), at)
        for s in sorted(similar, key=lambda s: (s.contact, s.other))
    ]
    if values:
        _SUGGEST(db, values)


def _record(inside: Any) -> list[Any]:
    """A record of a list of records: SQLite may leave it JSON within JSON, PostgreSQL gives its text."""
    plain: list[Any] = orjson.loads(inside) if isinstance(inside, str) else inside
    return plain


def _hashed(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
