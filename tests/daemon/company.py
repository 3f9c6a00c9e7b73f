"""A company of several processes over one PostgreSQL, spoken to as if it were one daemon: a stand-in that tests run over unchanged.

Two processes receive, and what is posted goes to each in turn; one of them is the desk. One more listens, and two work. Test hooks
reach them all.
"""

import contextlib
import itertools
import random
import signal
import subprocess
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.daemon.nest import SHORT_LEASES
from tests.daemon.process import DEADLINE, STOPS_WITHIN, Answer, Client, Daemon, Process, free_port

ROLES: Final = ("receive,desk", "receive", "listen", "work", "work")
"""Of the processes; the first has the port of the company, the others have ports of their own."""
LEASE: Final = 4.0
"""Seconds for which a process that is not heard is believed to live, and what it had taken to be in hand."""


class Company(Daemon):
    """One store and its configuration, and the processes over it. What was killed comes back with the next `start`."""

    def __init__(self, folder: Path, store_url: str, redis_url: str | None, **sections: Any) -> None:
        self._ports: list[int] = []
        redis = {} if redis_url is None else {"redis": {"url": redis_url}}
        super().__init__(folder, **redis, **sections)
        self.store_url = store_url
        self._ports = [self.port, *(free_port() for _ in ROLES[1:])]
        self.processes = [self.process, *(Process(self.path, self._log, self.printed, self._over) for _ in ROLES[1:])]

    @property
    def _listen_at(self) -> int | str:
        return f"${{TEST_PORT:-{self.port}}}"

    def launch(self, *, crash_at: str = "", roles: str = "", **environment: str) -> None:
        """Start whatever does not run, without waiting."""
        assert not roles, "a company has its own"
        leases = {"PRIYOM_LEASE": f"{LEASE:.0f}s", SHORT_LEASES: str(LEASE)}
        given = self._environment(PRIYOM_CRASH_AT=crash_at, **leases, **environment)
        for process, role, port in zip(self.processes, ROLES, self._ports, strict=True):
            if not process.alive:
                process.launch(role, given | {"TEST_PORT": str(port)})

    def greeted(self, *, crash_at: str = "") -> None:
        """Return when all greet."""
        for process in self.processes:
            process.greeted(may_end=bool(crash_at))

    @property
    def alive(self) -> bool:
        """Whether all run."""
        return all(process.alive for process in self.processes)

    def stop(self) -> int:
        """SIGTERM to all; an exit code that is not 0, if there is one. Raises TimeoutExpired where that takes too long."""
        self._signal(signal.SIGTERM)
        return next(filter(None, self._codes()), 0)

    def kill(self) -> None:
        """SIGKILL to all."""
        self._signal(signal.SIGKILL)
        self._codes()

    def strike(self, chance: random.Random) -> None:
        """SIGKILL to some of them, seldom to all."""
        struck = chance.sample(self.processes, chance.choice((1, 1, 1, 2, 2, len(self.processes))))
        for process in struck:
            process.send_signal(signal.SIGKILL)
        for process in struck:
            process.ended(STOPS_WITHIN)

    def ended(self, within: float = DEADLINE) -> int:
        """Wait until a crash point ends one of them; its exit code. The others go on, and none of theirs is armed any more."""
        with self._over:
            if not self._over.wait_for(lambda: not self.alive, within):
                raise subprocess.TimeoutExpired("priyom", within)
        self._disarm()
        return next(code for process in self.processes if (code := process.code) is not None)

    def _disarm(self) -> None:
        for process, port in zip(self.processes, self._ports, strict=True):
            if not process.alive:
                continue
            try:
                with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=STOPS_WITHIN)) as speaking:
                    speaking.request("POST", "/test/crash", '{"at": ""}', {"Content-Type": "application/json"})
                    speaking.getresponse()
            except (OSError, HTTPException):
                # It is dying of its own crash point: its connections go before its exit code is there.
                process.ended(STOPS_WITHIN)

    def close(self) -> None:
        """Leave nothing running."""
        for process in self.processes:
            process.close()

    def _signal(self, number: int) -> None:
        for process in self.processes:
            process.send_signal(number)

    def _codes(self) -> list[int]:
        return [process.ended(STOPS_WITHIN) for process in self.processes]

    def _client(self, session: aiohttp.ClientSession) -> Client:
        return Clients(session, [f"http://127.0.0.1:{port}" for port in self._ports])


class Clients(Client):
    """Requests to whichever process they are for: posts to the receivers in turn, hooks to all, everything else to the desk."""

    def __init__(self, session: aiohttp.ClientSession, addresses: list[str]) -> None:
        super().__init__(session)
        self._addresses = addresses
        self._receivers = itertools.cycle(
            url for url, roles in zip(addresses, ROLES, strict=True) if "receive" in roles
        )

    async def ask(self, method: str, path: str, **arguments: Any) -> Answer:
        """Any request. Figures are those of all, one after the other; a hook's answer is the first one's."""
        if path.startswith("/in/"):
            return await super().ask(method, next(self._receivers) + path, **arguments)
        if path == "/metrics":
            answers = await self._all(method, path, arguments)
            return Answer(answers[0].status, answers[0].headers, b"\n".join(one.body for one in answers), None)
        if path.startswith("/test/"):
            return (await self._all(method, path, arguments))[0]
        return await super().ask(method, path, **arguments)

    async def _all(self, method: str, path: str, arguments: Mapping[str, Any]) -> list[Answer]:
        """Of all that answer; the worst first. Raises ClientError where none does."""
        answers: list[Answer] = []
        for url in self._addresses:
            try:
                answers.append(await super().ask(method, url + path, **arguments))
            except aiohttp.ClientConnectionError as error:
                failed = error
        if not answers:
            raise failed
        return sorted(answers, key=lambda one: -one.status)
