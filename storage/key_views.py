"""Keys as the API shows them, and contacts by them."""

import re
from collections.abc import Collection
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from dedup.keys import Key, normalise
from storage.rows import pack, rows_of
from storage.schema import contacts, keys

Json = dict[str, Any]
_holding = contacts.alias("holding")
_LETTER: Final = re.compile(r"[^\W\d_]")
_WHOLE_NUMBER: Final = 10
_PARTS: Final = rows_of(contacts.c.root_id, sa.select(contacts.c.root_id, contacts.c.id))
_KEYS: Final = rows_of(keys.c.holder_id, sa.select(keys.c.holder_id, keys.c.id, keys.c.kind, keys.c.value))


def keys_of(db: sa.Connection, roots: Collection[int]) -> dict[int, list[Json]]:
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


def roots_by(key: Key) -> sa.Select[tuple[int]]:
    """The root contact that has a key, as a statement."""
    holder = sa.select(keys.c.holder_id).where(keys.c.kind == key.kind, keys.c.value == key.value)
    return sa.select(_holding.c.root_id).where(_holding.c.id.in_(holder))


def known_key(db: sa.Connection, text: str, region: str) -> Key | None:
    """The whole number or address that a text to search for is, if a contact has it: found at once, however many there are."""
    kind = "email" if "@" in text else "phone"
    if kind == "phone" and (_LETTER.search(text) or sum(map(str.isdecimal, text)) < _WHOLE_NUMBER):
        return None
    key = normalise(kind, text, region)
    return None if key is None or db.execute(roots_by(key).limit(1)).first() is None else key
