"""What this process has just stored need not be read back: it is handed over, in the order of arrival, and never lost by it."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.message import Envelope
from storage.journal import Claim, Claimed
from storage.schema import journal
from storage.store import Store
from tests.daemon.process import until
from tests.ingest.parts import Parts, company, envelope, wire
from tests.ingest.test_pipeline import ANNA, BORIS, WITHIN, Worker, running

DAY = "2026-01-05"


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


@pytest.fixture
def worker(parts: Parts, tmp_path: Path) -> Worker:
    return Worker(parts, tmp_path)


async def willing(worker: Worker) -> Claim:
    """The claim under which the worker takes the next group, once nothing older waits."""
    async with asyncio.timeout(WITHIN):
        while (claim := worker.pipeline.claim()) is None:
            await asyncio.sleep(0)
    return claim


async def stored(parts: Parts, claim: Claim | None, *envelopes: Envelope) -> list[Claimed]:
    """A group as intake stores it."""
    dated = [(one, DAY) for one in envelopes]
    _, claimed = await parts.store.run(lambda db: parts.journal.append_claimed(db, dated, claim))
    return claimed


async def test_while_older_entries_may_wait_nothing_is_handed_over(parts: Parts, worker: Worker) -> None:
    parts.append(envelope(ANNA))
    assert worker.pipeline.claim() is None
    async with running(worker):
        assert worker.pipeline.claim() is None
        await worker.until(1)
        await willing(worker)


async def test_what_is_handed_over_is_settled_with_its_attempt_counted(parts: Parts, worker: Worker) -> None:
    async with running(worker):
        claim = await willing(worker)
        worker.pipeline.hand_over(await stored(parts, claim, envelope(ANNA), envelope(BORIS)))
        await worker.until(2)
    assert [(row["outcome"], row["attempts"], row["claim"]) for row in parts.rows(journal)] == [
        ("created", 1, None)
    ] * 2
    assert parts.balanced()


@pytest.mark.parametrize("database", ["sqlite"])
async def test_what_is_handed_over_while_others_write_is_one_batch(parts: Parts, worker: Worker) -> None:
    async with running(worker):
        claim = await willing(worker)
        first, second = [await stored(parts, claim, envelope(one)) for one in (ANNA, BORIS)]
        begun, go_on = threading.Event(), threading.Event()

        def write() -> None:
            begun.set()
            go_on.wait(WITHIN)

        others = parts.store._write.run(write, WITHIN)
        await until(begun.is_set)
        worker.pipeline.hand_over(first)
        await until(parts.store._write._orders.qsize)
        worker.pipeline.hand_over(second)
        go_on.set()
        await others
        await worker.until(2)
    assert worker.batches == [2]


async def test_a_group_that_went_to_the_journal_is_claimed_there(parts: Parts, worker: Worker) -> None:
    async with running(worker):
        await willing(worker)
        await stored(parts, None, envelope(ANNA))
        worker.pipeline.hand_over(None)
        assert worker.pipeline.claim() is None
        await worker.until(1)
        await willing(worker)


async def test_a_paused_worker_takes_nothing(worker: Worker) -> None:
    async with running(worker):
        await willing(worker)
        worker.pipeline.paused = True
        assert worker.pipeline.claim() is None


async def test_no_more_is_handed_over_than_a_worker_should_have_in_hand(parts: Parts, worker: Worker) -> None:
    async with running(worker):
        claim = await willing(worker)
        worker.pipeline.hand_over(
            await stored(parts, claim, *(envelope({"phones": [f"+7912{n:07}"]}) for n in range(200)))
        )
        assert worker.pipeline.claim() is None
        await worker.until(200)


async def test_what_is_stored_for_a_worker_that_stops_is_free_and_its_attempt_does_not_count(
    parts: Parts, worker: Worker
) -> None:
    async with running(worker):
        claim = await willing(worker)
        # Received now: a claim lasts from the receipt, and one that is over by the store's clock the worker itself may take.
        await stored(parts, claim, envelope(ANNA, datetime.now(UTC)))
    (row,) = parts.rows(journal)
    assert (row["outcome"], row["attempts"], row["claim"]) == ("pending", 0, None)
