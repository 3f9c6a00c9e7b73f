"""What the processes of one company tell each other through the store: that they live, what they hold, and how far things are.

A row is small and written every few seconds at most, and one statement reads all there is to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant
from storage.dialects import StoreClock
from storage.rows import Prepared, dashed, upsert
from storage.schema import processes, revisions, settings

RELOADED: Final = "reloaded_at"
"""The setting that holds when somebody last put a file in force, RFC 3339 in UTC."""

_MICROSECOND: Final = timedelta(microseconds=1)
_FORGOTTEN: Final = timedelta(days=1) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Said:
    """What a process says of itself: `moved` counts the changes that it made, `digest` is of the revision that its file makes."""

    moved: int
    digest: str
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as it last was heard at `seen_at`; `alive`: it has not been silent for longer than it may."""

    uid: str
    alive: bool
    seen_at: datetime
    said: Said


@dataclass(frozen=True, slots=True)
class Company:
    """All processes, and the revision that is in force: its number and digest, None before the first."""

    processes: Sequence[Process]
    revision: int | None
    digest: str | None
    reloaded_at: str | None

    def others(self, uid: str) -> list[Process]:
        """Those that live, but this one."""
        return [one for one in self.processes if one.alive and one.uid != uid]


_latest = sa.select(sa.func.max(revisions.c.id)).scalar_subquery()
_ALL: Final = Prepared(
    sa.select(
        _latest,
        sa.select(revisions.c.digest).where(revisions.c.id == _latest).scalar_subquery(),
        sa.select(settings.c.value).where(settings.c.name == RELOADED).scalar_subquery(),
        processes.c.uid,
        processes.c.until > StoreClock(),
        processes.c.seen_at,
        processes.c.moved,
        processes.c.digest,
        processes.c.report,
    )
    .select_from(sa.select(sa.literal(1).label("one")).subquery("one").outerjoin(processes, sa.true()))
    .order_by(processes.c.seen_at)
)


def company(db: sa.Connection) -> Company:
    """All there is to know, in one statement."""
    found = _ALL(db)
    revision, digest, reloaded_at = found[0][:3]
    known = [
        Process(dashed(uid), bool(alive), instant(seen_at), Said(moved, own, orjson.loads(report)))
        for _, _, _, uid, alive, seen_at, moved, own, report in found
        if uid is not None
    ]
    return Company(known, revision, digest, reloaded_at)


def beat(db: sa.Connection, uid: str, said: Said, span: timedelta) -> None:
    """A process lives, and says so; it is believed for `span`."""
    now = StoreClock()
    values = {
        "seen_at": now,
        "until": now + span // _MICROSECOND,
        "moved": said.moved,
        "digest": said.digest,
        "report": orjson.dumps(said.report).decode(),
    }
    made = upsert(db, processes).values(uid=uid, **values)
    db.execute(made.on_conflict_do_update(index_elements=["uid"], set_={name: made.excluded[name] for name in values}))


def leave(db: sa.Connection, uid: str) -> None:
    """A process stops; what it said last is kept for a day, as the last that is known."""
    db.execute(sa.update(processes).where(processes.c.uid == uid).values(until=StoreClock()))


def forget(db: sa.Connection) -> None:
    """Drop those that were last heard a day ago."""
    db.execute(sa.delete(processes).where(processes.c.seen_at < StoreClock() - _FORGOTTEN))
