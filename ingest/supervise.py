"""Tasks that must not die unnoticed: each is named, restarted with growing pauses, and shows how it stands."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

PAUSES: Final = (0.05, 0.5, 2.0, 10.0, 30.0)
CALM: Final = 60.0
PERSISTENT: Final = 3
"""So many deaths without a calm minute between them, and a task counts as failing until it has had one."""
CALLS: Final = 4
CALL_AGAIN: Final = 0.5

log = structlog.get_logger("priyom.supervise")


class Supervisor:
    """Runs coroutines for as long as the daemon runs."""

    def __init__(self, pauses: Sequence[float] = PAUSES) -> None:
        self._pauses = pauses
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fallen: dict[str, tuple[int, float]] = {}

    def failing(self) -> list[str]:
        """The tasks that die again and again: what they do is not done."""
        now = asyncio.get_running_loop().time()
        return sorted(name for name, (falls, at) in self._fallen.items() if falls >= PERSISTENT and now - at < CALM)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep `work` running under `name`."""
        self._tasks[name] = asyncio.create_task(self._keep(name, work), name=name)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        falls = 0
        while True:
            began = loop.time()
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a task died and is started again", action="task.died", task=name)
            ended = loop.time()
            falls = 1 if ended - began > CALM else falls + 1
            pause = self._pauses[min(falls, len(self._pauses)) - 1]
            self._fallen[name] = (falls, ended + pause)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Cancel all and wait for their end; one that did not hear it, in a library of somebody else's, is told again."""
        running = set(self._tasks.values())
        for _ in range(CALLS):
            for task in running:
                task.cancel()
            if running:
                _, running = await asyncio.wait(running, timeout=CALL_AGAIN)
        for task in running:
            log.error("a task does not end", action="task.stuck", task=task.get_name())
        self._tasks.clear()


def end_in_time(within: float) -> None:
    """From now on the process has so many seconds to end; then it goes as if it were killed, which is safe at any moment."""

    def end() -> None:
        log.warning("ended before the store answered", action="daemon.cut_off", seconds=within)
        os._exit(0)

    timer = threading.Timer(within, end)
    timer.daemon = True
    timer.start()
