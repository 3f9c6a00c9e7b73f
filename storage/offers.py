"""Offers in rows: who was asked to take which lead, by when, and what he said. All of it under the locks of the teams."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import instant, micros
from kernel.ids import uuid7
from storage.names import Names
from storage.rows import Prepared, hexed, insert, pack, rows
from storage.schema import leads, managers, offers

DUE_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Offer:
    """A lead before a manager. `answer_by` None never runs out.

    `state` is open, accepted, declined, expired, undelivered or withdrawn.
    """

    id: int
    lead: int
    manager: str
    team: str
    by: str
    turn: int | None
    offered_at: datetime
    answer_by: datetime | None
    state: str = "open"
    reason: str | None = None


_COLUMNS: Final = (
    "id",
    "uid",
    "lead_id",
    "manager_id",
    "team_id",
    "turn",
    "by",
    "offered_at",
    "answer_by",
    "state",
    "reason",
    "answered_at",
    "stands",
)


def write(db: sa.Connection, names: Names, new: Sequence[Offer], now: datetime) -> None:
    """Insert offers in one statement; one that is not open was answered `now`."""
    manager, team = names.managers.number, names.teams.number
    values = [
        (
            o.id,
            hexed(uuid7()),
            o.lead,
            manager(db, o.manager),
            team(db, o.team),
            o.turn,
            o.by,
            micros(o.offered_at),
            None if o.answer_by is None else micros(o.answer_by),
            o.state,
            o.reason,
            None if o.state == "open" else micros(now),
            True,
        )
        for o in new
    ]
    insert(db, offers, _COLUMNS, values)


_OPEN_COUNTS: Final = Prepared(
    sa.select(offers.c.manager_id, sa.func.count(), sa.func.sum(sa.case((offers.c.by == "first", 1), else_=0)))
    .where(offers.c.state == "open", offers.c.by != "everyone")
    .group_by(offers.c.manager_id)
)


def open_counts(db: sa.Connection, names: Names) -> dict[str, tuple[int, int]]:
    """How many offers each manager has yet to answer, and of how many of them the first to accept has the lead.

    Those that were put before everybody are nobody's in particular.
    """
    return {names.managers.name(db, number): (count, int(asked)) for number, count, asked in _OPEN_COUNTS(db)}


_asked: Final = rows("asked", leads.c.id)
_STANDING: Final = Prepared(
    sa.select(offers.c.lead_id, offers.c.manager_id, offers.c.by, offers.c.state).where(
        offers.c.lead_id.in_(sa.select(_asked.c.id)), offers.c.stands
    )
)


def refusals(
    db: sa.Connection, names: Names, numbers: Collection[int]
) -> dict[int, tuple[frozenset[str], frozenset[str]]]:
    """Of each of these leads, who has refused it, and before whom it was put together with everybody."""
    refused: dict[int, set[str]] = {number: set() for number in numbers}
    shown: dict[int, set[str]] = {number: set() for number in numbers}
    for lead, manager, by, state in _STANDING(db, {"asked": pack([(number,) for number in sorted(numbers)])}):
        if by == "everyone" and state in {"open", "declined"}:
            shown[lead].add(names.managers.name(db, manager))
        elif by != "everyone" and state in {"declined", "expired", "undelivered"}:
            refused[lead].add(names.managers.name(db, manager))
    return {number: (frozenset(refused[number]), frozenset(shown[number])) for number in numbers}


def open_of(db: sa.Connection, names: Names, numbers: Collection[int]) -> list[Offer]:
    """The open offers of these leads."""
    asked = {"asked": pack([(number,) for number in sorted(numbers)])}
    return [_offer(db, names, row) for row in db.execute(_OPEN_OF, asked)]


_OPEN_OF: Final = (
    sa.select(offers)
    .where(offers.c.lead_id.in_(sa.select(_asked.c.id)), offers.c.state == "open")
    .order_by(offers.c.offered_at, offers.c.id)
)


def of_lead(db: sa.Connection, names: Names, lead: int) -> list[Offer]:
    """Every offer of a lead that still says to whom it may be offered."""
    query = sa.select(offers).where(offers.c.lead_id == lead, offers.c.stands)
    query = query.order_by(offers.c.offered_at, offers.c.id)
    return [_offer(db, names, row) for row in db.execute(query)]


def due(db: sa.Connection, names: Names, now: datetime) -> list[Offer]:
    """Open offers whose time is over, the first of them first; no more than DUE_LIMIT."""
    over = sa.and_(offers.c.state == "open", offers.c.answer_by <= micros(now))
    query = sa.select(offers).where(over).order_by(offers.c.answer_by, offers.c.id).limit(DUE_LIMIT)
    return [_offer(db, names, row) for row in db.execute(query)]


def next_due(db: sa.Connection) -> datetime | None:
    """When the next open offer runs out."""
    at = db.execute(sa.select(sa.func.min(offers.c.answer_by)).where(offers.c.state == "open")).scalar()
    return None if at is None else instant(at)


def _offer(db: sa.Connection, names: Names, row: Any) -> Offer:
    answer_by = None if row.answer_by is None else instant(row.answer_by)
    manager, team = names.managers.name(db, row.manager_id), names.teams.name(db, row.team_id)
    return Offer(
        row.id,
        row.lead_id,
        manager,
        team,
        row.by,
        row.turn,
        instant(row.offered_at),
        answer_by,
        row.state,
        row.reason,
    )


_answered: Final = rows("new", offers.c.id, offers.c.state, offers.c.reason)
_ANSWER: Final = Prepared(
    sa.update(offers)
    .where(offers.c.id == _answered.c.id)
    .values(state=_answered.c.state, reason=_answered.c.reason, answered_at=sa.bindparam("at", type_=sa.BigInteger()))
)


def answer(db: sa.Connection, answers: Iterable[tuple[int, str, str | None]], now: datetime) -> None:
    """Close these offers: (offer, state, reason)."""
    values = sorted(answers)
    if values:
        _ANSWER(db, {"new": pack(values), "at": micros(now)})


def withdraw(db: sa.Connection, names: Names, numbers: Collection[int], now: datetime) -> list[Offer]:
    """Close every open offer of these leads without an answer. They come back, so that whoever had them can be told."""
    were = open_of(db, names, numbers)
    answer(db, [(offer.id, "withdrawn", None) for offer in were], now)
    return were


def forget(db: sa.Connection, numbers: Collection[int]) -> None:
    """Who refused these leads may be asked again: they were accepted or closed, or have gone to another team."""
    asked = {"asked": pack([(number,) for number in sorted(numbers)])}
    db.execute(_FORGET_OFFERS, asked)
    db.execute(_FORGET_COUNT, asked)


_FORGET_OFFERS: Final = (
    sa.update(offers).where(offers.c.lead_id.in_(sa.select(_asked.c.id)), offers.c.stands).values(stands=False)
)
_FORGET_COUNT: Final = (
    sa.update(leads).where(leads.c.id.in_(sa.select(_asked.c.id)), leads.c.refusals != 0).values(refusals=0)
)


_OWNERS: Final = Prepared(
    sa.select(leads.c.id, leads.c.owner_id).where(
        leads.c.id.in_(sa.select(_asked.c.id)), leads.c.state == "assigned", leads.c.owner_id.is_not(None)
    )
)


def owners(db: sa.Connection, names: Names, numbers: Collection[int]) -> dict[int, str]:
    """Who has each of these leads, of those that are assigned."""
    found = _OWNERS(db, {"asked": pack([(number,) for number in sorted(numbers)])})
    return {lead: names.managers.name(db, owner) for lead, owner in found}


_BACK: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id.in_(sa.select(_asked.c.id)), leads.c.state == "assigned")
    .values(state="unprocessed", reason=None, owner_id=None, refusals=leads.c.refusals + 1, version=leads.c.version + 1)
)
_COUNT: Final = Prepared(
    sa.update(leads).where(leads.c.id.in_(sa.select(_asked.c.id))).values(refusals=leads.c.refusals + 1)
)


def take_back(db: sa.Connection, numbers: Collection[int]) -> None:
    """Leads that were offered and refused are unprocessed again, until a distribution runs. Loads are for `change_loads`."""
    if numbers:
        _BACK(db, {"asked": pack([(number,) for number in sorted(numbers)])})


def count_refusals(db: sa.Connection, numbers: Collection[int]) -> None:
    """Note that offers of these leads were refused, which stay as they are otherwise."""
    if numbers:
        _COUNT(db, {"asked": pack([(number,) for number in sorted(numbers)])})


_load: Final = rows("new", managers.c.id, managers.c.open)
_LOADS: Final = Prepared(
    sa.update(managers).where(managers.c.id == _load.c.id).values(open=managers.c.open + _load.c.open)
)


def change_loads(db: sa.Connection, names: Names, change: Mapping[str, int]) -> None:
    """So many open leads more, or fewer, with each of these managers."""
    values = sorted((names.managers.number(db, name), by) for name, by in change.items() if by)
    if values:
        _LOADS(db, {"new": pack(values)})


_silent: Final = rows("new", managers.c.id, managers.c.silences)
_SILENCE: Final = Prepared(
    sa.update(managers).where(managers.c.id == _silent.c.id).values(silences=managers.c.silences + _silent.c.silences)
)


def count_silences(db: sa.Connection, names: Names, silent: Mapping[str, int]) -> dict[str, int]:
    """Add offers that these managers left unanswered in a row; how many they are with all of them now."""
    values = sorted((names.managers.number(db, name), count) for name, count in silent.items())
    if not values:
        return {}
    _SILENCE(db, {"new": pack(values)})
    found = db.execute(sa.select(managers.c.name, managers.c.silences).where(managers.c.name.in_(list(silent))))
    return {name: count for name, count in found}


def has_answered(db: sa.Connection, names: Names, manager: str) -> None:
    """End a row of silences."""
    number = names.managers.number(db, manager)
    db.execute(sa.update(managers).where(managers.c.id == number, managers.c.silences != 0).values(silences=0))
