"""The worker: what is woken is drained, poison costs only itself, lost races and an absent store are tried again."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from channels.message import Envelope, Inbound, Parsed
from ingest.adapters import Adapters
from ingest.pipeline.pipeline import ALONE, TRIES, Pipeline
from ingest.pipeline.settle import Settled
from ingest.pipeline.signals import Signals
from storage.files import Files
from storage.journal import Claimed
from storage.schema import contacts, interactions, journal, leads
from storage.store import Store
from tests.ingest.parts import GONE, NOW, Parts, Plain, at_clock, company, envelope, wire

WITHIN = 20
ANNA = {"phones": ["8 912 345-67-81"], "name": "Анна"}
BORIS = {"phones": ["8 912 345-67-82"]}


class Worker:
    """A pipeline, and a way to wait for what it settles; `grew` is set each time, and may be several workers'."""

    def __init__(
        self, parts: Parts, folder: Path, adapter: Plain | None = None, grew: asyncio.Event | None = None
    ) -> None:
        self.parts = parts
        self.settled = 0
        self.batches: list[int] = []
        self._grew = grew or asyncio.Event()
        adapters = Adapters({"site": adapter or Plain()})
        self.pipeline = Pipeline(
            parts.store, parts.journal, parts.settler, Signals(), Files(folder), adapters, at_clock(NOW), self._settled
        )

    def _settled(self, _claimed: Sequence[Claimed], what: Settled) -> None:
        self.settled += len(what.results)
        self.batches.append(len(what.results))
        self._grew.set()

    async def until(self, count: int) -> None:
        """Until so many entries have been settled by this worker."""
        async with asyncio.timeout(WITHIN):
            while self.settled < count:
                self._grew.clear()
                await self._grew.wait()


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.pipeline.run()) for worker in workers]
    for worker in workers:
        worker.pipeline.wake()
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def failing(store: Store, statement: str, error: Exception, times: int) -> Iterator[list[str]]:
    """The database refuses a statement that begins so, this often."""
    refused: list[str] = []

    def refuse(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.startswith(statement) and len(refused) < times:
            refused.append(text)
            raise error

    sa.event.listen(store._main, "before_cursor_execute", refuse)
    try:
        yield refused
    finally:
        sa.event.remove(store._main, "before_cursor_execute", refuse)


def taken_key() -> Exception:
    return sa.exc.IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))


@pytest.fixture(autouse=True)
def told() -> Iterator[list[structlog.typing.EventDict]]:
    """What the worker logs."""
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


async def test_what_is_there_is_settled_and_what_comes_later_too(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(*(envelope(said) for said in (ANNA, BORIS, ANNA)))
    async with running(worker):
        await worker.until(3)
        parts.append(envelope(BORIS))
        worker.pipeline.wake()
        await worker.until(4)
    assert Counter(outcome for outcome, _ in parts.outcomes()) == {"created": 2, "attached": 2}
    assert parts.balanced()


async def test_more_than_a_batch_is_drained_by_one_waking(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(*(envelope({"phones": [f"+7912{n:07}"]}) for n in range(230)))
    async with running(worker):
        await worker.until(230)
    assert (parts.count(contacts), parts.count(leads)) == (230, 230)


async def test_what_cannot_be_read_costs_only_itself_and_is_kept(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA), envelope(b"boom"), envelope(BORIS), envelope({}, channel="site", identity="x"))
    async with running(worker):
        await worker.until(4)
    outcomes = parts.outcomes()
    assert outcomes == [("created", None), ("failed", "unreadable"), ("created", None), ("created", None)]
    (failed,) = [row for row in parts.rows(journal) if row["outcome"] == "failed"]
    (stored,) = parts.store.peek(lambda db: parts.journal.stored(db, [failed["uid"]]))
    assert stored.envelope.body == b"boom"


async def test_an_envelope_of_a_channel_that_is_gone_is_failed_and_replayed_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    both = {name: {"kind": "webform", "source": None, "team": None} for name in ("site", "shop")}
    parts = wire(store, company(channels=both))
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA, channel="shop"), envelope(BORIS))
    async with running(worker):
        await worker.until(2)
    assert parts.outcomes() == [("failed", "no_channel"), ("created", None)]


class Unwritable(Plain):
    """A parser with a defect that only the writing finds: a time without a zone."""

    def parse(self, envelope: Envelope) -> Parsed:
        said = super().parse(envelope)
        assert isinstance(said, Inbound)
        return replace(said, at=datetime(2026, 9, 1)) if said.text == "unwritable" else said  # noqa: DTZ001 - the defect


async def test_what_cannot_be_written_costs_only_itself(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path, Unwritable())
    parts.append(envelope(ANNA), envelope({**ANNA, "text": "unwritable"}), envelope(ANNA), envelope(BORIS))
    async with running(worker):
        await worker.until(4)
    assert parts.outcomes() == [
        ("created", None),
        ("failed", "refused_by_store"),
        ("attached", None),
        ("created", None),
    ]
    assert parts.count(interactions) == 3
    assert parts.balanced()


async def test_what_killed_the_process_three_times_is_failed_unread(parts: Parts, tmp_path: Path) -> None:
    parts.append(envelope(ANNA))
    for death in range(3):
        parts.claim(1, f"dead{death}", GONE)
    parts.append(envelope(BORIS))
    worker = Worker(parts, tmp_path)
    async with running(worker):
        await worker.until(2)
    assert parts.outcomes() == [("failed", "died"), ("created", None)]


