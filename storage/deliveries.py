"""Which deliveries an SQLite store has, so that each is stored once: there what the journal's unique constraint is on PostgreSQL.

A delivery is named by a hash, so each of a group falls on another page of an index over all, and writing these pages cost
more than the rows themselves. So the names of the latest entries are held in memory, and go into the table, many neighbours at a
time, when there are enough of them. Memory is used only where, within the transaction that stores the rows, the last entry that it
knows is there and nobody else has written since; in every other case (a start, a transaction that was rolled back) it is read from
the journal again. That one process at a time writes the file makes this seldom; nothing depends on it, nor on the order of ids.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
import sqlalchemy as sa

from storage.rows import Prepared
from storage.schema import Id, counters, deliveries, journal

LATELY: Final = 16_384
"""So many names are held, some nine megabytes, before they go into the table: the more there are, the more share a page of it."""
ALONG: Final = 8
"""So many of these go with each new one, until all have gone: no group waits for all of them."""

# One text, so that neither a question nor a move has more to read of each name than the name.
_asked: Final = sa.func.json_each(sa.bindparam("asked", type_=sa.Text)).table_valued("value")
_BEFORE: Final = Prepared(
    sa.select(
        _asked.c.value,
        # One by one, which no statistics turn round. Who deletes an entry by hand to have its delivery again, has it again.
        sa.select(journal.c.id)
        .join(deliveries, deliveries.c.journal_id == journal.c.id)
        .where(deliveries.c.name == _asked.c.value)
        .scalar_subquery(),
    ).select_from(_asked)
)
_GO: Final = Prepared(
    sa.text("INSERT OR REPLACE INTO deliveries (name, journal_id) SELECT key, value FROM json_each(:new)")
)
# Up to this entry all names are in the table, also those of entries with lesser ids that come later.
_LAST_GONE: Final = sa.select(counters.c.next).where(counters.c.name == "deliveries").scalar_subquery()
_ALL_GONE: Final = Prepared(
    sa.text(
        "INSERT INTO counters (name, next) VALUES ('deliveries', :last) ON CONFLICT (name) DO UPDATE SET next = :last"
    )
)
_NOT_GONE: Final = Prepared(
    sa.select(journal.c.channel_id, journal.c.identity, journal.c.id)
    .where(journal.c.id > sa.func.coalesce(_LAST_GONE, 0))
    .order_by(journal.c.id)
)
_STANDING: Final = Prepared(
    sa.select(
        sa.func.coalesce(_LAST_GONE, 0),
        sa.select(journal.c.id).where(journal.c.id == sa.bindparam("last", type_=Id)).scalar_subquery(),
    )
)
_VERSION: Final = Prepared(sa.text("PRAGMA data_version").columns(sa.column("data_version")))


def take(db: sa.Connection, named: Sequence[tuple[int, str, int]]) -> dict[int, int]:
    """Name new entries by channel and identity. Those whose name another entry has, by id, and which has it."""
    held: _Held | None = db.info.get("deliveries")
    if held is None or not held.is_exact(db):
        held = db.info["deliveries"] = _Held(db)
    return held.take(db, {entry: _name(channel, identity) for channel, identity, entry in named})


class _Held:
    """The names that are not in the table yet, and of those that are on their way there the ones that go next."""

    def __init__(self, db: sa.Connection) -> None:
        entries = _NOT_GONE(db)
        self._lately = {_name(channel, identity): entry for channel, identity, entry in entries}
        self._going: dict[str, int] = {}
        self._left: list[str] = []
        self._last: int | None = entries[-1][2] if entries else None
        self._version = _VERSION(db)
        self._gone: int = _STANDING(db, {"last": None})[0][0]
        if len(entries) >= LATELY:
            # At once: who is started often, and has little to do, might never come to the end of it otherwise.
            _go(db, dict(sorted(self._lately.items())))
            self._all_gone(db, entries[-1][2])
            self._lately = {}

    def is_exact(self, db: sa.Connection) -> bool:
        """Whether the journal is as we left it: nobody else has written, and what we did last is in it."""
        return _VERSION(db) == self._version and _STANDING(db, {"last": self._last}) == [(self._gone, self._last)]

    def take(self, db: sa.Connection, named: Mapping[int, str]) -> dict[int, int]:
        before = dict(_BEFORE(db, {"asked": orjson.dumps(list(named.values())).decode()}))
        others: dict[int, int] = {}
        late: dict[str, int] = {}
        for entry, name in named.items():
            holder = before[name] or self._going.get(name) or self._lately.setdefault(name, entry)
            if holder != entry:
                others[entry] = holder
                continue
            self._last = entry
            if entry <= self._gone:
                late[name] = entry
        _go(db, late)
        self._let_go(db, (len(named) - len(others)) * ALONG)
        return others

    def _let_go(self, db: sa.Connection, most: int) -> None:
        if not self._going and len(self._lately) >= LATELY:
            self._going, self._lately = self._lately, {}
            self._left = sorted(self._going, reverse=True)
        if not self._going or not most:
            return
        next_ones = self._left[-most:]
        del self._left[-most:]
        _go(db, {name: self._going[name] for name in reversed(next_ones)})
        if not self._left:
            last = max(self._going.values())
            _go(db, {name: entry for name, entry in self._lately.items() if entry <= last})
            self._all_gone(db, last)
            self._going = {}

    def _all_gone(self, db: sa.Connection, last: int) -> None:
        _ALL_GONE(db, {"last": last})
        self._gone = last


def _go(db: sa.Connection, names: Mapping[str, int]) -> None:
    if names:
        _GO(db, {"new": orjson.dumps(names).decode()})


def _name(channel: int, identity: str) -> str:
    return f"{identity}{channel}"
