"""When channels spoke: busy slots by the hour, counted from the ledger's growth; and the alarms that directors were told of."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from kernel.clock import instant, micros
from storage import revisions
from storage.names import Names
from storage.rows import Upsert, upsert
from storage.schema import alarms, channels, ledger, rhythms

_MARK: Final = Upsert(
    rhythms,
    ("channel_id", "hour", "busy", "last_slot", "lost"),
    lambda insert: insert.on_conflict_do_update(
        index_elements=["channel_id", "hour"],
        set_={
            # A slot that another process has counted is not counted again.
            "busy": sa.case(
                (insert.excluded.last_slot > rhythms.c.last_slot, rhythms.c.busy + insert.excluded.busy),
                else_=rhythms.c.busy,
            ),
            "last_slot": sa.case(
                (insert.excluded.last_slot > rhythms.c.last_slot, insert.excluded.last_slot),
                else_=rhythms.c.last_slot,
            ),
            "lost": sa.or_(rhythms.c.lost, insert.excluded.lost),
        },
    ),
)


_WATCHED: Final = "watched_at"
"""The setting that holds when channels were last looked at, RFC 3339 in UTC."""


@dataclass(slots=True)
class Heard:
    """What is kept of one channel: busy slots by hour, lost hours, the first hour and the last busy slot, None before any."""

    busy: dict[int, int] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    first: int | None = None
    last_slot: int | None = None


def totals(db: sa.Connection, since_day: str) -> dict[str, int]:
    """How many deliveries each channel has had on the company's days from this one on, repeated ones too."""
    query = (
        sa.select(channels.c.name, sa.func.sum(ledger.c.received + ledger.c.duplicates))
        .join(channels, channels.c.id == ledger.c.channel_id)
        .where(ledger.c.day >= since_day)
        .group_by(channels.c.name)
    )
    return {name: int(total) for name, total in db.execute(query)}


def mark(db: sa.Connection, names: Names, slot: int, hour: int, spoke: Collection[str]) -> None:
    """These spoke in this slot of this hour."""
    if spoke:
        _MARK(db, sorted((names.channels.number(db, name), hour, 1, slot, False) for name in spoke))


def lose(db: sa.Connection, names: Names, lost: Collection[str], hours: Collection[int]) -> None:
    """In these hours those could not speak."""
    values = sorted((names.channels.number(db, name), hour, 0, 0, True) for name in lost for hour in hours)
    if values:
        _MARK(db, values)


def watched_at(db: sa.Connection) -> datetime | None:
    """When channels were last looked at, to about an hour; None for never."""
    found = revisions.setting(db, _WATCHED)
    return None if found is None else datetime.fromisoformat(found)


def watched(db: sa.Connection, now: datetime, before_hour: int) -> None:
    """Channels are looked at; hours before `before_hour` are not learned from any more."""
    revisions.advance(db, _WATCHED, now.isoformat(timespec="seconds"))
    db.execute(sa.delete(rhythms).where(rhythms.c.hour < before_hour))


def heard(db: sa.Connection, since_hour: int) -> dict[str, Heard]:
    """What is kept of every channel from an hour on."""
    query = (
        sa.select(channels.c.name, rhythms.c.hour, rhythms.c.busy, rhythms.c.last_slot, rhythms.c.lost)
        .join(channels, channels.c.id == rhythms.c.channel_id)
        .where(rhythms.c.hour >= since_hour)
        .order_by(rhythms.c.hour)
    )
    found: dict[str, Heard] = {}
    for name, hour, busy, last_slot, lost in db.execute(query):
        one = found.setdefault(name, Heard())
        if one.first is None:
            one.first = hour
        if busy:
            one.busy[hour] = busy
            one.last_slot = max(last_slot, one.last_slot or 0)
        if lost:
            one.lost.add(hour)
    return found


def told(db: sa.Connection, names: Names) -> dict[str, tuple[str, datetime]]:
    """The alarms that are not over, by channel: its condition, and since when it was so."""
    found = db.execute(sa.select(alarms.c.channel_id, alarms.c.state, alarms.c.since)).all()
    known = {number: name for name, number in names.channels.all(db).items()}
    return {known[number]: (state, instant(since)) for number, state, since in found if number in known}


def tell(db: sa.Connection, names: Names, channel: str, state: str, since: datetime, now: datetime) -> bool:
    """Keep that directors are told of a channel's condition; whether this is new, for one of several who try at once."""
    made = upsert(db, alarms).values(
        channel_id=names.channels.number(db, channel), state=state, since=micros(since), told_at=micros(now)
    )
    done = made.on_conflict_do_update(
        index_elements=["channel_id"],
        set_={name: made.excluded[name] for name in ("state", "since", "told_at")},
        where=alarms.c.state != made.excluded.state,
    )
    return db.execute(done.returning(alarms.c.state)).first() is not None


def end(db: sa.Connection, names: Names, channel: str) -> bool:
    """The alarm is over; whether there was one."""
    gone = sa.delete(alarms).where(alarms.c.channel_id == names.channels.number(db, channel))
    return db.execute(gone.returning(alarms.c.state)).first() is not None
