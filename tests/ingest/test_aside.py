"""Work beside the loop: one thread for all of it, unless something hangs."""

import threading

import pytest

from ingest.pipeline.aside import Aside

WITHIN = 20


async def test_one_thread_does_one_thing_after_the_other() -> None:
    aside: Aside[int] = Aside("test")
    first, second = [await aside.run(threading.get_ident, WITHIN) for _ in range(2)]
    aside.close()
    assert first == second != threading.get_ident()


async def test_what_hangs_is_left_behind_and_the_next_work_has_another_thread() -> None:
    aside: Aside[threading.Thread] = Aside("test")
    go_on, hung = threading.Event(), []

    def hangs() -> threading.Thread:
        hung.append(threading.current_thread())
        go_on.wait(WITHIN)
        return hung[0]

    with pytest.raises(TimeoutError):
        await aside.run(hangs, 0.01)
    other = await aside.run(threading.current_thread, WITHIN)
    aside.close()
    go_on.set()
    for thread in (*hung, other):
        thread.join(WITHIN)
    assert other not in hung
    assert not any(thread.is_alive() for thread in (*hung, other))


async def test_a_thread_that_is_closed_ends_and_another_begins_where_one_is_needed() -> None:
    aside: Aside[threading.Thread] = Aside("test")
    first = await aside.run(threading.current_thread, WITHIN)
    aside.close()
    first.join(WITHIN)
    assert not first.is_alive()
    second = await aside.run(threading.current_thread, WITHIN)
    aside.close()
    assert second is not first
