"""From the journal to leads: claim, parse, settle, over and over, with retries that are bounded and cost only the guilty."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from channels.message import Inbound, Parsed, Signal
from ingest.adapters import Adapters
from ingest.pipeline.aside import Aside
from ingest.pipeline.in_hand import BATCH, InHand, next_limit
from ingest.pipeline.settle import Joins, Reading, Settled, Settler
from ingest.pipeline.signals import Signals
from kernel.clock import Clock
from kernel.ids import uuid7
from kernel.seams import crashpoint
from storage.files import Files
from storage.journal import ATTEMPTS, Claim, Claimed, Journal
from storage.store import Away, Conflict, Store

SWEEP: Final = 5.0
COMPANY: Final = 0.005
LEASE: Final = timedelta(seconds=60)
TRIES: Final = 3
"""How often a batch is decided again where somebody was faster; what loses then goes on alone."""
ALONE: Final = 12
"""How often one envelope by itself is, with pauses: many may join and part people at once, and none of that is its fault."""
_STEP_ASIDE: Final = 0.005
_STEP_ASIDE_MOST: Final = 0.1
FIRST_PAUSE: Final = 0.1
LAST_PAUSE: Final = 5.0
PARSE_WITHIN: Final = 20.0

log = structlog.get_logger("priyom.pipeline")


class Pipeline:
    """The worker. `wake` after an acceptance; `paused` is a test hook. `on_more`: there is more than one batch, others may help.

    `follows_within`: in how many seconds this process has a channel that another one has from a new file already.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        settler: Settler,
        signals: Signals,
        files: Files,
        adapters: Adapters,
        clock: Clock,
        on_settled: Callable[[Sequence[Claimed], Settled], None],
        lease: timedelta = LEASE,
        on_more: Callable[[], None] = lambda: None,
        *,
        follows_within: float = 0.0,
    ) -> None:
        self._follows_within = follows_within
        self._strange: set[str] = set()
        self._store = store
        self._journal = journal
        self._settler = settler
        self._signals = signals
        self._files = files
        self._adapters = adapters
        self._clock = clock
        self._on_settled = on_settled
        self._lease = lease
        self._on_more = on_more
        self._aside: Aside[list[Reading]] = Aside("parse")
        self._woken = asyncio.Event()
        self._own = Claim(uuid7(), lease // timedelta(microseconds=1))
        self._handed = InHand()
        self._limit = BATCH
        self._token: str | None = None
        self._behind = True
        self._running = False
        self._swept_at = 0.0
        self.paused = False

    def wake(self) -> None:
        """There may be entries in the journal that nobody has."""
        self._behind = True
        self._woken.set()

    def is_busy(self) -> bool:
        """Whether more is in hand than one batch takes soon."""
        return len(self._handed) >= BATCH // 4

    def claim(self) -> Claim | None:
        """Under what the next group is taken as it is stored: what this process has in hand need not be read back.

        Asked in the thread that stores, so it only reads. None, and the group waits in the journal, while older entries do or
        enough is in hand; so their order is kept.
        """
        return None if self._behind or self._handed.is_full or self.paused or not self._running else self._own

    def hand_over(self, claimed: list[Claimed] | None) -> None:
        """Take new entries that are claimed for us; None: some are in the journal that nobody has."""
        if claimed is None:
            self._behind = True
        else:
            self._handed.add(claimed)
        self._woken.set()

    async def run(self) -> None:
        """Drain what was handed over and the journal whenever woken, and every few seconds in case nobody woke us."""
        self._running = True
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP):
                        await self._woken.wait()
                self._woken.clear()
                while not self.paused and await self._step():
                    pass
        except asyncio.CancelledError:
            await self._give_back(uncount=True)
            raise
        except Exception:
            await self._give_back(uncount=False)
            raise
        finally:
            self._running = False
            self._aside.close()

    async def _give_back(self, *, uncount: bool) -> None:
        """What is claimed and not settled is free for others at once. A stop is no death, and its attempt does not count."""
        self._running = False
        self._behind = True
        self._handed.clear()
        for token in filter(None, (self._token, self._own.token)):
            with contextlib.suppress(Away, Conflict):
                await self._store.run(partial(self._journal.release, token=token, uncount=uncount))

    async def _step(self) -> bool:
        """One batch, from what was handed over or else from the journal; False where there is none."""
        now = asyncio.get_running_loop().time()
        if now - self._swept_at > SWEEP:
            self._swept_at, self._behind = now, True
        if self._handed:
            if len(self._handed) < BATCH:
                # A batch costs a fixed number of statements: a few milliseconds of company make it worth more.
                await asyncio.sleep(COMPANY)
                # While somebody else writes it could not be settled: what is stored by then comes along, not in the batch behind.
                await self._store.until_free()
            await self._take(self._own.token, self._handed.take())
            return True
        if not self._behind:
            return False
        # From here on groups are handed over again; one that is under way to the journal says so when it is there.
        self._behind = False
        self._token = token = uuid7()
        claimed = await self._patiently(
            lambda: self._store.run(lambda db: self._journal.claim(db, self._limit, token, self._lease))
        )
        if claimed:
            full = len(claimed) == self._limit
            self._limit = next_limit(self._limit, claimed)
            # A full batch, or one that comes alone because it was tried before: more may be waiting behind it.
            self._behind = self._behind or full or claimed[0].attempts > 1
            if full:
                self._on_more()
            await self._take(token, claimed)
        self._token = None
        return bool(claimed)

    async def _take(self, token: str, claimed: list[Claimed]) -> None:
        """Settle a batch that is claimed. While the store is away it waits; the claim ends with its lease."""
        crashpoint("claim.after_commit")
        await self._wait_for_channels(claimed)
        readings = await self._read(claimed)
        if any(_has_files(r.parsed) for r in readings):
            readings = await self._patiently(lambda: asyncio.to_thread(self._keep_files, readings))
        # A signal locks teams and leads of its own: in a batch with others, two workers could lock them crosswise.
        alone = [r for r in readings if isinstance(r.parsed, Signal) and self._signals.do_something(r.parsed.kind)]
        together = [r for r in readings if r not in alone] if alone else readings
        for batch in ([together] if together else []) + [[one] for one in alone]:
            await self._settle(token, batch)

    async def _wait_for_channels(self, claimed: Sequence[Claimed]) -> None:
        """A channel that is new in the file may be taken in elsewhere a moment before it is known here. It is waited for once."""
        unknown = {c for one in claimed if self._adapters.reader(c := one.envelope.channel) is None} - self._strange
        until = asyncio.get_running_loop().time() + self._follows_within
        while unknown and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(FIRST_PAUSE)
            unknown = {channel for channel in unknown if self._adapters.reader(channel) is None}
        self._strange |= unknown

    async def _read(self, claimed: Sequence[Claimed]) -> list[Reading]:
        """Parse a batch beside the loop; should it hang, one by one, so that the neighbours of what hangs go on."""
        try:
            return await self._aside.run(lambda: [self.read(one) for one in claimed], PARSE_WITHIN)
        except TimeoutError:
            if len(claimed) == 1:
                log.exception("an envelope takes for ever to read", action="envelope.failed", envelope=claimed[0].uid)
                return [Reading(claimed[0], None, "hung")]
        return [reading for one in claimed for reading in await self._read([one])]

    def read(self, claimed: Claimed) -> Reading:
        """What an envelope says, or why it cannot be told. Never raises: poison costs only itself."""
        if claimed.attempts > ATTEMPTS:
            return Reading(claimed, None, "died")
        adapter = self._adapters.reader(claimed.envelope.channel)
        if adapter is None:
            return Reading(claimed, None, "no_channel")
        try:
            return Reading(claimed, adapter.parse(claimed.envelope))
        except Exception as error:
            log.exception(
                "an envelope could not be read",
                action="envelope.failed",
                envelope=claimed.uid,
                error=type(error).__name__,
            )
            return Reading(claimed, None, "unreadable")

    def _keep_files(self, readings: Sequence[Reading]) -> list[Reading]:
        """Files that came with their envelopes are on disk before a row names them."""
        return [replace(r, parsed=self._with_files(r.parsed)) for r in readings]

    def _with_files(self, parsed: Parsed | None) -> Parsed | None:
        if isinstance(parsed, Signal) and isinstance(parsed.otherwise, Inbound):
            return replace(parsed, otherwise=self._kept(parsed.otherwise))
        return self._kept(parsed) if isinstance(parsed, Inbound) else parsed

    def _kept(self, said: Inbound) -> Inbound:
        attachments = (
            a if a.content is None else replace(a, content=None, locator=self._files.keep(a.content))
            for a in said.attachments
        )
        return replace(said, attachments=tuple(attachments))

    async def _settle(self, token: str, readings: Sequence[Reading]) -> None:
        """Write a batch; somebody faster: load and decide again, at last one by one; what alone still fails is `failed`."""
        for tried in range(TRIES if len(readings) > 1 else ALONE):
            try:
                await self._write(token, readings, again=tried > 0)
            except Conflict as error:
                log.info(
                    "somebody was faster; the batch is decided again",
                    action="batch.again",
                    size=len(readings),
                    error=str(error),
                )
                if len(readings) == 1:
                    pause = min(_STEP_ASIDE * 2**tried, _STEP_ASIDE_MOST)
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
                continue
            except Joins as joins:
                await self._settle_apart(token, readings, joins.entry)
                return
            except Exception as error:
                if len(readings) == 1:
                    await self._give_up(token, readings[0], error)
                    return
                log.warning("a batch failed and is taken one by one", action="batch.split", exc_info=error)
                break
            return
        if len(readings) == 1:
            await self._give_up(token, readings[0], Conflict("it lost every race"))
            return
        for reading in readings:
            await self._settle(token, [reading])

    async def _settle_apart(self, token: str, readings: Sequence[Reading], entry: int) -> None:
        """One of a batch joins two people: those before it, it alone, and those behind it."""
        place = next(n for n, reading in enumerate(readings) if reading.claimed.entry == entry)
        for part in (readings[:place], readings[place : place + 1], readings[place + 1 :]):
            if part:
                await self._settle(token, part)

    async def _write(self, token: str, readings: Sequence[Reading], *, again: bool = True) -> None:
        settled = await self._patiently(
            lambda: self._store.run(
                lambda db: self._settler.settle(db, token, readings, self._clock.now(), again=again)
            )
        )
        crashpoint("settle.after_commit")
        self._on_settled([r.claimed for r in readings], settled)

    async def _give_up(self, token: str, reading: Reading, error: Exception) -> None:
        uid = reading.claimed.uid
        log.error("an envelope could not be settled", action="envelope.failed", envelope=uid, exc_info=error)
        await self._write(token, [Reading(reading.claimed, None, "refused_by_store")])

    async def _patiently(self, work: Callable[[], Any]) -> Any:
        """Run `work`, again and again while the store is away; its absence is nobody's fault and costs no attempt."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await work()
            except Away as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=pause)
            # Spread by chance: of several workers, not all shall come at the moment at which the store is back.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
            pause = min(pause * 3, LAST_PAUSE)


def _has_files(parsed: Parsed | None) -> bool:
    """Whether anything came with it, whosever it is."""
    said = parsed.otherwise if isinstance(parsed, Signal) else parsed
    return isinstance(said, Inbound) and bool(said.attachments)
