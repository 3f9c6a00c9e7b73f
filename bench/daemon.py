"""The product under test: the daemon as a process, as its users run it, with ten managers and the shipped way of storing."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
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
    database: Path
    seconds: float

    def pause(self) -> None:
        """Accept and store, but do not settle: by the test hook."""
        status, _ = machine.ask(self.port, "POST", "/test/worker", '{"paused": true}')
        if status != 200:
            raise Broken(f"the worker was not paused: {status}")

    def unsent(self) -> int:
        """Notices that are due, by its metrics."""
        _, text = machine.ask(self.port, "GET", "/metrics")
        line = next(line for line in text.decode().splitlines() if line.startswith('priyom_outbox{state="due"}'))
        return int(float(line.rpartition(" ")[2]))


@contextmanager
def running(folder: Path, template: Path | None = None) -> Iterator[Daemon]:
    """A daemon over a new store in `folder`, or over a copy of `template`, until the block ends."""
    database = folder / "priyom.db"
    for old in folder.glob("priyom.db*"):
        old.unlink()
    if template is not None:
        shutil.copyfile(template, database)
    port = machine.free_port()
    config = folder / "priyom.yaml"
    config.write_text(_config(port), encoding="utf-8")
    began = time.monotonic()
    with machine.process([*PRIYOM, "run", "--config", config, "--test-hooks"], folder, "priyom") as process:
        machine.until_ready(process, port, "/readyz")
        yield Daemon(process.pid, port, database, time.monotonic() - began)


def _config(port: int) -> str:
    names = [f"m{number:02d}" for number in range(MANAGERS)]
    managers = "\n".join(f"  {name}: {{name: Manager {name}}}" for name in names)
    return f"""\
http: {{host: 127.0.0.1, port: {port}}}
storage: {{url: "sqlite:///priyom.db"}}
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
