"""A task that dies is started again; one that keeps dying makes its process one that is not ready."""

import asyncio
import subprocess
import sys

from ingest.rounds import Rounds
from ingest.supervise import PERSISTENT, Supervisor


class Dying:
    """Dies as often as it is told to, then goes on."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.calm = asyncio.Event()

    async def run(self) -> None:
        if self.left:
            self.left -= 1
            raise RuntimeError("a defect")
        self.calm.set()
        await asyncio.Event().wait()


class DyingRounds(Rounds):
    """Dies in its first round."""

    def __init__(self) -> None:
        super().__init__(None)
        self.calm = asyncio.Event()
        self.rounds = 0

    async def _round(self) -> None:
        self.rounds += 1
        if self.rounds == 1:
            raise RuntimeError("a defect")
        self.calm.set()


async def failing_after(deaths: int) -> list[str]:
    """What is failing when a task runs at last."""
    task, supervisor = Dying(deaths), Supervisor(pauses=(0.0,))
    supervisor.start("pipeline", task.run)
    await asyncio.wait_for(task.calm.wait(), 10)
    failing = supervisor.failing()
    await supervisor.stop()
    return failing


async def test_a_task_that_dies_once_is_started_again_and_nothing_is_said_of_it() -> None:
    assert await failing_after(1) == []


async def test_a_task_that_dies_again_and_again_is_failing_until_it_has_had_a_calm_minute() -> None:
    assert await failing_after(PERSISTENT) == ["pipeline"]


async def test_a_loop_that_died_in_its_round_goes_round_again_though_nobody_rings() -> None:
    task = DyingRounds()
    supervisor = Supervisor(pauses=(0.0,))
    supervisor.start("sending", task.run)
    await asyncio.wait_for(task.calm.wait(), 10)
    await supervisor.stop()


def test_a_process_with_a_thread_that_never_ends_ends_in_time() -> None:
    hanging = "from threading import Event, Thread; from ingest.supervise import end_in_time; "
    hanging += "Thread(target=Event().wait).start(); end_in_time(0.01)"
    ended = subprocess.run([sys.executable, "-c", hanging], capture_output=True, text=True, check=True, timeout=20)
    assert "daemon.cut_off" in ended.stdout + ended.stderr
