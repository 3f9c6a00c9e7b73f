"""A process that has imported priyom once and forks a daemon or a command off whenever a test wants one.

Importing takes a second of the processor's time, and for Telegram four; a fork takes a hundredth of one, and tests start many
processes. What runs is `ingest.__main__.main` with its own arguments, environment, folder, output and signals, as a process that is
killed and waited for like any other. That it also starts from nothing is what test_together, `make bench` and the tests of the
command line show.

Spoken to over a socket of whole messages: each asks for one process and brings its standard output, its standard error and a
socket on which its id and later its exit code are told.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HATCHED: Final = (
    "ingest.cli",
    "ingest.client",
    "ingest.daemon",
    "channels.mail",
    "channels.telegram.bot_api",
    "channels.telephony",
    "channels.vk.api",
    "channels.webform",
    "psycopg",
    "uvloop",
)
"""What a daemon or a command imports, sooner or later."""
SHORT_LEASES: Final = "TEST_LEASES"
"""Seconds after which whatever a dead process had taken in hand is free again, in the environment of a daemon."""
_HEAD: Final = 4


class Forked:
    """A process of the nest: as much of `subprocess.Popen` as the tests use. `out` and `err` stay the caller's to close."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> None:
        self._status, theirs = socket.socketpair()
        self._code: int | None = None
        self._waiting = threading.Lock()
        with theirs:
            _nest().ask(json.dumps([list(arguments), dict(environment)]).encode(), [out, err, theirs.fileno()])
        self.pid = int(_line(self._status))

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal. Raises TimeoutExpired."""
        if self._code is not None:
            return self._code
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired("priyom", timeout or 0)
        try:
            return self._ended(timeout)
        finally:
            self._waiting.release()

    def _ended(self, timeout: float | None) -> int:
        """`wait` for the one thread at a time that may read."""
        if self._code is None:
            ready, _, _ = select.select([self._status], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("priyom", timeout or 0)
            self._code = int(_line(self._status))
            self._status.close()
        return self._code

    def send_signal(self, number: int) -> None:
        """Nothing for a process that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run(arguments: Sequence[str], environment: Mapping[str, str], within: float) -> "subprocess.CompletedProcess[str]":
    """A command to its end, with what it said. Raises TimeoutExpired."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        command = Forked(arguments, environment, out.fileno(), err.fileno())
        try:
            code = command.wait(within)
        finally:
            command.kill()
        for said in (out, err):
            said.seek(0)
        return subprocess.CompletedProcess(list(arguments), code, out.read(), err.read())


def _line(status: socket.socket) -> bytes:
    """One line, read byte by byte, since what follows it may be another's turn to read."""
    line = b""
    while not line.endswith(b"\n"):
        byte = status.recv(1)
        if not byte:
            raise ConnectionError("the process that forks is gone")
        line += byte
    return line


class _Nest:
    """The process that forks, for as long as the tests run."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.daemon.nest", str(theirs.fileno())],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.close)

    def ask(self, message: bytes, files: list[int]) -> None:
        """One process more."""
        with self._lock:
            socket.send_fds(self._socket, [len(message).to_bytes(_HEAD, "big")], files)
            self._socket.sendall(message)

    def close(self) -> None:
        """It ends by itself when nobody can ask it any more."""
        self._socket.close()
        self._process.wait()


@cache
def _nest() -> _Nest:
    return _Nest()


def main(descriptor: int) -> None:
    """Import, and fork for whoever asks, until nobody can."""
    importlib.import_module("ingest.cli.run")._import_quickly()
    for name in HATCHED:
        importlib.import_module(name)
    gc.freeze()
    asked = socket.socket(fileno=descriptor)
    while True:
        head, files, _flags, _address = socket.recv_fds(asked, _HEAD, 3)
        _bury()
        if not head:
            return
        message = asked.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        if os.fork() == 0:
            asked.close()
            _mind(message, *files)
        for file in files:
            os.close(file)


def _bury() -> None:
    """Let those go that have ended; their time is then told of as ours."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _mind(message: bytes, out: int, err: int, status: int) -> None:
    """In a fork: fork once more, tell the id, wait, tell the exit code."""
    child = os.fork()
    if child == 0:
        os.close(status)
        arguments, environment = json.loads(message)
        _become(arguments, environment, out, err)
    os.close(out)
    os.close(err)
    os.write(status, f"{child}\n".encode())
    _child, ended = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], out: int, err: int) -> None:
    """In a fork of the fork: what `python -m ingest` does, and end as that does."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    # Streams know what they were opened on. These are as with PYTHONUNBUFFERED.
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(file, "wb", 0), write_through=True) for file in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["priyom", *arguments]
    if seconds := environment.get(SHORT_LEASES):
        importlib.import_module("prove.launch").shorten_leases(timedelta(seconds=float(seconds)))
    importlib.import_module("ingest.cli").main()


if __name__ == "__main__":
    main(int(sys.argv[1]))
