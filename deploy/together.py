"""`make together`: two receivers, two workers, a listener and the desk as processes of this machine, over PostgreSQL and Valkey.

Both servers come from the wheels of the tests, start empty and are gone with the last process; a server of one's own is taken
instead where PRIYOM_STORAGE_URL or PRIYOM_REDIS_URL names it, and what is in it stays. Ctrl-C stops everything in order.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from tests import postgres, valkey

ROOT: Final = Path(__file__).parents[1]
PRIYOM: Final = (sys.executable, "-m", "ingest")
PROCESSES: Final = ("receive", "receive", "work", "work", "listen", "desk")
SPEAKING: Final = ("work", "desk")
"""Roles with something to say on standard output: notices where no other route is configured, and the link to the desk."""
STARTS_WITHIN: Final = 60.0
STOPS_WITHIN: Final = 30.0
LOOK_EVERY: Final = 0.05


class Failed(Exception):
    """What did not work, in a sentence."""


@dataclass(frozen=True, slots=True)
class Process:
    """One of the processes, and where it answers."""

    name: str
    url: str
    running: "subprocess.Popen[bytes]"


def main() -> int:
    """Run until Ctrl-C or SIGTERM; 0, or 1 where a process does not start, ends by itself or does not stop in order."""
    arguments = argparse.ArgumentParser(prog="python -m deploy.together", description=__doc__)
    arguments.add_argument(
        "--config", type=Path, default=ROOT / "deploy" / "config.yaml", help="one that reads the environment"
    )
    arguments.add_argument(
        "--port", type=int, default=8080, help="of the first process; the others have those after it"
    )
    given = arguments.parse_args()
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    try:
        with contextlib.ExitStack() as stack:
            environment = {**os.environ, **stack.enter_context(servers(os.environ))}
            migrate(given.config, environment)
            processes = stack.enter_context(started(given.config, environment, given.port))
            introduce(processes, given.config, environment)
            watch(processes, told)
    except Failed as error:
        print(f"together: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def servers(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The variables that name a database, a Valkey and a folder of files where none are given. Raises Failed."""
    with contextlib.ExitStack() as stack:
        found: dict[str, str] = {}
        try:
            if not environment.get("PRIYOM_STORAGE_URL"):
                found["PRIYOM_STORAGE_URL"] = stack.enter_context(postgres.running()).create("priyom")
            if not environment.get("PRIYOM_REDIS_URL"):
                found["PRIYOM_REDIS_URL"] = stack.enter_context(valkey.running()).url
        except (postgres.Missing, valkey.Missing) as error:
            raise Failed(f"{error}; name a server by PRIYOM_STORAGE_URL and PRIYOM_REDIS_URL") from error
        if not environment.get("PRIYOM_FILES"):
            found["PRIYOM_FILES"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="priyom"))
        yield found


def migrate(config: Path, environment: Mapping[str, str]) -> None:
    """Bring the schema up, once, before anybody needs it."""
    done = subprocess.run([*PRIYOM, "migrate", "--config", config], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise Failed("the schema could not be brought up")


@contextlib.contextmanager
def started(config: Path, environment: Mapping[str, str], port: int) -> Iterator[Sequence[Process]]:
    """The processes, ready; stopped in order at the end. Raises Failed."""
    processes: list[Process] = []
    try:
        for number, role in enumerate(PROCESSES):
            processes.append(start(config, environment, role, port + number if port else postgres.free_port()))
        deadline = time.monotonic() + STARTS_WITHIN
        for process in processes:
            await_ready(process, deadline)
        yield processes
    except BaseException:
        stop(processes)
        raise
    if bad := stop(processes):
        raise Failed("; ".join(bad))
    print("together: all stopped.", flush=True)


def start(config: Path, environment: Mapping[str, str], role: str, port: int) -> Process:
    """One process. It is in a group of its own: Ctrl-C is ours to pass on."""
    running = subprocess.Popen(
        [*PRIYOM, "run", "--config", config, "--roles", role],
        cwd=ROOT,
        env={**environment, "PRIYOM_HOST": "127.0.0.1", "PRIYOM_PORT": str(port)},
        stdout=None if role in SPEAKING else subprocess.DEVNULL,
        process_group=0,
    )
    return Process(role, f"http://127.0.0.1:{port}", running)


def await_ready(process: Process, deadline: float) -> None:
    """Return when it says that it is ready. Raises Failed."""
    while not answers(f"{process.url}/readyz"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Failed(f"{process.name} at {process.url} ended with {process.running.wait(LOOK_EVERY)}")
        if time.monotonic() > deadline:
            raise Failed(f"{process.name} at {process.url} is not ready after {STARTS_WITHIN:.0f} s")


def answers(url: str) -> bool:
    """Whether there is a 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


def introduce(processes: Sequence[Process], config: Path, environment: Mapping[str, str]) -> None:
    """Say where everything is, and what to try."""
    for process in processes:
        print(f"  {process.name:8} {process.url}  process {process.running.pid}")
    desk = next(process for process in processes if process.name == "desk")
    port = desk.url.rpartition(":")[2]
    print(f"\n  curl -d 'name=Анна' -d 'phone=8 912 345-67-89' {processes[0].url}/in/site")
    print(f"  PRIYOM_PORT={port} PRIYOM_STORAGE_URL={environment['PRIYOM_STORAGE_URL']} \\")
    print(f"    .venv/bin/priyom leads --config {config}")
    print("\ntogether: ready. Kill any of them and see what is lost; Ctrl-C stops all.", flush=True)


def watch(processes: Sequence[Process], told: threading.Event) -> None:
    """Until we are told to stop; a process that ends before is said, and the others go on: that is what they are several for."""
    ended: set[int] = set()
    while not told.wait(0.5):
        for process in processes:
            if process.running.pid not in ended and process.running.poll() is not None:
                ended.add(process.running.pid)
                print(f"together: {process.name} at {process.url} ended with {process.running.returncode}", flush=True)


def stop(processes: Sequence[Process]) -> list[str]:
    """SIGTERM to all that run, and wait; those that ended badly or had to be killed."""
    alive = [process for process in processes if process.running.poll() is None]
    for process in alive:
        process.running.terminate()
    deadline = time.monotonic() + STOPS_WITHIN
    bad: list[str] = []
    for process in alive:
        try:
            code = process.running.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.running.kill()
            code = process.running.wait()
        if code != 0:
            bad.append(f"{process.name} ended with {code}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
