"""Calls in rows: leads that wait while a telephone rings, leads that were taken by answering, managers who speak.

All of it under the locks of the teams and managers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import instant, micros
from storage.names import Names
from storage.rows import Prepared, insert, pack, rows, update
from storage.schema import leads, managers, speaking

RINGING: Final = "ringing"


@dataclass(frozen=True, slots=True)
class Stand:
    """A lead as a call finds it. `opened_by` is the interaction that opened it, `merged_into` the lead that it goes on in."""

    lead: int
    state: str
    reason: str | None
    owner: str | None
    team: str
    opened_by: int
    respond_within: timedelta | None
    merged_into: int | None = None


_asked: Final = rows("asked", leads.c.id)
_some: Final = leads.c.id.in_(sa.select(_asked.c.id))
_STAND: Final = (
    leads.c.id,
    leads.c.state,
    leads.c.reason,
    leads.c.owner_id,
    leads.c.team_id,
    leads.c.opened_by,
    leads.c.respond_within,
    leads.c.merged_into,
)
_STANDING: Final = Prepared(sa.select(*_STAND).where(_some).order_by(leads.c.id).with_for_update(of=leads))
_rings: Final = sa.and_(leads.c.state == "unprocessed", leads.c.reason == RINGING)
_over: Final = leads.c.wait_until <= sa.bindparam("at", type_=sa.BigInteger())
_SILENT: Final = Prepared(sa.select(*_STAND).where(_rings, _over).order_by(leads.c.id))


def standing(db: sa.Connection, names: Names, numbers: Collection[int]) -> dict[int, Stand]:
    """Lock these leads and read how they stand."""
    return {row[0]: _stand(db, names, row) for row in _STANDING(db, _packed(numbers))} if numbers else {}


def silent(db: sa.Connection, names: Names, now: datetime) -> dict[int, Stand]:
    """Leads whose telephone rang, and of whose calls nothing was heard for too long."""
    return {row[0]: _stand(db, names, row) for row in _SILENT(db, {"at": micros(now)})}


def _stand(db: sa.Connection, names: Names, row: Any) -> Stand:
    owner, within = names.managers.name_or_none(db, row[3]), row[6]
    respond_within = None if within is None else timedelta(microseconds=within)
    return Stand(row[0], row[1], row[2], owner, names.teams.name(db, row[4]), row[5], respond_within, row[7])


_ringing: Final = rows("new", leads.c.id, leads.c.wait_until)
_RING: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _ringing.c.id, leads.c.state == "unprocessed")
    .values(
        version=leads.c.version + sa.case((leads.c.reason.is_distinct_from(RINGING), 1), else_=0),
        reason=RINGING,
        wait_until=_ringing.c.wait_until,
    )
)
_QUIET: Final = Prepared(
    sa.update(leads).where(_some, _rings).values(reason=None, wait_until=None, version=leads.c.version + 1)
)


def ring(db: sa.Connection, until: Mapping[int, datetime]) -> None:
    """These unprocessed leads wait while a telephone rings, until then at most."""
    if until:
        _RING(db, {"new": pack([(lead, micros(at)) for lead, at in sorted(until.items())])})


def quiet(db: sa.Connection, numbers: Collection[int]) -> None:
    """For these leads no telephone rings any more: they are for whoever is next, when a distribution runs."""
    if numbers:
        _QUIET(db, _packed(numbers))


_taken: Final = rows("new", leads.c.id, leads.c.owner_id, leads.c.accepted_at)
_TAKE: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _taken.c.id)
    .values(
        state="in_work",
        reason=None,
        owner_id=_taken.c.owner_id,
        accepted_at=_taken.c.accepted_at,
        wait_until=None,
        escalate_at=None,
        away_at=None,
        version=leads.c.version + 1,
    )
)


def take(db: sa.Connection, names: Names, taken: Mapping[int, str], now: datetime) -> None:
    """These leads are in work with these managers. Loads and offers are counted elsewhere."""
    values = [(lead, names.managers.number(db, name), micros(now)) for lead, name in sorted(taken.items())]
    if values:
        _TAKE(db, {"new": pack(values)})


def accepted(db: sa.Connection, numbers: Collection[int], now: datetime) -> None:
    """Leads that were written as in work were accepted now."""
    update(db, leads, ("id", "accepted_at"), [(number, micros(now)) for number in sorted(numbers)])


_heard: Final = rows("new", leads.c.id, leads.c.last_at)
_HEARD: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _heard.c.id, leads.c.last_at < _heard.c.last_at)
    .values(last_at=_heard.c.last_at)
)


def heard(db: sa.Connection, last: Mapping[int, datetime]) -> None:
    """Something happened on these leads that is no client's approach: they are not quiet."""
    if last:
        _HEARD(db, {"new": pack([(lead, micros(at)) for lead, at in sorted(last.items())])})


_call: Final = rows("asked", speaking.c.interaction_id)
_HANG_UP: Final = Prepared(
    sa.delete(speaking)
    .where(
        sa.or_(
            speaking.c.interaction_id.in_(sa.select(_call.c.interaction_id)),
            speaking.c.until <= sa.bindparam("at", type_=sa.BigInteger()),
        )
    )
    .returning(speaking.c.manager_id)
)
_speaker: Final = rows("asked", managers.c.id)
_latest: Final = sa.select(sa.func.max(speaking.c.until)).where(speaking.c.manager_id == managers.c.id)
_SPEAK: Final = Prepared(
    sa.update(managers)
    .where(managers.c.id.in_(sa.select(_speaker.c.id)))
    .values(on_call_until=_latest.scalar_subquery())
)


def on_call(db: sa.Connection, names: Names, calls: Mapping[int, tuple[str, datetime] | None], now: datetime) -> None:
    """On each of these calls, by its interaction, a manager speaks, until then at most; None: nobody does any more.

    Whoever has several at once speaks until the last of them is over.
    """
    if not calls:
        return
    asked = {"asked": pack([(number,) for number in sorted(calls)]), "at": micros(now)}
    changed = {number for (number,) in _HANG_UP(db, asked)}
    new = [
        (interaction, names.managers.number(db, one[0]), micros(one[1]))
        for interaction, one in sorted(calls.items())
        if one is not None
    ]
    insert(db, speaking, ("interaction_id", "manager_id", "until"), new)
    _SPEAK(db, {"asked": pack([(number,) for number in sorted(changed | {manager for _, manager, _ in new})])})


def next_call_end(db: sa.Connection, after: datetime) -> datetime | None:
    """When the next manager who speaks counts as free again should nothing more be heard of his call."""
    ends = sa.select(sa.func.min(managers.c.on_call_until)).where(managers.c.on_call_until > micros(after))
    at = db.execute(ends).scalar()
    return None if at is None else instant(at)


def _packed(numbers: Collection[int]) -> dict[str, str]:
    return {"asked": pack([(number,) for number in sorted(numbers)])}
