"""Who is behind a chat: the accounts that invitations have bound to managers, and the invitations themselves."""

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import micros
from storage.names import Names
from storage.schema import links, managers

PURPOSE: Final = "telegram"


def of_managers(db: sa.Connection, employed: Container[str], configured: Mapping[str, str]) -> dict[str, str]:
    """The chat of each manager, by his name. What the configuration says comes before what was bound: of him, and of the chat.

    Who is not `employed` any more has none: what is his is kept for when he is again, and tells nobody anything meanwhile.
    """
    chosen = sa.select(managers.c.name, managers.c.telegram).where(managers.c.telegram.is_not(None))
    given = set(configured.values())
    found = db.execute(chosen.order_by(managers.c.id))
    return {name: chat for name, chat in found if name in employed and chat not in given} | dict(configured)


def by_chat(db: sa.Connection, employed: Container[str], configured: Mapping[str, str]) -> dict[str, str]:
    """Whose each chat is."""
    return {chat: name for name, chat in of_managers(db, employed, configured).items()}


def bind(db: sa.Connection, names: Names, manager: str, chat: str) -> None:
    """Let a chat be this manager's, and nobody else's."""
    db.execute(sa.update(managers).where(managers.c.telegram == chat).values(telegram=None))
    db.execute(sa.update(managers).where(managers.c.id == names.managers.number(db, manager)).values(telegram=chat))


def invite(db: sa.Connection, hashed: str, manager: str, until: datetime) -> None:
    """Keep an invitation by the hash of what stands in it."""
    db.execute(sa.insert(links).values(hash=hashed, purpose=PURPOSE, person=manager, until=micros(until)))


def redeem(db: sa.Connection, hashed: str, now: datetime) -> str | None:
    """Whom an invitation is for, once; None where it is none, was used, or is too old."""
    used = (
        sa.update(links)
        .where(
            links.c.hash == hashed,
            links.c.purpose == PURPOSE,
            links.c.used_at.is_(None),
            links.c.until > micros(now),
        )
        .values(used_at=micros(now))
        .returning(links.c.person)
    )
    person: str | None = db.execute(used).scalar()
    return person
