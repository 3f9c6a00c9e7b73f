"""The product under test: the daemon as a process, as its users run it, with ten managers and the shipped way of storing."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import machine
from bench.machine import Broken

MANAGERS: Final = 10
# Not the console script, which may run another checkout than this one.
PRIYOM: Final = (sys.executable, "-m", "ingest")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is ready. `seconds` is how long that took."""

    process_id: int
    port: int
    url: str
    seconds: float

    def pause(self) -> None:
        """Accept and store, but do not settle: by the test hook."""
        self._work(paused=True)

    def resume(self) -> None:
        """Settle what has gathered."""
        self._work(paused=False)

    def _work(self, *, paused: bool) -> None:
        status, _ = machine.ask(self.port, "POST", "/test/worker", f'{{"paused": {str(paused).lower()}}}')
        if status != 200:
            raise Broken(f"the worker was not paused or not resumed: {status}")

    def unsent(self) -> int:
        """Notices that are due, by its metrics."""
        _, text = machine.ask(self.port, "GET", "/metrics")
        line = next(line for line in text.decode().splitlines() if line.startswith('priyom_outbox{state="due"}'))
        return int(float(line.rpartition(" ")[2]))


@contextmanager
def running(folder: Path, template: Path | None = None) -> Iterator[Daemon]:
    """A daemon over a new SQLite store in `folder`, or over a copy of `template`, until the block ends."""
    database = folder / "priyom.db"
    for old in folder.glob("priyom.db*"):
        old.unlink()
    if template is not None:
        shutil.copyfile(template, database)
    with serving(folder, f"sqlite:///{database}") as product:
        yield product


@contextmanager
def serving(
    folder: Path,
    url: str,
    *,
    roles: str = "",
    name: str = "priyom",
    configured: Callable[[int, str], str] | None = None,
) -> Iterator[Daemon]:
    """A daemon over the store that is there, until the block ends. Without `roles` it has all, alone.

    `configured` writes another configuration than the usual one, of a port and the store's URL.
    """
    port = machine.free_port()
    config = folder / f"{name}.yaml"
    config.write_text((configured or configuration)(port, url), encoding="utf-8")
    command: list[str | Path] = [
        *PRIYOM,
        "run",
        "--config",
        config,
        "--test-hooks",
        *(["--roles", roles] if roles else []),
    ]
    began = time.monotonic()
    with machine.process(command, folder, name) as process:
        machine.until_ready(process, port, "/readyz")
        yield Daemon(process.pid, port, url, time.monotonic() - began)


def configuration(port: int, url: str) -> str:
    """A form, a team, and managers without a limit."""
    names = [f"m{number:02d}" for number in range(MANAGERS)]
    managers = "\n".join(f"  {name}: {{name: Manager {name}}}" for name in names)
    return f"""\
http: {{host: 127.0.0.1, port: {port}}}
storage: {{url: "{url}"}}
channels:
  site: {{kind: webform, source: Site}}
managers:
{managers}
teams:
  sales: {{managers: [{", ".join(names)}]}}
"""


def help_seconds() -> float:
    """How long `priyom --help` takes."""
    began = time.monotonic()
    subprocess.run([*PRIYOM, "--help"], stdout=subprocess.DEVNULL, check=True, cwd=machine.ROOT)
    return time.monotonic() - began
