"""Threads beside the loop: what may block is done there, and its outcome comes back in one call."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R")


class _Order(NamedTuple):
    work: Callable[[], Any]
    done: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    patience: asyncio.TimerHandle


class Beside:
    """`count` threads that do one thing after another, started when there is something to do.

    `concurrent.futures` makes two futures of each work, with a lock and a chain of callbacks between them: 80 to 110 us where this
    takes 30, and there are hundreds a second. Daemon threads, since one that hangs must not keep the process from ending.
    """

    def __init__(self, name: str, count: int = 1) -> None:
        self._name = name
        self._count = count
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def run(self, work: Callable[[], R], within: float) -> "asyncio.Future[R]":
        """The outcome of `work`, or what it raises; TimeoutError after `within` seconds.

        Work that nobody waits for any more is not begun; what has begun goes on to its end. Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(f"the threads of {self._name} are closed")
        if not self._threads:
            self._start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        self._orders.put(_Order(work, done, loop, loop.call_later(within, _give_up, done)))
        return done

    def close(self, *, wait: bool) -> None:
        """Let the threads end when they have done what was asked for, and `wait` for that."""
        self._closed = True
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _start(self) -> None:
        for number in range(self._count):
            thread = threading.Thread(target=_serve, args=(self._orders,), name=f"{self._name}_{number}", daemon=True)
            self._threads.append(thread)
            thread.start()


def _serve(orders: "SimpleQueue[_Order | None]") -> None:
    while (order := orders.get()) is not None:
        if not order.done.done():
            _do(order)
        del order  # what was done is not kept while there is nothing to do


def _do(order: _Order) -> None:
    outcome, error = None, None
    try:
        try:
            outcome = order.work()
        except BaseException as raised:  # noqa: BLE001 - whoever asked for it meets it
            error = raised
        order.loop.call_soon_threadsafe(_tell, order, outcome, error)
    except RuntimeError:
        return  # the loop is closed, and nobody waits any more
    finally:
        del order, outcome, error  # a traceback leads to this frame, which would lead to it


def _tell(order: _Order, outcome: object, error: BaseException | None) -> None:
    order.patience.cancel()
    if order.done.done():
        return
    if error is None:
        order.done.set_result(outcome)
    else:
        order.done.set_exception(error)


def _give_up(done: "asyncio.Future[Any]") -> None:
    if not done.done():
        done.set_exception(TimeoutError())
