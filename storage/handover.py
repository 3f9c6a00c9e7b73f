"""Leads of somebody who leaves: how many there are, and all of them given to another or put back before everybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from storage import offers
from storage.names import Names
from storage.schema import (
    companies,
    contacts,
    leads,
    managers,
    one_of,
    teams,
)

_OPEN: Final = ("assigned", "in_work")


@dataclass(frozen=True, slots=True)
class Handed:
    """A lead that changed hands. `state`: as it was before, assigned or in_work."""

    lead: int
    team: str
    state: str


def held(db: sa.Connection) -> dict[str, int]:
    """Open leads by the manager who owns them; who has none is left out."""
    found = db.execute(
        sa.select(managers.c.name, sa.func.count())
        .join(leads, leads.c.owner_id == managers.c.id)
        .where(one_of(leads.c.state, *_OPEN))
        .group_by(managers.c.name)
    )
    return {name: number for name, number in found}


def waiting(db: sa.Connection) -> dict[str, int]:
    """Unprocessed leads by team."""
    found = db.execute(
        sa.select(teams.c.name, sa.func.count())
        .join(leads, leads.c.team_id == teams.c.id)
        .where(leads.c.state == "unprocessed")
        .group_by(teams.c.name)
    )
    return {name: number for name, number in found}


def hand_over(db: sa.Connection, names: Names, manager: str, to: str | None, now: datetime) -> list[Handed]:
    """Give all open leads of `manager` to another, or with None put them back to wait for whoever's turn it is.

    Contacts and companies whose own manager he is go with them: to the other, or to nobody in particular. Every manager must
    be locked.
    """
    number = names.managers.number(db, manager)
    other = None if to is None else names.managers.number(db, to)
    his = sa.and_(leads.c.owner_id == number, one_of(leads.c.state, *_OPEN))
    before = sa.select(leads.c.id, leads.c.team_id, leads.c.state).where(his).order_by(leads.c.id).with_for_update()
    moved = db.execute(before).all()
    db.execute(
        sa.update(leads)
        .where(his)
        .values(
            owner_id=other,
            had_owner_id=None,
            state="unprocessed" if to is None else "assigned",
            reason=None,
            wait_until=None,
            away_at=None,
            accepted_at=None,
            version=leads.c.version + 1,
        )
    )
    numbers = [row.id for row in moved]
    offers.withdraw(db, names, numbers, now)
    if to is not None:
        offers.forget(db, numbers)
    # A lead that waits for him must not go back to him. Whose a closed one was stays as it is: that is history.
    waits = sa.and_(leads.c.had_owner_id == number, leads.c.state == "unprocessed")
    db.execute(sa.update(leads).where(waits).values(had_owner_id=other, wait_until=None))
    for owned in (contacts, companies):
        db.execute(sa.update(owned).where(owned.c.owner_id == number).values(owner_id=other))
    db.execute(sa.update(managers).where(managers.c.id == number).values(open=managers.c.open - len(moved)))
    if other is not None:
        db.execute(sa.update(managers).where(managers.c.id == other).values(open=managers.c.open + len(moved)))
    return [Handed(row.id, names.teams.name(db, row.team_id), row.state) for row in moved]
