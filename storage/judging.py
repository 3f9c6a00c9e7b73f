"""Whether two contacts are one person: the pairs that stay apart, and the suggestions that somebody judges."""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa

from kernel.clock import micros
from storage.rows import insert
from storage.schema import apart, journal, suggestions


def set_apart(db: sa.Connection, pairs: Iterable[tuple[int, int]], actor: str, now: datetime) -> None:
    """Contacts that are never joined again by themselves."""
    wanted = {(min(pair), max(pair)) for pair in pairs}
    known = {
        (low, high)
        for low, high in db.execute(
            sa.select(apart.c.low_id, apart.c.high_id).where(apart.c.low_id.in_([low for low, _ in wanted]))
        )
    }
    new = [(low, high, actor, micros(now)) for low, high in sorted(wanted - known)]
    insert(db, apart, ("low_id", "high_id", "actor", "at"), new)


def forget_apart(db: sa.Connection, one: Collection[int], other: Collection[int]) -> None:
    """A person has joined what a person had parted: his word is the later one."""
    between = sa.or_(
        sa.and_(apart.c.low_id.in_(one), apart.c.high_id.in_(other)),
        sa.and_(apart.c.low_id.in_(other), apart.c.high_id.in_(one)),
    )
    db.execute(sa.delete(apart).where(between))


def settle_suggestions(
    db: sa.Connection, one: Collection[int], other: Collection[int], verdict: str, actor: str, now: datetime
) -> None:
    """Whether these are one person is answered."""
    between = sa.or_(
        sa.and_(suggestions.c.contact_id.in_(one), suggestions.c.other_id.in_(other)),
        sa.and_(suggestions.c.contact_id.in_(other), suggestions.c.other_id.in_(one)),
    )
    _answer(db, sa.and_(between, suggestions.c.contact_id != suggestions.c.other_id), verdict, actor, now)


def settle_names(db: sa.Connection, moved: Collection[int], actor: str, now: datetime) -> None:
    """Whether another name is another person is answered for what these interactions said."""
    entries = sa.select(journal.c.id).where(journal.c.interaction_id.in_(moved))
    itself = suggestions.c.contact_id == suggestions.c.other_id
    _answer(db, sa.and_(itself, suggestions.c.journal_id.in_(entries)), "apart", actor, now)


def _answer(db: sa.Connection, condition: sa.ColumnElement[bool], verdict: str, actor: str, now: datetime) -> None:
    db.execute(
        sa.update(suggestions)
        .where(condition, suggestions.c.settled_at.is_(None))
        .values(settled_at=micros(now), verdict=verdict, actor=actor)
    )


def suggestion(db: sa.Connection, uid: str) -> tuple[int, int, int, str | None] | None:
    """A suggestion by its id outside, locked: its number, the two contacts, and the verdict where there is one."""
    query = sa.select(suggestions).where(suggestions.c.uid == uid).with_for_update()
    row = db.execute(query).first()
    if row is None:
        return None
    return row.id, row.contact_id, row.other_id, row.verdict


def judge(db: sa.Connection, number: int, verdict: str, actor: str, now: datetime) -> None:
    """What a person said to one suggestion."""
    _answer(db, suggestions.c.id == number, verdict, actor, now)
