"""The edition of people: a number that grows with every merge, undo and split, so that a batch sees when one overtook it.

A batch reads who is who before it decides. Whoever changes that advances the edition in the same transaction, which also
makes such changes wait for each other. A batch that ends under another edition than it began under is decided again.
"""

from typing import Final

import sqlalchemy as sa

from storage.rows import Prepared, upsert
from storage.schema import counters

_NAME: Final = "people"
# One number for the whole statement, whatever its rows: no reference to them, so a database reads it once.
EDITION: Final = sa.func.coalesce(
    sa.select(counters.c.next).where(counters.c.name == _NAME).scalar_subquery(), sa.literal_column("0")
)


def advance(db: sa.Connection) -> int:
    """Begin a new edition; its number. Holds until the transaction ends: no two changes of who is who run at once."""
    made = upsert(db, counters).values(name=_NAME, next=1)
    made = made.on_conflict_do_update(index_elements=["name"], set_={"next": counters.c.next + 1})
    number: int = db.execute(made.returning(counters.c.next)).scalar_one()
    return number


def hold(db: sa.Connection) -> None:
    """Nobody begins a new edition before this transaction ends: for a batch that one has overtaken before."""
    if db.dialect.name != "sqlite":  # its one writer has everything locked
        _HOLD(db)


_HOLD: Final = Prepared(sa.select(counters.c.next).where(counters.c.name == _NAME).with_for_update(read=True))


def current(db: sa.Connection) -> int:
    """The edition that this transaction sees now."""
    number: int = db.execute(sa.select(EDITION)).scalar_one()
    return number
