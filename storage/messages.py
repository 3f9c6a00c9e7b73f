"""Messages that can be edited: the one that a person has about a lead, what it shows, and that it is out of date."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import micros
from kernel.ids import uuid7
from storage.names import Names
from storage.outbox import slot_of
from storage.rows import Prepared, Upsert, found, hexed, insert, look_up, pack, rows, update
from storage.schema import messages, offers, outbox

CHANGED: Final = "lead_changed"
"""The notice that alerts nobody: a message about a lead is to show how the lead stands now."""

Pair = tuple[int, str]
"""A lead's number and a manager's name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it was sent: by which route, where to, by what the route finds it, and which of its views it shows."""

    id: int
    route: str
    address: str
    ref: str
    view: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent just now."""

    lead: int
    manager: str
    route: str
    address: str
    ref: str


_SHOWN: Final = look_up(
    (messages.c.lead_id, messages.c.manager_id),
    (messages.c.id, messages.c.route, messages.c.address, messages.c.ref, messages.c.shown),
    order_by=messages.c.id.desc(),
)
_OFFERED: Final = look_up((offers.c.lead_id, offers.c.manager_id), (offers.c.id,), where=(offers.c.state == "open",))
_asked: Final = rows("asked", messages.c.lead_id)
_HOLDERS: Final = Prepared(
    sa.select(messages.c.lead_id, messages.c.manager_id)
    .where(messages.c.lead_id.in_(sa.select(_asked.c.lead_id)))
    .distinct()
    .order_by(messages.c.lead_id, messages.c.manager_id)
)
_NOTICE: Final = ("id", "uid", "code", "lead_id", "manager_id", "slot", "created_at", "due_at")
_TELL: Final = Upsert(outbox, _NOTICE, lambda insert: insert.on_conflict_do_nothing(index_elements=["slot"]))


def shown(db: sa.Connection, names: Names, pairs: Collection[Pair]) -> dict[Pair, Shown]:
    """The messages that these people have about these leads, where they have one."""
    order = sorted(pairs)
    records = found(db, _SHOWN, [(lead, names.managers.number(db, manager)) for lead, manager in order])
    return {pair: Shown(*record) for pair, record in zip(order, records, strict=True) if record is not None}


def offered(db: sa.Connection, names: Names, pairs: Collection[Pair]) -> set[Pair]:
    """Which of these leads are offered to these managers, still unanswered."""
    order = sorted(pairs)
    records = found(db, _OFFERED, [(lead, names.managers.number(db, manager)) for lead, manager in order])
    return {pair for pair, record in zip(order, records, strict=True) if record is not None}


def quoted(db: sa.Connection, route: str, address: str, ref: str) -> tuple[int, int] | None:
    """The numbers of the lead and the person of a message; None where it is none that is known, or is known no more."""
    held = sa.and_(messages.c.route == route, messages.c.address == address, messages.c.ref == ref)
    row = db.execute(sa.select(messages.c.lead_id, messages.c.manager_id).where(held)).first()
    return None if row is None else (row[0], row[1])


def keep(db: sa.Connection, names: Names, sent: Sequence[Sent], new_id: Callable[[], int], now: datetime) -> None:
    """Remember messages; one that a person has in place of an earlier one about the same lead takes its row."""
    before = shown(db, names, {(one.lead, one.manager) for one in sent})
    new: dict[Pair, tuple[object, ...]] = {}
    changed: dict[Pair, tuple[object, ...]] = {}
    for one in sent:
        pair = (one.lead, one.manager)
        place = (one.route, one.address, one.ref, "", micros(now))
        if pair in before:
            changed[pair] = (before[pair].id, *place)
        else:
            new[pair] = (new_id(), one.lead, names.managers.number(db, one.manager), *place)
    insert(db, messages, ("id", "lead_id", "manager_id", "route", "address", "ref", "shown", "at"), list(new.values()))
    update(db, messages, ("id", "route", "address", "ref", "shown", "at"), list(changed.values()))


def turn(db: sa.Connection, names: Names, pair: Pair, view: str) -> None:
    """Let the message that somebody has about a lead show another of its views, once it is edited."""
    lead, manager = pair
    held = sa.and_(messages.c.lead_id == lead, messages.c.manager_id == names.managers.number(db, manager))
    db.execute(sa.update(messages).where(held).values(shown=view))


def tell_changed(db: sa.Connection, leads: Iterable[int], new_id: Callable[[], int], now: datetime) -> bool:
    """Have every message about these leads edited to how they stand now; whether there is any. Alerts nobody."""
    holders: Sequence[tuple[int, int]] = _HOLDERS(db, {"asked": pack([(lead,) for lead in sorted(set(leads))])})
    at = micros(now)
    values = [
        (new_id(), hexed(uuid7()), CHANGED, lead, manager, slot_of(CHANGED, lead, manager), at, at)
        for lead, manager in holders
    ]
    if values:
        _TELL(db, values)
    return bool(values)
