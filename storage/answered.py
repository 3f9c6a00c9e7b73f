"""Automatic answers in rows: who may have another one yet, and the answers themselves, on their way into the timeline.

Whether an address may be answered is decided by the write that notes it down: of two who ask at once, one changes the row.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import micros
from storage import outbox, words
from storage.leads import NewInteraction, write_interactions
from storage.names import Names
from storage.rows import Prepared, dashed, found, look_up, pack, rows, upsert
from storage.schema import answered, interactions, keys, leads

MOST: Final = 3
"""Answers to one address within a day, however short the pause between them is."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Automatic:
    """An answer that no person has written: to `answers`, whose id outside is `uid`, at the address `to`."""

    id: int
    answers: NewInteraction
    uid: str
    to: str
    subject: str
    text: str
    at: datetime


def _taking(db: sa.Connection) -> sa.ClauseElement:
    given = rows("new", answered.c.key_id)
    at, free, day = (sa.bindparam(name, type_=sa.BigInteger()) for name in ("at", "free", "day"))
    # Sorted, so that two who write several rows each never wait for each other.
    wanted = sa.select(given.c.key_id, at, at, sa.literal_column("1")).where(sa.true()).order_by(given.c.key_id)
    statement = upsert(db, answered).from_select(["key_id", "at", "since", "count"], wanted, include_defaults=False)
    new_day = answered.c.since <= day
    return statement.on_conflict_do_update(  # type: ignore[no-any-return] # of either dialect
        index_elements=["key_id"],
        set_={
            "at": statement.excluded.at,
            "since": sa.case((new_day, statement.excluded.since), else_=answered.c.since),
            "count": sa.case((new_day, sa.literal_column("1")), else_=answered.c.count + sa.literal_column("1")),
        },
        where=sa.and_(answered.c.at <= free, sa.or_(new_day, answered.c.count < sa.literal_column(str(MOST)))),
    ).returning(answered.c.key_id)


_TAKE: Final = Prepared(_taking)


def take(db: sa.Connection, numbers: Collection[int], pause: timedelta, now: datetime) -> set[int]:
    """Those of these keys that may be answered now, which are noted as answered: none within `pause` of the last answer."""
    if not numbers:
        return set()
    given = {
        "new": pack([(number,) for number in sorted(numbers)]),
        "at": micros(now),
        "free": micros(now - pause),
        "day": micros(now - _DAY),
    }
    return {row[0] for row in _TAKE(db, given)}


_ADDRESS: Final = look_up((keys.c.kind, keys.c.value), (keys.c.id,))


def addresses(db: sa.Connection, values: Sequence[str]) -> dict[str, int]:
    """The keys of these addresses, as far as they are known."""
    records = found(db, _ADDRESS, [("email", value) for value in values])
    return {value: record[0] for value, record in zip(values, records, strict=True) if record is not None}


_asked: Final = rows("asked", interactions.c.id)
_NAMES: Final = Prepared(
    sa.select(interactions.c.id, interactions.c.uid, leads.c.uid.label("lead"))
    .join(leads, leads.c.id == interactions.c.lead_id)
    .where(interactions.c.id.in_(sa.select(_asked.c.id)))
)


def named(db: sa.Connection, numbers: Collection[int]) -> Mapping[int, tuple[str, str]]:
    """The ids outside of these interactions, each with its lead's."""
    given: dict[str, Any] = {"asked": pack([(number,) for number in sorted(numbers)])}
    return {number: (dashed(uid), dashed(lead)) for number, uid, lead in _NAMES(db, given)}


def put(db: sa.Connection, names: Names, new: Sequence[Automatic], new_id: Callable[[], int], now: datetime) -> None:
    """Put answers on the timeline and on their way, in two statements. The lead is left as it is: nobody has dealt with it."""
    write_interactions(db, names, [_interaction(one) for one in new])
    outbox.say_many(db, [(new_id(), one.answers.lead, one.id) for one in new], now)


def _interaction(one: Automatic) -> NewInteraction:
    details = words.unsent(one.to, None, one.uid, automatic=True)
    return replace(
        one.answers,
        id=one.id,
        kind=words.KIND,
        ref=None,
        direction="out",
        at=one.at,
        subject=one.subject,
        text=one.text,
        introduced_as=None,
        title=None,
        details=details,
        remote=(),
    )
