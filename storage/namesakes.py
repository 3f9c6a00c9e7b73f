"""Who has a name like whose: contacts still to be looked at, their names under keys that slips share, and what is suggested.

Names are kept as hashes of 64 bits, so that no part of one stands outside the contacts; where two have one hash, a comparison
more is made. Each surname is indexed once, with its slips, and each contact under its surname and initial.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from dedup.likeness import Facts, Named
from dedup.names import CandidateKey
from kernel.clock import micros
from kernel.ids import uuid7
from storage.dialects import JsonList, JsonRecord
from storage.rows import Prepared, Upsert, found, hexed, look_up, pack, rows
from storage.schema import apart, contacts, interactions, keys, name_keys, suggestions, surname_keys

# A name that so many share is common; which of its bearers are looked at then hardly matters. Where given names differ a few do.
_MOST_BEARERS: Final = 51
_MOST_OF_FURTHER: Final = 10
_MOST_NEIGHBOURS: Final = 60
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
_INDEX_SURNAME: Final = Upsert(surname_keys, ("key", "surname"), lambda insert: insert.on_conflict_do_nothing())

_slip: Final = rows("asked", surname_keys.c.key)
_near: Final = (
    sa.select(surname_keys.c.surname)
    .where(surname_keys.c.key == _slip.c.key)
    .limit(_MOST_NEIGHBOURS)
    .correlate(_slip)
    .subquery("near")
)
_NEAR: Final = Prepared(sa.select(_slip.c.key, sa.select(JsonList(_near.c.surname)).scalar_subquery().label("near")))
_key: Final = rows("asked", name_keys.c.key)
_bearers: Final = (
    sa.select(name_keys.c.contact_id)
    .where(name_keys.c.key == _key.c.key)
    .order_by(name_keys.c.contact_id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .correlate(_key)
    .subquery("bearers")
)
_BEARERS: Final = Prepared(
    sa.select(_key.c.key, sa.select(JsonList(_bearers.c.contact_id)).scalar_subquery().label("bearers"))
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
Keys = Collection[CandidateKey]
Slips = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Similar:
    """A suggestion to be written: two contacts, the lower id first, and why they may be one."""

    contact: int
    other: int
    record: Mapping[str, Any]


def unsearched(db: sa.Connection, limit: int) -> list[Named]:
    """Contacts with a name whose namesakes nobody has looked for, the oldest first."""
    return [Named(*row) for row in _UNSEARCHED(db, {"limit": limit})]


def index(db: sa.Connection, names: Mapping[int, Keys]) -> None:
    """Keep these contacts under the keys of their names, and under no others."""
    _FORGET(db, {"asked": pack((contact,) for contact in names)})
    keys = {key for own in names.values() for key in own}
    if not keys:
        return
    surnames = {(key.surname, key.slips) for key in keys}
    slips = {(_hashed(slip), _hashed(surname)) for surname, shared in surnames for slip in shared}
    _INDEX_SURNAME(db, sorted(slips))
    blocks = {key: _block(_hashed(key.surname), key.given) for key in keys}
    _INDEX(db, sorted({(blocks[key], contact) for contact, own in names.items() for key in own}))


def bearers(db: sa.Connection, names: Mapping[int, Keys], most: int) -> dict[int, list[Named]]:
    """For each contact, `most` others at most whose surname is the same or a slip away, with an initial in common.

    Of neighbours those with the same given name come first, then the nearest. They have two fifths of the room at least; of
    bearers of one name the latest are taken.
    """
    near = _neighbours(db, {key.slips for keys in names.values() for key in keys})
    looks = {contact: _Look.of(keys, near) for contact, keys in names.items()}
    wanted = [look.same | look.nearest for look in looks.values()]
    many = _bearers_of(db, set().union(*wanted), _MOST_BEARERS)
    few = _bearers_of(db, set().union(*(look.further for look in looks.values())), _MOST_OF_FURTHER)
    chosen: dict[int, list[int]] = {}
    for contact, look in looks.items():
        exact = _in_turn((many[block] for block in look.same), contact)
        slipped = (*(many[block] for block in look.nearest), *(few[block] for block in look.further))
        others = _in_turn(slipped, contact)[: max(most * 2 // 5, most - len(exact))]
        chosen[contact] = [*exact[: most - len(others)], *others]
    named = _named(db, {other for others in chosen.values() for other in others})
    return {contact: [named[other] for other in others if other in named] for contact, others in chosen.items()}


@dataclass(frozen=True, slots=True)
class _Look:
    """Where to look for namesakes of one contact: blocks of its own surname, and of neighbours, the nearest first.

    `nearest` are those of the same given name, or where no full one is known, of its initial; `further` other initials' ones.
    """

    same: dict[int, None]
    nearest: dict[int, None]
    further: dict[int, None]

    @classmethod
    def of(cls, keys: Keys, near: Mapping[Slips, Counter[int]]) -> "_Look":
        ranked = sorted(
            ((shared, other, key) for key in keys for other, shared in near[key.slips].items()),
            key=lambda one: (-one[0], one[1]),
        )
        is_known = any(not key.is_initial for key in keys)
        same = {_block(_hashed(key.surname), key.given): None for key in keys if key.is_initial}
        nearest = {_block(other, key.given): None for _, other, key in ranked if key.is_initial is not is_known}
        further = {_block(other, key.given): None for _, other, key in ranked if key.is_initial and is_known}
        return cls(same, nearest, further)


def _neighbours(db: sa.Connection, surnames: Collection[Slips]) -> dict[Slips, Counter[int]]:
    """The hashes of surnames near each of these, which come with their slips, and how many they share."""
    hashed = {slips: [_hashed(slip) for slip in slips] for slips in surnames}
    asked = sorted({key for keys in hashed.values() for key in keys})
    found_near = {}
    if asked:
        records = _NEAR(db, {"asked": pack((key,) for key in asked)})
        found_near = {key: orjson.loads(near or "[]") for key, near in records}
    near = {slips: Counter(other for key in keys for other in found_near[key]) for slips, keys in hashed.items()}
    for slips, others in near.items():
        del others[hashed[slips][0]]
    return near


def _bearers_of(db: sa.Connection, blocks: Collection[int], most: int) -> dict[int, list[int]]:
    if not blocks:
        return {}
    records = _BEARERS(db, {"asked": pack((block,) for block in sorted(blocks)), "most": most})
    return {block: orjson.loads(others or "[]") for block, others in records}


def _in_turn(blocks: Iterable[Sequence[int]], contact: int) -> list[int]:
    """The first of each block, then the second of each, and so on, each once: no large block hides another."""
    others = itertools.chain.from_iterable(itertools.zip_longest(*blocks))
    return list(dict.fromkeys(other for other in others if other is not None and other != contact))


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


def _block(surname: int, letter: str) -> int:
    return _hashed(f"{surname} {letter}")


def _hashed(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
