"""What changed, for the screens that show it: a ring in memory that streams read. Tells what to fetch again, never what it says.

Publishing is an append, whoever listens; what a number of a batch is called outside is looked up only by a stream. The ring
ends with the process: a reader that knows only an earlier one, or fell too far behind, is told to begin anew.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from storage import board
from storage.journal import Result
from storage.store import Away, Store

KEPT: Final = 2_000
NAMED: Final = 100
PAUSE: Final = 0.2
"""Seconds between two deliveries to one stream: however much changes, a screen fetches no more often."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One publication: a thing by its id outside, or the leads of a batch by their numbers."""

    number: int
    kind: str
    id: str | None = None
    version: int | None = None
    leads: tuple[int, ...] = ()


class Changes:
    """The ring of one process. All methods belong to its loop. `on_change` is told of each change that was made here."""

    def __init__(self, store: Store, pause: float = PAUSE, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._pause = pause
        self._on_change = on_change
        self._era = f"{time.time_ns():x}"
        self._ring: deque[Change] = deque(maxlen=KEPT)
        self._number = 0
        self._more = asyncio.Event()
        self._closed = False

    def publish(self, kind: str, uid: str | None = None, version: int | None = None) -> None:
        """Something was committed: `lead` or `manager` with its id and version, or `leads` for any of them."""
        self._append(Change(self._number + 1, kind, uid, version))
        self._on_change()

    def elsewhere(self) -> None:
        """Something was committed by another process."""
        self._append(Change(self._number + 1, "leads"))

    def settled(self, results: Sequence[Result]) -> None:
        """A batch was committed."""
        leads = tuple({result.lead for result in results if result.lead is not None})
        # A signal names no lead and may have moved any.
        others = any(result.outcome == "handled" for result in results) or len(leads) > NAMED or not leads
        self._append(Change(self._number + 1, "leads" if others else "batch", leads=() if others else leads))
        self._on_change()

    def _append(self, change: Change) -> None:
        self._number = change.number
        self._ring.append(change)
        if not self._more.is_set():
            self._more.set()

    def close(self) -> None:
        """End every stream: the process stops."""
        self._closed = True
        self._more.set()

    async def follow(self, last: str | None) -> AsyncIterator[Sequence[Json]]:
        """What changed after `last`, an `event` of an earlier delivery, as it happens, until the process stops.

        Begins with a `reset` where that cannot be told. Each item is `{"event", "kind", "id", "version"}`.
        """
        seen = self._place(last)
        if seen is None:
            seen = self._number
            yield [self._event(seen, "reset", None, None)]
        while not self._closed:
            if seen == self._number:
                self._more.clear()
                await self._more.wait()
                continue
            if self._number - seen > len(self._ring):
                seen = self._number
                yield [self._event(seen, "reset", None, None)]
            else:
                new = [change for change in self._ring if change.number > seen]
                seen = self._number
                yield await self._told(new, seen)
            await asyncio.sleep(self._pause)

    def _place(self, last: str | None) -> int | None:
        era, _, number = (last or "").partition("-")
        if era != self._era or not (number.isascii() and number.isdecimal()) or int(number) > self._number:
            return None
        return int(number)

    def _event(self, number: int, kind: str, uid: str | None, version: int | None) -> Json:
        return {"event": f"{self._era}-{number}", "kind": kind, "id": uid, "version": version}

    async def _told(self, new: Sequence[Change], number: int) -> list[Json]:
        """One event for each thing, whatever happened to it how often; only the last moves a reader on."""
        named = await self._named({lead for change in new for lead in change.leads})
        latest: dict[tuple[str, str | None], int | None] = {}
        for change in new:
            if change.kind == "batch":
                latest |= {("lead", uid): version for uid, version in map(named.__getitem__, change.leads)}
            else:
                latest[change.kind, change.id] = change.version
        return [self._event(number, kind, uid, version) for (kind, uid), version in latest.items()]

    async def _named(self, leads: Collection[int]) -> "Mapping[int, tuple[str | None, int | None]]":
        if not leads:
            return {}
        unknown: dict[int, tuple[str | None, int | None]] = dict.fromkeys(leads, (None, None))
        if len(leads) > NAMED:
            return unknown
        try:
            return unknown | await self._store.read(lambda db: board.lead_versions(db, leads))
        except Away:
            return unknown
