"""Channels that fetch: each kept listening by a task of its own, so that one channel's trouble never touches another."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from channels.adapter import Adapter, Misconfigured, Unavailable
from channels.message import Accepted, Envelope, Position
from ingest.health import states
from ingest.health.states import Code, Polled, Pulse, Retrying, Starting, Stopped
from ingest.intake.intake import Busy, Intake
from ingest.leasing import Leases
from kernel.clock import Clock
from storage.cursors import Cursor, Stale
from storage.journal import Journal
from storage.leases import of_channel
from storage.store import Away, Conflict, Store

FIRST_PAUSE: Final = 0.5
LAST_PAUSE: Final = 30.0
DOUBLINGS: Final = 10
"""From here on pauses stay as long as they are, and the power of two within what a float holds."""
MISCONFIGURED_PAUSE: Final = 60.0
BUSY_PAUSE: Final = 0.2
ENDS_WITHIN: Final = 5.0
"""Seconds that a channel has to end after it was cancelled; one that does not is left behind, with nothing to write to."""

log = structlog.get_logger("priyom.listening")


class _Hung(Unavailable):
    """No sign of life within the channel's deadline."""


class _Ended(Unavailable):
    """It ended, and nobody told it to."""


class Listening:
    """The tasks of all channels that listen. `states` is what the API, the page and the metrics show.

    `address`: what the links of this installation start with. `pause` waits between two attempts. `leases`: where other processes
    may listen to the same channels, each is listened to, and has a state here, only while this one has its lease.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        intake: Intake,
        adapters: Mapping[str, Adapter[Any]],
        clock: Clock,
        address: str = "",
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        leases: Leases | None = None,
    ) -> None:
        self._leases = leases
        self._store = store
        self._journal = journal
        self._intake = intake
        self._clock = clock
        self._address = address
        self._sleep = pause
        self._adapters = {name: adapter for name, adapter in adapters.items() if adapter.listens()}
        self._changed = asyncio.Event()
        self._states: dict[str, Pulse] = {name: Pulse(Starting(clock.now())) for name in self._ours()}

    @property
    def states(self) -> Mapping[str, Pulse]:
        """How every channel that listens is, by name."""
        return self._states

    def change(self, adapters: Mapping[str, Adapter[Any]]) -> None:
        """Listen to these from now on; one that is the same object goes on undisturbed."""
        self._adapters = {name: adapter for name, adapter in adapters.items() if adapter.listens()}
        self._forget_others()
        self._changed.set()

    def _ours(self) -> dict[str, int]:
        """The channels that this process listens to, each with the epoch of its lease; 0 where there are no leases."""
        if self._leases is None:
            return dict.fromkeys(self._adapters, 0)
        held = self._leases.held
        return {name: held[lease] for name in self._adapters if (lease := of_channel(name)) in held}

    def _forget_others(self) -> None:
        ours = self._ours()
        for name in [name for name in self._states if name not in ours]:
            del self._states[name]

    async def run(self) -> None:
        """Keep every channel listening, until cancelled."""
        running: dict[str, tuple[Adapter[Any], int, asyncio.Task[None]]] = {}
        try:
            while True:
                self._changed.clear()
                changes = [self._changed]
                if self._leases is not None:
                    self._leases.want("listening", {of_channel(name) for name in self._adapters})
                    changes.append(self._leases.changed)
                ours = self._ours()
                gone = [
                    name
                    for name, (adapter, epoch, _) in running.items()
                    if self._adapters.get(name) is not adapter or ours.get(name) != epoch
                ]
                await _end([running.pop(name)[2] for name in gone])
                self._forget_others()
                for name, epoch in ours.items():
                    if name not in running and name in self._adapters:
                        self._states[name] = Pulse(Starting(self._clock.now()))
                        task = asyncio.create_task(self._keep(name, epoch), name=f"listen:{name}")
                        running[name] = (self._adapters[name], epoch, task)
                await _first(changes)
        finally:
            await _end([task for _, _, task in running.values()])
            for name in self._states:
                self._say(name, Stopped(self._clock.now()))

    async def _keep(self, name: str, epoch: int) -> None:
        """Listen for ever: one place that decides what follows each kind of trouble."""
        loop = asyncio.get_running_loop()
        failures, was_heard = 0, False
        while True:
            port = _Port(self, name, epoch, self._clock, f"{self._address}/in/{name}")
            began = loop.time()
            trouble = await self._listen(name, port)
            # Who lets us in and then fails at once, time after time, is asked as seldom as one who is not there.
            is_new = not was_heard or loop.time() - began > LAST_PAUSE
            failures = 1 if port.has_heard and is_new else failures + 1
            was_heard = port.has_heard
            await self._sleep(self._pause(name, trouble, failures))

    async def _listen(self, name: str, port: "_Port") -> Exception:
        """Listen until it fails; with what."""
        adapter = self._adapters[name]
        listening = asyncio.create_task(adapter.listen(port), name=f"channel:{name}")
        try:
            await self._until_quiet(listening, port, adapter.quiet_after)
        except Exception as error:  # noqa: BLE001 - judged by its kind in `_pause`
            return error
        finally:
            port.close()
            await _end([listening])
        return _Ended("it stopped by itself")

    @staticmethod
    async def _until_quiet(listening: "asyncio.Task[None]", port: "_Port", quiet_after: float) -> None:
        """Wait for the task's end, as long as it gives signs of life. Raises what it raises; Unavailable for silence."""
        while not listening.done():
            port.heard.clear()
            heard = asyncio.create_task(port.heard.wait())
            try:
                done, _ = await asyncio.wait(
                    {listening, heard}, timeout=quiet_after, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                heard.cancel()
            if not done:
                raise _Hung(f"no sign of life for {quiet_after:.0f} s")
        if listening.cancelled():
            # Not by us: something inside it was. Awaiting it would end our own task for good.
            raise _Ended("it was cancelled from within")
        await listening

    def _pause(self, name: str, trouble: Exception, failures: int) -> float:
        """Say how the channel stands now; how many seconds to wait before the next attempt."""
        now = self._clock.now()
        if isinstance(trouble, Misconfigured):
            self._say(name, states.Misconfigured(now, str(trouble), trouble.russian))
            return MISCONFIGURED_PAUSE
        if not isinstance(trouble, Unavailable):
            log.error("a channel failed", action="channel.failed", channel=name, exc_info=trouble)
        if isinstance(trouble, _Hung) and name in self._states:
            self._states[name] = self._states[name].hanging()
        seconds = _seconds(trouble, failures)
        said = str(trouble) if isinstance(trouble, Unavailable) else type(trouble).__name__
        self._say(name, Retrying(now, _code(trouble), said, now + timedelta(seconds=seconds)))
        return seconds

    def _say(self, name: str, state: Polled) -> None:
        before = self._states.get(name)
        if before is None:  # its lease has ended while it was being stopped
            return
        after = self._states[name] = before.became(state)
        if (before.condition, before.detail) != (after.condition, after.detail):
            self._log(name, after)

    @staticmethod
    def _log(name: str, pulse: Pulse) -> None:
        level = log.info if pulse.condition in {"listening", "stopped"} else log.warning
        level("a channel's state", action="channel.state", channel=name, state=pulse.condition, detail=pulse.detail)

    def heard(self, name: str) -> None:
        """The provider of a channel answered."""
        before = self._states.get(name)
        if before is None:
            return
        after = self._states[name] = before.heard(self._clock.now())
        if before.condition != after.condition:
            self._log(name, after)

    async def accept(
        self, name: str, envelopes: Sequence[Envelope], position: Position | None, epoch: int = 0
    ) -> list[Accepted]:
        """Commit what a channel fetched, waiting while more is under way than this process holds."""
        cursor = None if position is None else Cursor(name, position.name, position.era, position.position, epoch)
        while True:
            try:
                return await self._intake.accept(envelopes, cursor)
            except Busy:
                await self._sleep(BUSY_PAUSE)
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

    async def open_era(self, name: str, position: Position, epoch: int = 0) -> None:
        """Begin a new era of a source."""
        cursor = Cursor(name, position.name, position.era, position.position, epoch)
        try:
            await self._store.run(lambda db: self._journal.open_era(db, cursor))
        except (Away, Conflict, Stale) as error:
            raise Unavailable(f"the era could not be opened: {error}") from error


class _Port:
    """`channels.adapter.Port` of one attempt to listen. Closed with it: one that was given up for hung can write no more."""

    def __init__(self, listening: Listening, name: str, epoch: int, clock: Clock, address: str) -> None:
        self._listening = listening
        self._name = name
        self._epoch = epoch
        self._clock = clock
        self._address = address
        self._closed = False
        self.heard = asyncio.Event()
        self.has_heard = False

    def close(self) -> None:
        """Nothing goes through any more."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("this attempt to listen has been given up")

    async def accept(self, envelopes: Sequence[Envelope], position: Position | None = None) -> list[Accepted]:
        self._require_open()
        return await self._listening.accept(self._name, envelopes, position, self._epoch)

    async def position(self, name: str) -> Position | None:
        self._require_open()
        return await self._listening.position(self._name, name)

    async def open_era(self, position: Position) -> None:
        self._require_open()
        await self._listening.open_era(self._name, position, self._epoch)

    def alive(self) -> None:
        if not self._closed:
            self.has_heard = True
            self.heard.set()
            self._listening.heard(self._name)

    def now(self) -> datetime:
        return self._clock.now()

    @property
    def address(self) -> str:
        return self._address


def _seconds(trouble: Exception, failures: int) -> float:
    """How long to wait: what the provider says, else longer after each failure, spread by chance."""
    again_in = trouble.again_in if isinstance(trouble, Unavailable) else None
    if again_in is not None:
        return max(again_in, FIRST_PAUSE)
    growing = FIRST_PAUSE * 2.0 ** min(failures - 1, DOUBLINGS)
    return min(LAST_PAUSE, growing) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries


def _code(trouble: Exception) -> Code:
    if isinstance(trouble, _Hung):
        return "hung"
    if isinstance(trouble, _Ended):
        return "ended"
    return "unavailable" if isinstance(trouble, Unavailable) else "defect"


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel these and wait for their end, but not for ever. What one still raises was said already."""
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=ENDS_WITHIN)
        for task in done:
            if not task.cancelled():
                task.exception()


async def _first(changes: Sequence[asyncio.Event]) -> None:
    """Return as soon as one of them is set."""
    waiting = [asyncio.ensure_future(change.wait()) for change in changes]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
