"""Workers that are processes of their own over one store: two of them, which begin together whenever they are told to."""

import atexit
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from storage.store import Store

ROOT = Path(__file__).parents[2]

Processes = Sequence["subprocess.Popen[str]"]


@dataclass(frozen=True, slots=True)
class Two:
    """Two programs of `tests.ingest.parts`."""

    processes: Processes

    def work(self, how: Literal["once", "until nothing is left"]) -> list[int]:
        """Both at once: a batch each, or all; how many each of them settled."""
        return [int(answer) for answer in _told(self.processes, how)]


@contextmanager
def two(store: Store, batch: int) -> Iterator[Two]:
    """Two that take so many at a time. They are those of the test before, which saves their imports, unless it failed."""
    processes = _processes()
    try:
        assert _told(processes, f"{store.url.render_as_string(hide_password=False)} {batch}") == ["ready\n"] * 2
        yield Two(processes)
        assert _told(processes, "") == ["closed\n"] * 2
    except BaseException:
        _processes.cache_clear()
        raise


@cache
def _processes() -> Processes:
    command = [sys.executable, "-m", "tests.ingest.parts"]
    made = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in made:
        atexit.register(_end, process)
    return made


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def _told(processes: Processes, line: str) -> list[str]:
    """What they answer to a line that both get before either answers."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    return [process.stdout.readline() for process in processes if process.stdout is not None]
