"""What the machine is, and what processes take of it. Memory and processor time are read from Linux's /proc."""

import contextlib
import os
import platform
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parent.parent
PROC: Final = Path("/proc/self/stat")
READY_WITHIN: Final = 20.0
_PACKAGES: Final = ("aiohttp", "uvloop", "SQLAlchemy", "psycopg", "orjson", "rapidfuzz")


class Broken(Exception):
    """A measurement that means nothing, and why."""


def facts() -> dict[str, str | int | None]:
    """The machine and the versions that a figure depends on."""
    found: dict[str, str | int | None] = {
        "processor": _of_proc("cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _of_proc("meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _of_proc(file: str, name: str) -> str | None:
    """The first value of this name in a file of /proc."""
    path = Path("/proc") / file
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def described(known: dict[str, str | int | None]) -> str:
    """Facts in one line."""
    return ", ".join(f"{name} {value or 'unknown'}" for name, value in known.items())


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@contextmanager
def process(command: Sequence[str | Path], folder: Path, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server until the block ends; what it prints goes to `name`.log in `folder`."""
    with (folder / f"{name}.log").open("wb") as log:
        running = _started(command, log)
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(READY_WITHIN)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _started(command: Sequence[str | Path], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)


def until_ready(running: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    """Return as soon as the server answers 200. Raises Broken where it ends, or is too slow."""
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            if ask(port, "GET", path)[0] == 200:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Broken(f"{running.args!r} ended with {running.wait(0.01)}; its log is beside its store")
    raise Broken(f"{running.args!r} was not ready within {READY_WITHIN:.0f} s; its log is beside its store")


def ask(
    port: int, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One request. Raises OSError."""
    connection = HTTPConnection("127.0.0.1", port, timeout=READY_WITHIN)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def memory(process_id: int) -> float:
    """Resident memory of a process and its children in megabytes (of 1024 x 1024 bytes)."""
    pages = [_of_process(one, "statm") for one in _family(process_id)]
    return sum(int(fields[1]) for fields in pages if fields) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def processor_time(process_id: int) -> float:
    """The seconds that a process and its children have run on a processor, all their threads together, children that ended too."""
    stats = [_of_process(one, "stat") for one in _family(process_id)]
    return sum(sum(map(int, fields[11:15])) for fields in stats if fields) / os.sysconf("SC_CLK_TCK")


def _family(process_id: int) -> list[int]:
    """A process, its children and theirs."""
    found = [process_id]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has just ended
                found += map(int, children.read_text(encoding="ascii").split())
    return found


def _of_process(process_id: int, file: str) -> list[str]:
    """The fields of a file of a process behind its name; none where it has just ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process_id}/{file}").read_text(encoding="utf-8").rpartition(")")[2].split()
    return []


@dataclass(slots=True)
class Busy:
    """How many cores the whole machine and one server used during a block."""

    server: float = 0.0
    all: float = 0.0


@contextmanager
def busy(process_id: int) -> Iterator[Busy]:
    """Measure a block. All zero where there is no /proc."""
    found = Busy()
    if not PROC.exists():
        yield found
        return
    began, server, everything = time.monotonic(), processor_time(process_id), _all_time()
    yield found
    seconds = time.monotonic() - began
    found.server = (processor_time(process_id) - server) / seconds
    found.all = (_all_time() - everything) / seconds


def _all_time() -> float:
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    times = [int(field) for field in fields]
    idle = times[3] + times[4]
    return (sum(times[:8]) - idle) / os.sysconf("SC_CLK_TCK")
