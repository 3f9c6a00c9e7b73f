"""The figures of a day for those who oversee: what came in, what waits, who has how much, what was answered last and slowest."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import instant, micros
from storage.names import Names
from storage.schema import (
    OUTCOMES,
    activities,
    channels,
    interactions,
    leads,
    ledger,
    managers,
    one_of,
    outbox,
    teams,
)

FEW: Final = 5
_OPEN: Final = ("assigned", "in_work")
_FIGURES: Final = ("received", *OUTCOMES)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Unprocessed leads of a team that wait for one reason, and since when the oldest does."""

    team: str
    reason: str | None
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Load:
    """What a manager has: leads to accept, in work, and those whose time to answer is over."""

    manager: str
    assigned: int
    in_work: int
    overdue: int


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is to be done of a kind, about leads that are open; and how much of it is overdue."""

    kind: str
    count: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Named:
    """A lead with a moment that matters: when it came, or when it was due; and its owner, if any."""

    uid: str
    title: str
    owner: str | None
    at: datetime
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that a summary tells. `account`: figures by channel; `failed` and `undelivered` as they stand now."""

    account: Mapping[str, Mapping[str, int]]
    waiting: Sequence[Waiting]
    loads: Sequence[Load]
    slowest: Sequence[Named]
    oldest: Sequence[Named]
    overdue: Sequence[Named]
    failed: int
    undelivered: int
    to_do: Sequence[ToDo] = ()


def day(db: sa.Connection, names: Names, name: str, since: datetime, now: datetime, of: Collection[str] | None) -> Day:
    """The figures of the company's day `name`, and how things stand at `now`. `of`: these teams only; None: all of them.

    `since` bounds the answers that are looked at; at most a few leads of each kind are named.
    """
    mine = sa.true() if of is None else leads.c.team_id.in_([names.teams.number(db, team) for team in of])
    overdue = sa.and_(mine, leads.c.state.in_(("unprocessed", *_OPEN)), leads.c.due_at < micros(now))
    answered = sa.and_(mine, leads.c.accepted_at >= micros(since))
    took = leads.c.accepted_at - leads.c.created_at
    unprocessed = sa.and_(mine, leads.c.state == "unprocessed")
    return Day(
        account=_account(db, name),
        waiting=_waiting(db, unprocessed),
        loads=_loads(db, mine, now),
        slowest=_some(db, names, answered, took.desc(), leads.c.accepted_at, took),
        oldest=_some(db, names, unprocessed, leads.c.created_at, leads.c.created_at),
        overdue=_some(db, names, overdue, leads.c.due_at, leads.c.due_at),
        failed=_failed(db),
        undelivered=db.execute(sa.select(sa.func.count()).where(one_of(outbox.c.state, "dead"))).scalar_one(),
        to_do=_to_do(db, mine, now),
    )


def _account(db: sa.Connection, name: str) -> dict[str, dict[str, int]]:
    found = db.execute(
        sa.select(channels.c.name, *(sa.func.sum(ledger.c[figure]).label(figure) for figure in _FIGURES))
        .join(ledger, ledger.c.channel_id == channels.c.id)
        .where(ledger.c.day == name)
        .group_by(channels.c.name)
        .order_by(channels.c.name)
    )
    return {row.name: {figure: int(row._mapping[figure]) for figure in _FIGURES} for row in found}  # noqa: SLF001 - SQLAlchemy's own name for it


def _waiting(db: sa.Connection, unprocessed: sa.ColumnElement[bool]) -> list[Waiting]:
    found = db.execute(
        sa.select(teams.c.name, leads.c.reason, sa.func.count(), sa.func.min(leads.c.created_at))
        .join(teams, teams.c.id == leads.c.team_id)
        .where(unprocessed)
        .group_by(teams.c.name, leads.c.reason)
        .order_by(teams.c.name, sa.func.count().desc())
    )
    return [Waiting(team, reason, count, instant(since)) for team, reason, count, since in found]


def _loads(db: sa.Connection, mine: sa.ColumnElement[bool], now: datetime) -> list[Load]:
    def counted(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    found = db.execute(
        sa.select(
            managers.c.name,
            counted(leads.c.state == "assigned"),
            counted(leads.c.state == "in_work"),
            counted(leads.c.due_at < micros(now)),
        )
        .join(leads, leads.c.owner_id == managers.c.id)
        .where(mine, one_of(leads.c.state, *_OPEN))
        .group_by(managers.c.name)
        .order_by(managers.c.name)
    )
    return [Load(name, int(assigned), int(in_work), int(overdue)) for name, assigned, in_work, overdue in found]


def _to_do(db: sa.Connection, mine: sa.ColumnElement[bool], now: datetime) -> list[ToDo]:
    late = sa.func.coalesce(sa.func.sum(sa.case((activities.c.due_at < micros(now), 1), else_=0)), 0)
    part = leads.alias("part")
    found = db.execute(
        sa.select(activities.c.kind, sa.func.count(), late)
        .join(part, part.c.id == activities.c.lead_id)
        .join(leads, leads.c.id == sa.func.coalesce(part.c.merged_into, part.c.id))
        .where(mine, leads.c.state.in_(("unprocessed", *_OPEN)), activities.c.done_at.is_(None))
        .group_by(activities.c.kind)
        .order_by(activities.c.kind)
    )
    return [ToDo(kind, int(count), int(overdue)) for kind, count, overdue in found]


def _some(
    db: sa.Connection,
    names: Names,
    which: sa.ColumnElement[bool],
    order: sa.ColumnElement[int] | sa.Column[int],
    at: sa.Column[int],
    took: sa.ColumnElement[int] | None = None,
) -> list[Named]:
    """The first few leads of a kind."""
    seconds: sa.ColumnElement[int] = sa.literal(0) if took is None else took
    found = db.execute(
        sa.select(leads.c.uid, interactions.c.title, leads.c.owner_id, at, seconds)
        .outerjoin(interactions, interactions.c.id == leads.c.opened_by)
        .where(which)
        .order_by(order, leads.c.id)
        .limit(FEW)
    )
    return [
        Named(uid, title or "", names.managers.name_or_none(db, owner), instant(moment), int(took) // 1_000_000)
        for uid, title, owner, moment, took in found
    ]


def _failed(db: sa.Connection) -> int:
    """Envelopes that nobody could read so far, of whatever day: replayed ones are counted no more."""
    return int(db.execute(sa.select(sa.func.coalesce(sa.func.sum(ledger.c.failed), 0))).scalar_one())
