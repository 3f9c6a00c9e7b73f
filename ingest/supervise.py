"""Tasks that must not die unnoticed: each is named, restarted with growing pauses, and shows how it stands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

PAUSES: Final = (0.05, 0.5, 2.0, 10.0, 30.0)
CALM: Final = 60.0
CALLS: Final = 4
CALL_AGAIN: Final = 0.5

log = structlog.get_logger("priyom.supervise")


class Supervisor:
    """Runs coroutines for as long as the daemon runs."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.failing: dict[str, str] = {}

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
            except Exception as error:
                log.exception("a task died and is started again", action="task.died", task=name)
                self.failing[name] = type(error).__name__
            falls = 0 if loop.time() - began > CALM else falls + 1
            await asyncio.sleep(PAUSES[min(falls, len(PAUSES)) - 1] if falls else PAUSES[0])
            self.failing.pop(name, None)

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