async def test_a_lost_race_is_decided_again(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA), envelope(BORIS))
    with failing(parts.store, "INSERT INTO contacts", taken_key(), TRIES - 1) as refused:
        async with running(worker):
            await worker.until(2)
    assert len(refused) == TRIES - 1
    assert parts.outcomes() == [("created", None), ("created", None)]
    assert parts.count(contacts) == 2
    assert parts.balanced()


async def test_a_batch_that_loses_every_race_is_taken_one_by_one(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA), envelope(BORIS))
    with failing(parts.store, "INSERT INTO contacts", taken_key(), TRIES + 1):
        async with running(worker):
            await worker.until(2)
    assert parts.outcomes() == [("created", None), ("created", None)]


async def test_one_that_loses_again_and_again_is_settled_in_the_end(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA))
    with failing(parts.store, "INSERT INTO contacts", taken_key(), ALONE - 1) as refused:
        async with running(worker):
            await worker.until(1)
    assert len(refused) == ALONE - 1
    assert parts.outcomes() == [("created", None)]


async def test_what_loses_for_ever_is_failed_and_its_neighbours_are_not(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA), envelope(BORIS))
    with failing(parts.store, "INSERT INTO contacts", taken_key(), TRIES + ALONE):
        async with running(worker):
            await worker.until(2)
    assert parts.outcomes() == [("failed", "refused_by_store"), ("created", None)]
    assert parts.balanced()


@pytest.mark.parametrize(
    "statement", ["UPDATE journal", "INSERT INTO contacts", "UPDATE leads", "WITH first", "SELECT"]
)
async def test_an_absent_store_costs_nothing_but_time(
    parts: Parts, tmp_path: Path, told: list[structlog.typing.EventDict], statement: str
) -> None:
    worker = Worker(parts, tmp_path)
    parts.append(envelope(ANNA), envelope(BORIS))
    away = sa.exc.OperationalError("any", {}, Exception("server closed the connection"))
    with failing(parts.store, statement, away, 1):
        async with running(worker):
            await worker.until(2)
    assert parts.outcomes() == [("created", None), ("created", None)]
    assert {row["attempts"] for row in parts.rows(journal)} == {1}
    assert "envelope.failed" not in {entry["action"] for entry in told}


async def test_a_worker_that_is_stopped_gives_back_what_it_had_and_counts_no_death(
    parts: Parts, tmp_path: Path
) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(Plain):
        def parse(self, envelope: Envelope) -> Parsed:
            began.set()
            go_on.wait(WITHIN)
            return super().parse(envelope)

    worker = Worker(parts, tmp_path, Slow())
    parts.append(envelope(ANNA))
    async with running(worker):
        await asyncio.to_thread(began.wait, WITHIN)
        assert parts.rows(journal)[0]["attempts"] == 1
    go_on.set()
    (row,) = parts.rows(journal)
    assert (row["outcome"], row["claim"], row["attempts"]) == ("pending", None, 0)


async def test_a_paused_worker_claims_nothing(parts: Parts, tmp_path: Path) -> None:
    worker = Worker(parts, tmp_path)
    worker.pipeline.paused = True
    parts.append(envelope(ANNA))
    async with running(worker):
        for _ in range(50):
            await asyncio.sleep(0)
        assert parts.rows(journal)[0]["claim"] is None
        worker.pipeline.paused = False
        worker.pipeline.wake()
        await worker.until(1)


async def test_workers_of_one_process_share_the_journal_and_make_everything_once(
    store: Store, tmp_path: Path, told: list[structlog.typing.EventDict]
) -> None:
    parts = wire(store, company())
    grew = asyncio.Event()
    workers = [Worker(parts, tmp_path, grew=grew) for _ in range(3)]
    people = [{"phones": [f"+7912{n:07}"], "emails": [f"p{n}@example.com"]} for n in range(100)]
    for order in (people, people[::-1], people[50:] + people[:50]):
        parts.append(*(envelope(one) for one in order))
    async with running(*workers), asyncio.timeout(WITHIN):
        while sum(worker.settled for worker in workers) < 300:
            grew.clear()
            await grew.wait()
    assert "envelope.failed" not in {entry["action"] for entry in told}
    assert Counter(outcome for outcome, _ in parts.outcomes()) == {"created": 100, "attached": 200}
    assert (parts.count(contacts), parts.count(leads), parts.count(interactions)) == (100, 100, 300)
    assert parts.balanced()


async def test_a_channel_that_another_process_has_already_is_waited_for_once(parts: Parts, tmp_path: Path) -> None:
    adapters = Adapters({})
    parts.append(envelope(ANNA))
    claimed = parts.claim()

    def patient(seconds: float) -> Pipeline:
        return Pipeline(
            parts.store,
            parts.journal,
            parts.settler,
            Signals(),
            Files(tmp_path),
            adapters,
            at_clock(NOW),
            lambda _claimed, _what: None,
            follows_within=seconds,
        )

    waiting = asyncio.create_task(patient(WITHIN)._wait_for_channels(claimed))
    in_vain = patient(0.01)
    async with asyncio.timeout(WITHIN):
        await in_vain._wait_for_channels(claimed)
        assert in_vain.read(claimed[0]).fault == "no_channel"
        assert not waiting.done()
        adapters.change({"site": Plain()})
        await waiting
    assert in_vain._strange == {"site"}
