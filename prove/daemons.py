"""The daemon's processes: started, killed, stopped, stood still, and started again whoever ended them."""

import asyncio
import contextlib
import os
import resource
import signal
import threading
from pathlib import Path
from typing import IO, Final

import yaml

from prove.company import ENVIRONMENT, Json
from prove.nursery import Child

STARTS_WITHIN: Final = 60.0
STOPS_WITHIN: Final = 15.0
LOOK_EVERY: Final = 0.03
LEASE: Final = "5s"
"""Of listening, by the hook for tests; others are shortened by `prove.launch`."""
GREETING: Final = "priyom is listening."


class Lost(Exception):
    """A daemon does not start, or not stop: nothing can be proved any more. The message says what it said."""


class Daemon:
    """One process over a configuration of its own. `life` counts those before it."""

    def __init__(self, folder: Path, name: str, port: int, sabotage: str, roles: str = "") -> None:
        self.name = name
        self.port = port
        self.config = folder / f"{name}.yaml"
        self.life = 0
        self._greeted = False
        self._heard = False
        self._log = folder / f"{name}.log"
        self._sabotage = sabotage
        self._roles = roles
        self._process: Child | None = None

    def configure(self, document: Json) -> None:
        """Write the file; the process reads it at its start, or on SIGHUP."""
        written = self.config.with_suffix(".new")
        written.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
        written.replace(self.config)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def up(self) -> bool:
        """Whether the process runs and has got so far as to greet."""
        return self._greeted and self.alive

    async def start(self, *, mended: bool = False) -> None:
        """Start and return when it greets. `mended`: without the planted bugs in its reader. Raises Lost."""
        arguments = ["run", "--config", str(self.config), "--test-hooks"]
        arguments += ["--roles", self._roles] if self._roles else []
        planted = [self._sabotage or "-", "mended" if mended else "-"]
        process = self._process = Child([*planted, *arguments], environment())
        self.life += 1
        self._greeted = self._heard = False
        greeted = asyncio.Event()
        loop = asyncio.get_running_loop()
        # By pipes, as a service manager has them: a full disk must not be full for what is said about it.
        for source, is_out in ((process.out, True), (process.err, False)):
            said = {"is_out": is_out, "loop": loop, "greeted": greeted}
            threading.Thread(target=self._keep, args=(source,), kwargs=said, daemon=True).start()
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                await greeted.wait()
        except TimeoutError as error:
            self.signal(signal.SIGKILL)
            raise Lost(f"{self.name} does not start within {STARTS_WITHIN:.0f} s: see {self._log}") from error
        code = None if self._heard else await self.ended()
        if code is not None and code != -signal.SIGKILL:
            raise Lost(f"{self.name} ended at its start with {code}: see {self._log}")
        self._greeted = self._heard

    def _keep(
        self,
        source: IO[bytes],
        *,
        is_out: bool,
        loop: asyncio.AbstractEventLoop,
        greeted: asyncio.Event,
    ) -> None:
        with self._log.open("ab") as log, contextlib.closing(source):
            for line in source:
                log.write(line)
                log.flush()
                if is_out and line.decode().startswith(GREETING):
                    self._heard = True
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(greeted.set)
        if is_out:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(greeted.set)

    def signal(self, number: int) -> bool:
        """Send a signal; whether there was anybody to hear it."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    async def ended(self, within: float = STOPS_WITHIN) -> int | None:
        """The exit code as soon as there is one; None where it lives on."""
        assert self._process is not None
        until = asyncio.get_running_loop().time() + within
        while (code := self._process.poll()) is None and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(LOOK_EVERY)
        return code

    def fill_disk(self, room: int | None) -> bool:
        """No file of this process may grow beyond `room` bytes now; None: all there is room for. False where that cannot be."""
        if not hasattr(resource, "prlimit") or self._process is None or not self.alive:
            return False
        hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (hard if room is None else room, hard))
        return True


def environment() -> dict[str, str]:
    """Ours, in which compiled code is kept: hundreds of daemons would otherwise compile the same modules again."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | ENVIRONMENT | {"PRIYOM_LEASE": LEASE}
