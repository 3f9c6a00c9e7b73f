"""What the live page shows, each part in one statement: who waits, who has what, the account of a day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import instant, iso
from storage.schema import (
    OUTCOMES,
    channels,
    interactions,
    leads,
    ledger,
    managers,
    offers,
    one_of,
    teams,
)

Json = dict[str, Any]

_opening: Final = interactions.alias("opening")
_SHOWN: Final = (
    leads.c.uid,
    leads.c.version,
    leads.c.state,
    leads.c.reason,
    leads.c.source,
    leads.c.created_at,
    leads.c.due_at,
    leads.c.wait_until,
    leads.c.accepted_at,
    leads.c.marks,
    _opening.c.title,
    teams.c.name.label("team"),
    channels.c.name.label("channel"),
)
_FROM: Final = (
    leads.join(teams, teams.c.id == leads.c.team_id)
    .join(channels, channels.c.id == leads.c.channel_id)
    .outerjoin(_opening, _opening.c.id == leads.c.opened_by)
)


def waiting(db: sa.Connection, limit: int) -> list[Json]:
    """Unprocessed leads, the oldest place first."""
    query = (
        sa.select(*_SHOWN)
        .select_from(_FROM)
        .where(leads.c.state == "unprocessed")
        .order_by(leads.c.place_at, leads.c.id)
        .limit(limit)
    )
    return [_lead(row) for row in db.execute(query)]


@dataclass(slots=True)
class Load:
    """Whose leads these are, by number; the first of them, and how many there are."""

    owner: int | None
    count: int
    leads: list[Json]


def at_work(db: sa.Connection, each: int, owner: int | None = None) -> list[Load]:
    """Leads that were given out, by owner: what is to be accepted first, then by due time; `each` of an owner at most.

    Of a lead that is offered and not accepted, until when the answer is awaited. With `owner`, his only, and what is offered
    to him among others.
    """
    place = (
        sa.func.row_number()
        .over(
            partition_by=leads.c.owner_id,
            order_by=(leads.c.state, sa.func.coalesce(leads.c.due_at, sa.literal(2**62)), leads.c.id),
        )
        .label("place")
    )
    answer_by = (
        sa.select(sa.func.min(offers.c.answer_by))
        .where(offers.c.lead_id == leads.c.id, offers.c.state == "open")
        .scalar_subquery()
        .label("answer_by")
    )
    mine: sa.ColumnElement[bool] = one_of(leads.c.state, "assigned", "in_work")
    if owner is not None:
        mine = sa.or_(sa.and_(mine, leads.c.owner_id == owner), leads.c.id.in_(_offered_to(owner)))
    count = sa.func.count().over(partition_by=leads.c.owner_id).label("count")
    ranked = sa.select(*_SHOWN, leads.c.owner_id, answer_by, place, count).select_from(_FROM).where(mine).subquery()
    query = sa.select(ranked).where(ranked.c.place <= each).order_by(ranked.c.owner_id, ranked.c.place)
    loads: dict[int | None, Load] = {}
    for row in db.execute(query):
        shown = _lead(row) | {"answer_by": None if row.answer_by is None else iso(instant(row.answer_by))}
        # By position: a row has a method `count`.
        loads.setdefault(row.owner_id, Load(row.owner_id, row[-1], [])).leads.append(shown)
    return list(loads.values())


def _offered_to(manager: int) -> sa.Select[tuple[int]]:
    return sa.select(offers.c.lead_id).where(offers.c.manager_id == manager, offers.c.state == "open")


_part: Final = leads.alias("part")


def concerns(db: sa.Connection, lead: int, manager: str) -> bool:
    """Whether a lead is this manager's, or is offered to him."""
    return db.execute(_his(manager).where(leads.c.id == lead)).first() is not None


def is_shown(db: sa.Connection, file: str, manager: str) -> bool:
    """Whether a file came with a lead that is this manager's or is offered to him, or with one that goes on in such a lead."""
    his = _his(manager).subquery("his")
    parts = sa.union(sa.select(his.c.id), sa.select(_part.c.id).join(his, _part.c.merged_into == his.c.id)).subquery(
        "parts"
    )
    query = (
        sa.select(interactions.c.id)
        .join(parts, parts.c.id == interactions.c.lead_id)
        .where(interactions.c.details.contains(f'"file":"{file}"', autoescape=True))
    )
    return db.execute(query.limit(1)).first() is not None


def _his(manager: str) -> sa.Select[tuple[int]]:
    offered = (
        sa.select(offers.c.id)
        .where(offers.c.lead_id == leads.c.id, offers.c.manager_id == managers.c.id, offers.c.state == "open")
        .exists()
    )
    return (
        sa.select(leads.c.id)
        .join(managers, managers.c.name == manager)
        .where(sa.or_(leads.c.owner_id == managers.c.id, offered))
    )


def unanswered(db: sa.Connection) -> Mapping[str, int]:
    """How many leads each manager has been given and has not accepted, by name."""
    query = (
        sa.select(managers.c.name, sa.func.count())
        .join(managers, managers.c.id == leads.c.owner_id)
        .where(leads.c.state == "assigned", one_of(leads.c.state, "assigned", "in_work"))
        .group_by(managers.c.name)
    )
    return {name: count for name, count in db.execute(query)}


def day(db: sa.Connection, wanted: str) -> dict[str, Json]:
    """The account of one day by channel, as counted; `pending` is what no outcome was counted for."""
    names = ("received", "duplicates", *OUTCOMES)
    query = (
        sa.select(channels.c.name, *(sa.func.sum(ledger.c[name]).label(name) for name in names))
        .join(channels, channels.c.id == ledger.c.channel_id)
        .where(ledger.c.day == wanted)
        .group_by(channels.c.name)
    )
    found: dict[str, Json] = {}
    for channel, *figures in db.execute(query):
        counted = {name: int(figure) for name, figure in zip(names, figures, strict=True)}
        found[channel] = counted | {"pending": counted["received"] - sum(counted[name] for name in OUTCOMES)}
    return found


def lead_versions(db: sa.Connection, numbers: Collection[int]) -> dict[int, tuple[str, int]]:
    """What leads are called outside, and their versions, by number."""
    query = sa.select(leads.c.id, leads.c.uid, leads.c.version).where(leads.c.id.in_(sorted(numbers)))
    return {number: (uid, version) for number, uid, version in db.execute(query)}


def _lead(row: Any) -> Json:
    def shown(moment: int | None) -> str | None:
        return None if moment is None else iso(instant(moment))

    return {
        "id": row.uid,
        "version": row.version,
        "state": row.state,
        "reason": row.reason,
        "source": row.source,
        "channel": row.channel,
        "team": row.team,
        "title": row.title or "",
        "marks": row.marks.split(),
        "created_at": shown(row.created_at),
        "due_at": shown(row.due_at),
        "wait_until": shown(row.wait_until),
        "accepted_at": shown(row.accepted_at),
    }
