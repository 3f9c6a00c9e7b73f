"""Who may do what only one process may do: a lease ends by the store's clock unless it is renewed, and counts its holders.

A lease on a channel fences its cursors: whoever takes it marks them with its epoch in the same transaction, and each move of one
asks for the lease, so a holder that lost it, and does not know so yet, can move none (`storage.cursors`).
"""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from storage.dialects import StoreClock
from storage.names import Names
from storage.rows import upsert
from storage.schema import cursors, leases

_MICROSECOND: Final = timedelta(microseconds=1)
_CHANNEL: Final = "channel:"


@dataclass(frozen=True, slots=True)
class InForce:
    """A lease that has not ended: whose it is, its epoch, and in how many seconds it ends if it is not renewed."""

    holder: str
    epoch: int
    ends_in: float


def of_channel(name: str) -> str:
    """The lease on listening to a channel."""
    return f"{_CHANNEL}{name}"


def _kept_as(db: sa.Connection, names: Names, lease: str) -> str:
    """A channel's lease goes by its number, which a rename leaves as it is. Raises KeyError for a channel that is not known."""
    name = lease.removeprefix(_CHANNEL)
    return lease if name == lease else f"{_CHANNEL}{names.channels.number(db, name)}"


def _known(db: sa.Connection, names: Names, wanted: Collection[str]) -> dict[str, str]:
    """Leases by what they are kept as; a channel that the store does not know, since it has another name there, has none."""
    kept: dict[str, str] = {}
    for lease in sorted(wanted):
        with contextlib.suppress(KeyError):
            kept[_kept_as(db, names, lease)] = lease
    return kept


def renew(
    db: sa.Connection, names: Names, holder: str, wanted: Collection[str], span: timedelta
) -> dict[str, InForce | None]:
    """Renew those of `wanted` that this holder has; how each of them stands then, None: nobody has it.

    What else the holder has is given back.
    """
    kept = _known(db, names, wanted)
    mine = sa.and_(leases.c.holder == holder, leases.c.until > StoreClock())
    db.execute(sa.update(leases).where(mine, leases.c.name.not_in(kept)).values(until=StoreClock()))
    db.execute(sa.update(leases).where(mine).values(until=StoreClock() + span // _MICROSECOND))
    found = db.execute(
        sa.select(leases.c.name, leases.c.holder, leases.c.epoch, (leases.c.until - StoreClock()).label("left"))
    ).all()
    standing = {row.name: InForce(row.holder, row.epoch, row.left / 1e6) for row in found if row.left > 0}
    return {lease: standing.get(name) for name, lease in kept.items()}


def take(db: sa.Connection, names: Names, holder: str, lease: str, span: timedelta) -> int | None:
    """Take a lease that nobody has; its new epoch, None where somebody was faster. A channel's cursors are fenced by it."""
    name = _kept_as(db, names, lease)
    made = upsert(db, leases).values(name=name, holder=holder, epoch=1, until=StoreClock() + span // _MICROSECOND)
    done = made.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": made.excluded.holder, "epoch": leases.c.epoch + 1, "until": made.excluded.until},
        where=leases.c.until <= StoreClock(),
    )
    row = db.execute(done.returning(leases.c.epoch)).first()
    if row is None:
        return None
    if lease.startswith(_CHANNEL):
        number = names.channels.number(db, lease.removeprefix(_CHANNEL))
        older = sa.and_(cursors.c.channel_id == number, cursors.c.epoch < row.epoch)
        db.execute(sa.update(cursors).where(older).values(epoch=row.epoch))
    epoch: int = row.epoch
    return epoch


def give_back(db: sa.Connection, holder: str) -> None:
    """End all that this holder has, so that others need not wait for it."""
    mine = sa.and_(leases.c.holder == holder, leases.c.until > StoreClock())
    db.execute(sa.update(leases).where(mine).values(until=StoreClock()))


def is_in_force(db: sa.Connection, channel_id: int, epoch: int) -> bool:
    """Whether a channel's lease of this epoch has not ended. Until the transaction does, nobody takes it over."""
    held = sa.select(leases.c.epoch).where(
        leases.c.name == f"{_CHANNEL}{channel_id}", leases.c.epoch == epoch, leases.c.until > StoreClock()
    )
    return db.execute(held.with_for_update(read=True)).first() is not None
