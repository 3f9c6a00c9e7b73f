"""What a store need not keep for ever: bodies, notices and links whose time is over, walked through by ids in small steps.

Ids grow with time within a block, since one process takes a block's ids one after the other; blocks of several processes
interleave. So a walk leaves a block behind as soon as a window of it holds nothing old, and looks at the beginning of the next:
it costs what there is to drop, and a look at each block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import micros
from storage.rows import Prepared, dashed, hexed, pack, rows
from storage.schema import bodies, interactions, journal, links, outbox
from storage.store import BLOCK

WINDOW: Final = 100
"""Rows that are looked at in one reading, and at most dropped in one transaction."""
NAMING: Final = 1_000
"""Interactions that are looked through for the names of files in one reading."""
YOUNG: Final = 0
STAYS: Final = 1
"""Old, and still wanted."""
GOES: Final = 2

_after: Final = sa.bindparam("after", type_=sa.BigInteger())
_before: Final = sa.bindparam("before", type_=sa.BigInteger())


@dataclass(frozen=True, slots=True)
class Window:
    """What a walk found from one place on: the old ones, their bytes, and where it goes on; `next` is None at the end."""

    old: Sequence[int]
    size: int
    next: int | None


class Walk:
    """One kind of row that gets old: by which column it is walked, what one is (YOUNG, STAYS or GOES), and its length."""

    def __init__(self, table: sa.Table, number: sa.Column[int], what: sa.ColumnElement[Any], size: Any) -> None:
        self._look = Prepared(
            sa.select(number, what, size).select_from(table).where(number > _after).order_by(number).limit(WINDOW)
        )

    def window(self, db: sa.Connection, after: int, before: datetime) -> Window:
        """What is old among the next rows behind the id `after`."""
        found = self._look(db, {"after": after, "before": micros(before)})
        old = [(number, size) for number, what, size in found if what == GOES]
        if len(found) < WINDOW:
            following = None
        else:
            last = found[-1][0]
            # Old rows that stay are no sign of what comes behind them.
            is_young = all(what == YOUNG for _, what, _ in found)
            following = -(-last // BLOCK) * BLOCK if is_young else last
        return Window([number for number, _ in old], sum(size for _, size in old), following)


# A pending envelope has still to be read, however old it is.
_body: Final = (
    sa.select(sa.case((journal.c.received_at >= _before, YOUNG), (journal.c.outcome == "pending", STAYS), else_=GOES))
    .where(journal.c.id == bodies.c.journal_id)
    .scalar_subquery()
)
BODIES: Final = Walk(bodies, bodies.c.journal_id, _body, sa.func.length(bodies.c.body) + sa.func.length(bodies.c.meta))
# A word to a client stays: its row keeps the word from being said again.
_over: Final = sa.and_(sa.or_(outbox.c.state == "sent", outbox.c.state == "dead"), outbox.c.interaction_id.is_(None))
NOTICES: Final = Walk(
    outbox,
    outbox.c.id,
    sa.case((outbox.c.created_at >= _before, YOUNG), (_over, GOES), else_=STAYS),
    sa.func.length(sa.func.coalesce(outbox.c.record, "")),
)

_asked: Final = rows("asked", journal.c.id)
# Locked, since a person may be opening it again; whoever comes second finds what the first has done.
_FREE: Final = Prepared(
    sa.select(journal.c.id)
    .where(journal.c.id.in_(sa.select(_asked.c.id)), journal.c.outcome != "pending")
    .order_by(journal.c.id)
    .with_for_update(skip_locked=True)
)
_DROP_BODIES: Final = Prepared(sa.delete(bodies).where(bodies.c.journal_id.in_(sa.select(_asked.c.id))))
_asked_notices: Final = rows("asked", outbox.c.id)
_DROP_NOTICES: Final = Prepared(sa.delete(outbox).where(outbox.c.id.in_(sa.select(_asked_notices.c.id)), _over))


def drop_bodies(db: sa.Connection, numbers: Iterable[int]) -> int:
    """Drop the bodies of these envelopes, but for any that somebody has opened again; how many went."""
    free = _FREE(db, {"asked": pack([(number,) for number in numbers])})
    return _DROP_BODIES.count(db, {"asked": pack([tuple(row) for row in free])}) if free else 0


def drop_notices(db: sa.Connection, numbers: Iterable[int]) -> int:
    """Drop notices that were sent or given up; how many went."""
    return _DROP_NOTICES.count(db, {"asked": pack([(number,) for number in numbers])})


def old_links(db: sa.Connection, now: datetime) -> int:
    """How many one-time links are over."""
    return int(db.execute(sa.select(sa.func.count()).where(links.c.until <= micros(now))).scalar_one())


def drop_links(db: sa.Connection, now: datetime) -> int:
    """Drop one-time links that are over; how many went."""
    return db.execute(sa.delete(links).where(links.c.until <= micros(now))).rowcount


_WITH_FILES: Final = Prepared(
    sa.select(
        interactions.c.id,
        sa.case((interactions.c.details.like('%"file":"%'), interactions.c.details), else_=sa.null()),
    )
    .where(interactions.c.id > _after)
    .order_by(interactions.c.id)
    .limit(NAMING)
)


def files_named(db: sa.Connection, after: int) -> tuple[list[str], int | None]:
    """The files that the next interactions behind an id name, and where to go on; None at the end."""
    found = _WITH_FILES(db, {"after": after})
    attachments = [
        one for _, details in found if details is not None for one in orjson.loads(details).get("attachments", ())
    ]
    names = [one["file"] for one in attachments if one.get("file")]
    return names, found[-1][0] if len(found) == NAMING else None


_asked_uids: Final = rows("asked", journal.c.uid)
_EXPIRED: Final = Prepared(
    sa.select(_asked_uids.c.uid).where(
        sa.select(journal.c.id)
        .where(
            journal.c.uid == _asked_uids.c.uid,
            journal.c.outcome != "pending",
            sa.not_(sa.select(bodies.c.journal_id).where(bodies.c.journal_id == journal.c.id).exists()),
        )
        .exists()
    )
)


def expired(db: sa.Connection, uids: Sequence[str]) -> set[str]:
    """Which of these envelopes are decided and have no body any more."""
    return {dashed(row[0]) for row in _EXPIRED(db, {"asked": pack([(hexed(uid),) for uid in uids])})}
