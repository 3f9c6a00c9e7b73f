"""Contacts, companies and their keys: the world that matching asks for, and the difference that it decided on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson
import sqlalchemy as sa

from dedup.keys import Key
from dedup.people import Company, Held, People, Person, World
from kernel.clock import micros
from kernel.ids import uuid7_hex
from kernel.texts import storable
from storage.dialects import JsonList, JsonRecord
from storage.edition import EDITION
from storage.names import Names
from storage.rows import Prepared, Upsert, found, insert, look_up, pack, rows, update
from storage.schema import apart, companies, contacts, keys, leads, suggestions, together

_HELD: Final = look_up(
    (keys.c.kind, keys.c.value), (keys.c.id, keys.c.holder_id, keys.c.shared, keys.c.line_id, EDITION)
)
_COMPANY: Final = look_up((companies.c.id,), (companies.c.id, companies.c.name, companies.c.owner_id))
_holder: Final = rows("asked", contacts.c.id)
_itself: Final = contacts.alias("itself")
_root: Final = contacts.alias("root")
# The owner that a person gave the contact, else the one of its latest lead; one that goes on in another says it last.
_had_owner: Final = sa.func.coalesce(leads.c.owner_id, leads.c.had_owner_id)
_latest_owner: Final = (
    sa.select(_had_owner)
    .where(leads.c.contact_id == _root.c.id, _had_owner.is_not(None))
    .order_by(leads.c.merged_into.is_not(None), leads.c.created_at.desc(), leads.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_ROOT: Final = Prepared(
    sa.select(
        _holder.c.id,
        sa.select(JsonRecord(_root.c.id, _root.c.name, sa.func.coalesce(_root.c.owner_id, _latest_owner)))
        .where(_itself.c.id == _holder.c.id, _root.c.id == _itself.c.root_id)
        .scalar_subquery(),
    )
)

# Of each pair one has the lower number, so looking among the contacts of every person from that side finds it.
_person: Final = rows("asked", contacts.c.id)
_low: Final = contacts.alias("low")
_high: Final = contacts.alias("high")
_APART: Final = Prepared(
    sa.select(_low.c.root_id, _high.c.root_id)
    .select_from(_person)
    .join(_low, _low.c.root_id == _person.c.id)
    .join(apart, apart.c.low_id == _low.c.id)
    .join(_high, _high.c.id == apart.c.high_id)
)
_beside_asked: Final = rows("asked", together.c.key_id)
_few: Final = (
    sa.select(together.c.other_id)
    .where(together.c.key_id == _beside_asked.c.key_id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .correlate(_beside_asked)
    .subquery("few")
)
_BESIDE: Final = Prepared(
    sa.select(_beside_asked.c.key_id, sa.select(JsonList(_few.c.other_id)).scalar_subquery().label("others"))
)
_TOGETHER: Final = Upsert(together, ("key_id", "other_id"), lambda insert: insert.on_conflict_do_nothing())

_CONTACT: Final = ("id", "uid", "root_id", "name", "created_at")
_COMPANY_ROW: Final = ("id", "uid", "name", "created_at")
_KEY: Final = ("id", "kind", "value", "holder_id", "shared", "origin", "journal_id", "created_at")
_SUGGESTION: Final = ("id", "uid", "contact_id", "other_id", "code", "journal_id", "at")


def world(
    db: sa.Connection,
    names: Names,
    asked: Collection[Key],
    over: int | None = None,
    groups: Iterable[Collection[Key]] = (),
    people: Collection[int] = (),
) -> World:
    """What the store knows of these keys: three statements, whatever their number; one more where `over` limits their company.

    One more, too, where one of the `groups`, the keys of one approach each, names two people who may stay apart. `people`
    are wanted besides, whatever the keys say.
    """
    order = sorted(asked)
    records = found(db, _HELD, [(key.kind, key.value) for key in order])
    edition = next((r[-1] for r in records if r is not None), None)
    if people and edition is None:
        edition = db.execute(sa.select(EDITION)).scalar_one()
    beside = _beside(db, [r[0] for r in records if r is not None], over)
    held = {
        key: Held(r[0], r[1], bool(r[2]), beside.get(r[0], frozenset()), r[3])
        for key, r in zip(order, records, strict=True)
        if r is not None
    }
    personal = sorted({h.holder for h in held.values() if not h.shared} | set(people))
    shared = sorted(
        {h.holder for h in held.values() if h.shared} | {h.line for h in held.values() if h.line is not None}
    )
    owner = names.managers.name_or_none
    roots = {
        holder: Person(r[0], r[1], owner(db, r[2]))
        for holder, r in zip(personal, found(db, _ROOT, [(h,) for h in personal]), strict=True)
        if r is not None
    }
    lines = [r for r in found(db, _COMPANY, [(h,) for h in shared]) if r is not None]
    return World(
        held,
        roots,
        {r[0]: Company(r[0], r[1], owner(db, r[2])) for r in lines},
        apart=_apart(db, _doubtful(held, roots, groups)),
        over=over,
        edition=edition,
    )


def _doubtful(held: Mapping[Key, Held], roots: Mapping[int, Person], groups: Iterable[Collection[Key]]) -> set[int]:
    """The people whom one approach names together."""
    doubtful: set[int] = set()
    for group in groups:
        holders = {held[key].holder for key in group if key in held} if len(group) > 1 else set()
        named = {roots[holder].id for holder in holders if holder in roots}
        doubtful |= named if len(named) > 1 else set()
    return doubtful


def _apart(db: sa.Connection, people: Collection[int]) -> frozenset[frozenset[int]]:
    """Which of these people a person has parted from each other."""
    if not people:
        return frozenset()
    pairs = _APART(db, {"asked": pack((number,) for number in sorted(people))})
    return frozenset(frozenset((low, high)) for low, high in pairs if low in people and high in people)


def _beside(db: sa.Connection, ids: Sequence[int], over: int | None) -> dict[int, frozenset[int]]:
    """The keys that came together with each of these, one more than the limit at most; nothing is asked where there is none."""
    if over is None or not ids:
        return {}
    records = _BESIDE(db, {"asked": pack([(number,) for number in ids]), "most": over + 1})
    return {number: frozenset(orjson.loads(others or "[]")) for number, others in records}


def write(
    db: sa.Connection,
    people: People,
    received: Mapping[int, datetime],
    new_ids: Sequence[int],
    *,
    journaled: bool = True,
) -> None:
    """Write what a batch decided, sorted by unique key. `received` dates each entry; `new_ids` name the suggestions.

    Not `journaled`: the entries are none of the journal's, so that nothing refers to them.

    Raises IntegrityError where somebody else has just stored one of the keys: load and decide again.
    """
    first = {key.holder: key.entry for key in reversed(people.keys)}
    entry_of = {m.contact: m.entry for m in reversed(people.matches)} | {
        m.company: m.entry for m in reversed(people.matches)
    }

    def made_at(holder: int) -> int:
        return micros(received[first.get(holder) or entry_of[holder]])

    insert(
        db,
        keys,
        _KEY,
        [
            (
                k.id,
                k.key.kind,
                k.key.value,
                k.holder,
                k.shared,
                k.origin,
                k.entry if journaled else None,
                micros(received[k.entry]),
            )
            for k in sorted(people.keys, key=lambda k: k.key)
        ],
    )
    insert(db, contacts, _CONTACT, [(c.id, uuid7_hex(), c.id, _clean(c.name), made_at(c.id)) for c in people.contacts])
    insert(db, companies, _COMPANY_ROW, [(c.id, uuid7_hex(), _clean(c.name), made_at(c.id)) for c in people.companies])
    update(db, contacts, ("id", "name"), [(i, _clean(n)) for i, n in sorted(people.named)])
    update(db, keys, ("id", "holder_id", "shared"), [(key, company, True) for key, company in sorted(people.reheld)])
    update(db, keys, ("id", "line_id"), sorted(people.lined))
    if people.together:
        _TOGETHER(db, sorted(people.together))
    _suggest(db, people, received, new_ids, journaled=journaled)


def _suggest(
    db: sa.Connection, people: People, received: Mapping[int, datetime], new_ids: Sequence[int], *, journaled: bool
) -> None:
    unique = {(s.contact, s.other, s.code): s for s in reversed(people.suggestions)}
    if not unique:
        return
    values = [
        (new_id, uuid7_hex(), s.contact, s.other, s.code, s.entry if journaled else None, micros(received[s.entry]))
        for new_id, s in zip(new_ids, sorted(unique.values(), key=lambda s: (s.contact, s.other, s.code)), strict=False)
    ]
    _SUGGEST(db, values)


_SUGGEST: Final = Upsert(suggestions, _SUGGESTION, lambda insert: insert.on_conflict_do_nothing())


def _clean(text: str | None) -> str | None:
    return None if text is None else storable(text)
