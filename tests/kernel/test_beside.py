"""Threads beside the loop: outcomes and errors come back, in time or not at all."""

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from kernel.beside import Beside

WITHIN = 20


class Broken(Exception):
    """What a work raises."""


async def test_what_comes_of_work_comes_back_from_another_thread() -> None:
    threads = Beside("test")
    assert await threads.run(threading.get_ident, WITHIN) != threading.get_ident()
    threads.close(wait=True)


async def test_what_work_raises_is_raised_where_it_is_awaited_and_the_thread_goes_on() -> None:
    threads = Beside("test")

    def fails() -> None:
        raise Broken

    with pytest.raises(Broken):
        await threads.run(fails, WITHIN)
    assert await threads.run(lambda: 1, WITHIN) == 1
    threads.close(wait=True)


async def test_so_many_works_are_done_at_once_as_there_are_threads() -> None:
    threads = Beside("test", 3)
    together = threading.Barrier(3)
    await asyncio.gather(*(threads.run(partial(together.wait, WITHIN), WITHIN) for _ in range(3)))
    threads.close(wait=True)


async def test_work_that_nobody_waits_for_any_more_is_not_begun() -> None:
    threads = Beside("test")
    go_on, done = threading.Event(), []
    first = threads.run(partial(go_on.wait, WITHIN), WITHIN)
    late = threads.run(lambda: done.append("late"), 0.01)
    with pytest.raises(TimeoutError):
        await late
    threads.run(lambda: done.append("cancelled"), WITHIN).cancel()
    go_on.set()
    await first
    await threads.run(lambda: done.append("last"), WITHIN)
    threads.close(wait=True)
    assert done == ["last"]


async def test_work_that_takes_too_long_goes_on_and_is_not_told_of() -> None:
    threads = Beside("test")
    go_on, done = threading.Event(), []

    def slow() -> None:
        go_on.wait(WITHIN)
        done.append("slow")

    with pytest.raises(TimeoutError):
        await threads.run(slow, 0.01)
    go_on.set()
    await threads.run(lambda: done.append("next"), WITHIN)
    threads.close(wait=True)
    assert done == ["slow", "next"]


async def test_closing_waits_for_what_was_asked_for_and_takes_nothing_new() -> None:
    threads = Beside("test")
    done: list[int] = []
    asked = [threads.run(partial(done.append, number), WITHIN) for number in range(3)]
    threads.close(wait=True)
    assert done == [0, 1, 2]
    await asyncio.gather(*asked)
    with pytest.raises(RuntimeError, match="closed"):
        threads.run(done.clear, WITHIN)


def test_a_loop_that_is_closed_meanwhile_is_told_nothing() -> None:
    threads = Beside("test")
    go_on, after = threading.Event(), threading.Event()

    async def ask() -> None:
        threads.run(partial(go_on.wait, WITHIN), WITHIN)
        threads.run(after.set, WITHIN)

    asyncio.run(ask())
    go_on.set()
    assert after.wait(WITHIN)
    threads.close(wait=True)


class Thing:
    """Something that is to be forgotten."""


async def test_nothing_of_work_that_failed_is_kept() -> None:
    threads = Beside("test")

    async def failed() -> "weakref.ref[Thing]":
        thing = Thing()

        def fails(_: Thing) -> None:
            raise Broken

        with pytest.raises(Broken):
            await threads.run(partial(fails, thing), WITHIN)
        return weakref.ref(thing)

    gc.disable()
    try:
        kept = await failed()
        await threads.run(lambda: None, WITHIN)
        assert kept() is None
    finally:
        gc.enable()
        threads.close(wait=True)
