"""Workers that are processes of their own over one store: two of them, which begin together whenever they are told to."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.store import Store

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Two:
    """Two programs of `tests.ingest.parts`."""

    processes: "Sequence[subprocess.Popen[str]]"

    def work(self, how: Literal["once", "until nothing is left"]) -> list[int]:
        """Both at once: a batch each, or all; how many each of them settled."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{how}\n")
            process.stdin.flush()
        return [int(_line(process)) for process in self.processes]


@contextmanager
def two(store: Store, batch: int) -> Iterator[Two]:
    """Two that take so many at a time. They end well."""
    command = [sys.executable, "-m", "tests.ingest.parts", store.url.render_as_string(hide_password=False), str(batch)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as running:
        started = [running.enter_context(subprocess.Popen(command, cwd=ROOT, **pipes)) for _ in range(2)]
        assert [_line(process) for process in started] == ["ready\n"] * 2
        yield Two(started)
    assert [process.returncode for process in started] == [0, 0]


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
