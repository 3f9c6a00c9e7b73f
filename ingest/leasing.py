"""The leases of this process: taken where nobody has them, renewed in time, and let go before they end by the store's clock.

A process that is stopped, or cut off from the store, learns nothing of what happens there. So what it holds ends for itself a
fifth of a lease early, by a clock that nobody sets; and the store refuses what it might still do (`storage.leases`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from storage import leases
from storage.names import Names
from storage.store import Away, Conflict, Store

SPAN: Final = timedelta(seconds=15)
_PARTS: Final = 3
"""It is renewed so many times within its span."""
_MARGIN: Final = 5
"""The part of its span by which a holder lets go early."""
_SOON: Final = 0.05
"""Seconds after the end of somebody's lease at which another looks whether it is free."""

log = structlog.get_logger("priyom.leases")


class Leases:
    """Keeps those that are wanted, as far as nobody else has them; `run` does. All methods belong to the loop."""

    def __init__(self, store: Store, names: Names, holder: str, span: timedelta = SPAN) -> None:
        self._store = store
        self._names = names
        self._holder = holder
        self._span = span
        self._wanted: dict[str, Collection[str]] = {}
        self._held: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._lapsing: asyncio.TimerHandle | None = None

    @property
    def held(self) -> Mapping[str, int]:
        """The epoch of each lease that this process has."""
        return self._held

    def want(self, who: str, wanted: Collection[str]) -> None:
        """From now on `who`, a part of this process, needs these; what nobody needs any more is given back."""
        self._wanted[who] = frozenset(wanted)
        self._asked.set()

    @property
    def changed(self) -> asyncio.Event:
        """Set once `held` is another than now."""
        return self._changed

    async def run(self) -> None:
        """Take and renew until cancelled; then give all back."""
        try:
            while True:
                self._asked.clear()
                pause = await self._renew()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._asked.wait()
        finally:
            self._lapse()
            with contextlib.suppress(Away, Conflict, TimeoutError):
                async with asyncio.timeout(self._span.total_seconds()):
                    await self._store.run(lambda db: leases.give_back(db, self._holder))

    async def _renew(self) -> float:
        """Once; in how many seconds again."""
        loop = asyncio.get_running_loop()
        began, span = loop.time(), self._span.total_seconds()
        wanted = frozenset[str]().union(*self._wanted.values())
        try:
            held, ends = await self._store.run(lambda db: self._unit(db, wanted))
        except (Away, Conflict) as error:
            log.warning("leases could not be renewed", action="lease.away", error=str(error))
            return span / _PARTS / _MARGIN
        # Counted from before the question, so that it ends here before it ends there.
        ends_here = began + span * (1 - 1 / _MARGIN)
        if ends_here > loop.time():
            self._keep(held, ends_here)
        return min([span / _PARTS, *ends])

    def _unit(self, db: sa.Connection, wanted: Collection[str]) -> tuple[dict[str, int], list[float]]:
        """What is held now, and in how many seconds leases of others end."""
        standing = leases.renew(db, self._names, self._holder, wanted, self._span)
        held: dict[str, int] = {}
        ends: list[float] = []
        for lease, one in standing.items():
            if one is None:
                epoch = leases.take(db, self._names, self._holder, lease, self._span)
                if epoch is not None:
                    held[lease] = epoch
            elif one.holder == self._holder:
                held[lease] = one.epoch
            else:
                ends.append(one.ends_in + _SOON)
        return held, ends

    def _keep(self, held: dict[str, int], ends_here: float) -> None:
        if self._lapsing is not None:
            self._lapsing.cancel()
        self._lapsing = asyncio.get_running_loop().call_at(ends_here, self._lapse) if held else None
        self._set(held)

    def _lapse(self) -> None:
        """Let go of all: renewed too late, or no more wanted."""
        if self._lapsing is not None:
            self._lapsing.cancel()
            self._lapsing = None
        self._set({})

    def _set(self, held: dict[str, int]) -> None:
        if held == self._held:
            return
        for lease in sorted(held.keys() - self._held.keys()):
            log.info("a lease was taken", action="lease.taken", lease=lease, epoch=held[lease])
        for lease in sorted(self._held.keys() - held.keys()):
            log.warning("a lease has ended here", action="lease.ended", lease=lease)
        self._held = held
        self._changed.set()
        self._changed = asyncio.Event()


async def while_held(leases_: Leases, lease: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` whenever this process has the lease, begun anew each time, until cancelled. Raises what it raises."""
    leases_.want(lease, {lease})
    while True:
        if lease not in leases_.held:
            await leases_.changed.wait()
            continue
        epoch = leases_.held[lease]
        working = asyncio.ensure_future(work())
        try:
            while not working.done() and leases_.held.get(lease) == epoch:
                changed = asyncio.ensure_future(leases_.changed.wait())
                await asyncio.wait({working, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            if working.done():
                await working
        finally:
            working.cancel()
            await asyncio.wait({working})
