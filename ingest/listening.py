"""Channels that fetch: each kept listening by a task of its own, so that one channel's trouble never touches another."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa
import structlog

from channels.adapter import Adapter, Misconfigured, Unavailable
from channels.message import Accepted, Envelope, Position
from ingest.intake import Busy, Intake
from kernel.clock import Clock
from storage.cursors import Cursor, Stale
from storage.journal import Journal
from storage.store import Away, Conflict, Store

FIRST_PAUSE: Final = 0.5
LAST_PAUSE: Final = 30.0
MISCONFIGURED_PAUSE: Final = 60.0
BUSY_PAUSE: Final = 0.2

Condition = Literal["starting", "listening", "retrying", "misconfigured"]

log = structlog.get_logger("priyom.listening")


@dataclass(frozen=True, slots=True)
class State:
    """How a channel stands, since when, and what a person must know or do about it. Never a secret."""

    condition: Condition
    since: datetime
    detail: str | None = None
    heard_at: datetime | None = None


class Listening:
    """The tasks of all channels that listen. `states` is what the API, the page and the metrics show."""

    def __init__(
        self, store: Store, journal: Journal, intake: Intake, adapters: Mapping[str, Adapter[Any]], clock: Clock
    ) -> None:
        self._store = store
        self._journal = journal
        self._intake = intake
        self._clock = clock
        self._adapters = {name: adapter for name, adapter in adapters.items() if adapter.listens()}
        self._changed = asyncio.Event()
        self._states: dict[str, State] = {name: State("starting", clock.now()) for name in self._adapters}

    @property
    def states(self) -> Mapping[str, State]:
        """The state of every channel that listens, by name."""
        return self._states

    def troubles(self) -> Mapping[str, str]:
        """What is wrong with each channel that is not well."""
        unwell = {n: state for n, state in self._states.items() if state.condition in {"retrying", "misconfigured"}}
        return {name: state.detail or state.condition for name, state in unwell.items()}

    def change(self, adapters: Mapping[str, Adapter[Any]]) -> None:
        """Listen to these from now on; one that is the same object goes on undisturbed."""
        self._adapters = {name: adapter for name, adapter in adapters.items() if adapter.listens()}
        for name in [name for name in self._states if name not in self._adapters]:
            del self._states[name]
        self._changed.set()

    async def run(self) -> None:
        """Keep every channel listening, until cancelled."""
        running: dict[str, tuple[Adapter[Any], asyncio.Task[None]]] = {}
        try:
            while True:
                self._changed.clear()
                await _end([running.pop(n)[1] for n in list(running) if self._adapters.get(n) is not running[n][0]])
                for name, adapter in self._adapters.items():
                    if name not in running:
                        self._states[name] = State("starting", self._clock.now())
                        running[name] = (adapter, asyncio.create_task(self._keep(name), name=f"listen:{name}"))
                await self._changed.wait()
        finally:
            await _end([task for _, task in running.values()])

    async def _keep(self, name: str) -> None:
        """Listen for ever: one place that decides what follows each kind of trouble."""
        failures = 0
        while True:
            began = self._clock.now()
            pause = await self._listen(name, failures)
            heard = self._states[name].heard_at
            failures = 1 if heard is not None and heard >= began else failures + 1
            await asyncio.sleep(pause)

    async def _listen(self, name: str, failures: int) -> float:
        """Listen until it fails; how long to pause before the next try, in seconds."""
        adapter = self._adapters[name]
        port = _Port(self, name)
        listening = asyncio.create_task(adapter.listen(port), name=f"channel:{name}")
        try:
            await self._until_quiet(listening, port, adapter.quiet_after)
            return self._pause(name, "it stopped by itself", failures)
        except Misconfigured as error:
            self._say(name, "misconfigured", str(error))
            return MISCONFIGURED_PAUSE
        except Unavailable as error:
            return self._pause(name, str(error), failures, error.again_in)
        except Exception as error:
            log.exception("a channel failed", action="channel.failed", channel=name)
            return self._pause(name, type(error).__name__, failures)
        finally:
            listening.cancel()
            await asyncio.wait({listening}, timeout=5)

    async def _until_quiet(self, listening: "asyncio.Task[None]", port: "_Port", quiet_after: float) -> None:
        """Wait for the task's end, as long as it gives signs of life. Raises what it raises; Unavailable for silence."""
        while not listening.done():
            port.heard.clear()
            heard = asyncio.ensure_future(port.heard.wait())
            done, _ = await asyncio.wait({listening, heard}, timeout=quiet_after, return_when=asyncio.FIRST_COMPLETED)
            heard.cancel()
            if not done:
                raise Unavailable(f"no sign of life for {quiet_after:.0f} s")
        await listening

    def _pause(self, name: str, why: str, failures: int, again_in: float | None = None) -> float:
        self._say(name, "retrying", why)
        if again_in is not None:
            return again_in
        return min(LAST_PAUSE, FIRST_PAUSE * 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries

    def _say(self, name: str, condition: Condition, detail: str | None) -> None:
        before = self._states[name]
        if (before.condition, before.detail) == (condition, detail):
            return
        since = before.since if before.condition == condition else self._clock.now()
        self._states[name] = State(condition, since, detail, before.heard_at)
        level = log.info if condition == "listening" else log.warning
        level("a channel's state", action="channel.state", channel=name, state=condition, detail=detail)

    def heard(self, name: str) -> None:
        """The provider of a channel answered."""
        self._say(name, "listening", None)
        self._states[name] = replace(self._states[name], heard_at=self._clock.now())

    async def accept(self, name: str, envelopes: Sequence[Envelope], position: Position | None) -> list[Accepted]:
        """Commit what a channel fetched, waiting while more is under way than this process holds."""
        cursor = None if position is None else Cursor(name, position.name, position.era, position.position)
        while True:
            try:
                return await self._intake.accept(envelopes, cursor)
            except Busy:
                await asyncio.sleep(BUSY_PAUSE)
            except Away as error:
                raise Unavailable(f"the store is away: {error}") from error
            except Stale as error:
                raise Unavailable(str(error)) from error

    async def position(self, name: str, source: str) -> Position | None:
        """How far a source of a channel was read."""

        def unit(db: sa.Connection) -> Position | None:
            cursor = self._journal.cursor(db, name, source)
            return None if cursor is None else Position(cursor.name, cursor.era, cursor.position)

        try:
            return await self._store.read(unit)
        except Away as error:
            raise Unavailable(f"the store is away: {error}") from error

    async def open_era(self, name: str, position: Position) -> None:
        """Begin a new era of a source."""
        cursor = Cursor(name, position.name, position.era, position.position)
        try:
            await self._store.run(lambda db: self._journal.open_era(db, cursor))
        except (Away, Conflict, Stale) as error:
            raise Unavailable(f"the era could not be opened: {error}") from error

    def now(self) -> datetime:
        """The daemon's time."""
        return self._clock.now()


class _Port:
    """`channels.adapter.Port` of one channel."""

    def __init__(self, listening: Listening, name: str) -> None:
        self._listening = listening
        self._name = name
        self.heard = asyncio.Event()

    async def accept(self, envelopes: Sequence[Envelope], position: Position | None = None) -> list[Accepted]:
        return await self._listening.accept(self._name, envelopes, position)

    async def position(self, name: str) -> Position | None:
        return await self._listening.position(self._name, name)

    async def open_era(self, position: Position) -> None:
        await self._listening.open_era(self._name, position)

    def alive(self) -> None:
        self.heard.set()
        self._listening.heard(self._name)

    def now(self) -> datetime:
        return self._listening.now()


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
