"""Who is signed in to the desk, and the links by which people get there. Only hashes of either are here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import micros
from storage.schema import links, sessions

PURPOSE: Final = "desk"


@dataclass(frozen=True, slots=True)
class Session:
    """Whose session it is, and the token that its forms carry."""

    person: str
    csrf: str


def add_link(db: sa.Connection, hashed: str, person: str, now: datetime, until: datetime) -> None:
    """Keep a link that is valid once, `until` a moment; those that are over go."""
    db.execute(sa.delete(links).where(links.c.purpose == PURPOSE, links.c.until <= micros(now)))
    db.execute(sa.insert(links).values(hash=hashed, purpose=PURPOSE, person=person, until=micros(until)))


def _valid(hashed: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        links.c.hash == hashed, links.c.purpose == PURPOSE, links.c.used_at.is_(None), links.c.until > micros(now)
    )


def link_person(db: sa.Connection, hashed: str, now: datetime) -> str | None:
    """For whom a link is, None where it is not valid, or no longer."""
    found: str | None = db.execute(sa.select(links.c.person).where(_valid(hashed, now))).scalar()
    return found


def use_link(db: sa.Connection, hashed: str, now: datetime) -> str | None:
    """Use a link up; for whom it was, None where it is not valid, or no longer. Of two at once, one has it."""
    used = sa.update(links).where(_valid(hashed, now)).values(used_at=micros(now)).returning(links.c.person)
    found: str | None = db.execute(used).scalar()
    return found


def open_session(db: sa.Connection, hashed: str, made: Session, now: datetime, until: datetime) -> None:
    """Sign somebody in; sessions that are over go."""
    db.execute(sa.delete(sessions).where(sessions.c.until <= micros(now)))
    db.execute(
        sa.insert(sessions).values(
            hash=hashed, person=made.person, csrf=made.csrf, created_at=micros(now), until=micros(until)
        )
    )


def session(db: sa.Connection, hashed: str, now: datetime) -> Session | None:
    """The session of a cookie, None where there is none, or no longer."""
    row = db.execute(
        sa.select(sessions.c.person, sessions.c.csrf).where(sessions.c.hash == hashed, sessions.c.until > micros(now))
    ).first()
    return None if row is None else Session(row.person, row.csrf)


def end_session(db: sa.Connection, hashed: str) -> None:
    """Sign somebody out."""
    db.execute(sa.delete(sessions).where(sessions.c.hash == hashed))
