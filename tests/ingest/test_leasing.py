"""The leases of a process: taken, handed on, and let go in time by whoever can no longer renew them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingest.leasing import Leases, while_held
from storage.names import Names
from storage.store import Store

SPAN = timedelta(seconds=0.6)
WITHIN = 10


@pytest.fixture
def database() -> str:
    """What is tested here is no matter of the database."""
    return "sqlite"


@asynccontextmanager
async def running(store: Store, holder: str, *wanted: str, span: timedelta = SPAN) -> AsyncIterator[Leases]:
    """The leases of a process, until it is stopped in order."""
    leases = Leases(store, Names(), holder, span)
    leases.want("test", wanted)
    task = asyncio.create_task(leases.run())
    try:
        yield leases
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(leases: Leases, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():
            await leases.changed.wait()


async def test_what_one_process_gives_back_another_takes_with_the_next_epoch(store: Store) -> None:
    async with running(store, "b") as second:
        async with running(store, "a", "watch") as first:
            await until(first, lambda: bool(first.held))
            second.want("test", {"watch"})
        assert first.held == {}
        await until(second, lambda: bool(second.held))
        assert second.held == {"watch": 2}


async def test_a_process_that_cannot_renew_lets_go_before_the_lease_ends(store: Store) -> None:
    loop = asyncio.get_running_loop()
    async with running(store, "a", "watch") as leases:
        await until(leases, lambda: bool(leases.held))
        assert leases._lapsing is not None
        assert leases._lapsing.when() < loop.time() + SPAN.total_seconds() * 0.9
        store.transact(lambda db: db.execute(sa.text("ALTER TABLE leases RENAME TO taken_away")))
        await until(leases, lambda: not leases.held)
        store.transact(lambda db: db.execute(sa.text("ALTER TABLE taken_away RENAME TO leases")))
        await until(leases, lambda: bool(leases.held))


async def test_work_is_done_while_its_lease_is_held_and_begun_anew_with_the_next(store: Store) -> None:
    began: asyncio.Queue[int] = asyncio.Queue()
    ended: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        began.put_nowait(1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.put_nowait(1)

    async with asyncio.timeout(WITHIN), running(store, "a", span=timedelta(minutes=1)) as leases:
        task = asyncio.create_task(while_held(leases, "watch", work))
        await began.get()
        leases.want("watch", ())
        await ended.get()
        leases.want("watch", {"watch"})
        await began.get()
        assert leases.held == {"watch": 2}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert ended.qsize() == 1


async def test_what_fails_under_a_lease_is_heard_by_whoever_keeps_it_running(store: Store) -> None:
    async def work() -> None:
        raise ValueError("broken")

    async with asyncio.timeout(WITHIN), running(store, "a") as leases:
        with pytest.raises(ValueError, match="broken"):
            await while_held(leases, "watch", work)
