"""A person's hand on a lead or a manager: the rows as they stand, locked, and what a command makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from kernel.clock import instant, micros
from storage.calls import RINGING
from storage.names import Names
from storage.schema import leads, managers, offers

COUNTED: Final = frozenset({"assigned", "in_work"})
CLOSED: Final = frozenset({"converted", "lost", "disqualified"})


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead as a command finds it."""

    id: int
    state: str
    reason: str | None
    owner: str | None
    team: str
    version: int


def lead_for_update(db: sa.Connection, names: Names, number: int) -> Standing:
    """Lock a lead and read how it stands."""
    return _standing(db, names, sa.select(leads).where(leads.c.id == number).with_for_update())


def standing(db: sa.Connection, names: Names, number: int) -> Standing:
    """How a lead stands, without locking it."""
    return _standing(db, names, sa.select(leads).where(leads.c.id == number))


def _standing(db: sa.Connection, names: Names, asked: sa.Select[Any]) -> Standing:
    row = db.execute(asked).one()
    owner = names.managers.name_or_none(db, row.owner_id)
    return Standing(row.id, row.state, row.reason, owner, names.teams.name(db, row.team_id), row.version)


def write(db: sa.Connection, names: Names, before: Standing, after: Standing, now: datetime) -> None:
    """Write a lead that a command changed, and move it between its owners' loads."""
    closed = after.state in CLOSED
    values: dict[str, Any] = {
        "state": after.state,
        "reason": after.reason,
        "owner_id": None if after.owner is None else names.managers.number(db, after.owner),
        "team_id": names.teams.number(db, after.team),
        "version": leads.c.version + 1,
        "closed_at": micros(now) if closed else None,
        "wait_until": None,
        "away_at": None,
    }
    if after.state == "in_work":
        values["accepted_at"] = micros(now)
    elif not closed:
        values["accepted_at"] = None
    if after.state == "in_work" or closed:
        values["escalate_at"] = None
    if before.state in CLOSED and not closed:
        values["last_at"] = micros(now)
    if after.state == "unprocessed":
        values["had_owner_id"] = sa.func.coalesce(leads.c.owner_id, leads.c.had_owner_id)
    if after.team != before.team:
        # Given to another team, it is not to go straight back to whom it was taken from as his own client's.
        values["had_owner_id"] = None
        values["enquiry_of"] = _slot_if_free(after, names.teams.number(db, after.team))
        db.execute(_closed_beside(after, names.teams.number(db, after.team)).values(enquiry_of=None))
    db.execute(sa.update(leads).where(leads.c.id == before.id).values(values))
    _count(db, names, before, after)


def _closed_beside(after: Standing, team_id: int) -> sa.Update:
    """The closed lead that has the slot of the same client in another team: an open one goes before it, as in a merge."""
    slot = sa.select(leads.c.enquiry_of).where(leads.c.id == after.id).scalar_subquery()
    has_it = sa.and_(leads.c.enquiry_of == slot, leads.c.team_id == team_id, leads.c.state.in_(sorted(CLOSED)))
    return sa.update(leads).where(has_it)


def _slot_if_free(after: Standing, team_id: int) -> sa.ColumnElement[int]:
    """In its new team a lead keeps its enquiry slot, unless another lead of the same client has that one."""
    other = leads.alias("other")
    taken = sa.select(other.c.id).where(
        other.c.enquiry_of == leads.c.enquiry_of, other.c.team_id == team_id, other.c.id != after.id
    )
    return sa.case((taken.exists(), sa.null()), else_=leads.c.enquiry_of)


def _count(db: sa.Connection, names: Names, before: Standing, after: Standing) -> None:
    change: dict[int, int] = {}
    if before.owner is not None and before.state in COUNTED:
        number = names.managers.number(db, before.owner)
        change[number] = change.get(number, 0) - 1
    if after.owner is not None and after.state in COUNTED:
        number = names.managers.number(db, after.owner)
        change[number] = change.get(number, 0) + 1
    for number, by in sorted(change.items()):
        if by:
            db.execute(sa.update(managers).where(managers.c.id == number).values(open=managers.c.open + by))


def begin_escalation(db: sa.Connection, lead: int, first_at: datetime | None) -> None:
    """From now on a lead waits to be accepted as if it had just come: when the first step of its team's chain is due."""
    at = None if first_at is None else micros(first_at)
    db.execute(sa.update(leads).where(leads.c.id == lead).values(escalated=0, escalate_at=at))


def respond_within(db: sa.Connection, lead: int) -> timedelta | None:
    """How soon a lead is to be answered; None where nobody says so."""
    within = db.execute(sa.select(leads.c.respond_within).where(leads.c.id == lead)).scalar_one()
    return None if within is None else timedelta(microseconds=within)


def wait_anew(db: sa.Connection, lead: int, place_at: datetime, due_at: datetime | None) -> None:
    """A lead that was closed waits again, at a place behind those that waited before, and is due anew."""
    values = {"place_at": micros(place_at), "due_at": None if due_at is None else micros(due_at)}
    db.execute(sa.update(leads).where(leads.c.id == lead).values(values))


def open_offer(db: sa.Connection, names: Names, lead: int, manager: str) -> int | None:
    """The offer of a lead that a manager has still to answer, if any."""
    found: int | None = db.execute(
        sa.select(offers.c.id).where(
            offers.c.lead_id == lead,
            offers.c.manager_id == names.managers.number(db, manager),
            offers.c.state == "open",
        )
    ).scalar()
    return found


def set_available(db: sa.Connection, names: Names, manager: str, *, available: bool) -> bool:
    """Set the switch; whether that changed it. It is kept over restarts and new revisions. Who is back has been heard."""
    number = names.managers.number(db, manager)
    changed = db.execute(
        sa.update(managers)
        .where(managers.c.id == number, managers.c.available != available)
        .values(available=available, version=managers.c.version + 1)
    )
    if available:
        db.execute(sa.update(managers).where(managers.c.id == number, managers.c.silences != 0).values(silences=0))
    return changed.rowcount == 1


def next_wait_end(db: sa.Connection, names: Names, teams: Iterable[str]) -> datetime | None:
    """When the first lead of these teams that waits for its client's own manager, or for an answer, has waited long enough."""
    numbers = [names.teams.number(db, team) for team in teams]
    waits = sa.and_(
        leads.c.state == "unprocessed", leads.c.reason.in_(("waiting_for_owner", RINGING)), leads.c.team_id.in_(numbers)
    )
    at = db.execute(sa.select(sa.func.min(leads.c.wait_until)).where(waits)).scalar()
    return None if at is None else instant(at)
