"""The daemon as its users have it: a process with a configuration file, spoken to over HTTP, stopped or killed."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, overload

import aiohttp
import yaml

from tests.daemon import nest
from tests.daemon.nest import Forked

TOKEN: Final = "token-of-the-tests"
STARTS_WITHIN: Final = 30.0
STOPS_WITHIN: Final = 5.0
DEADLINE: Final = 20.0
LOOK_EVERY: Final = 0.02
LOOK_FIRST_AFTER: Final = 0.001
_GREETING: Final = "priyom is listening."

Json = dict[str, Any]
R = TypeVar("R")


@overload
async def until(condition: Callable[[], Awaitable[R]], within: float = DEADLINE) -> R: ...


@overload
async def until(condition: Callable[[], object], within: float = DEADLINE) -> object: ...


async def until(condition: Callable[[], object], within: float = DEADLINE) -> object:
    """What `condition` gives as soon as that is true; the only place of all tests that waits by looking again."""
    deadline = time.monotonic() + within
    pause = LOOK_FIRST_AFTER
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {within} s: {found!r}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LOOK_EVERY)


_GIVEN: Final[set[int]] = set()


def free_port() -> int:
    """A free port below those that the system gives to clients: one of ours could else have it when the daemon comes back."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            # Of several that are asked for before anybody listens, no two are one.
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port


def team(*names: str, **more: Mapping[str, Any]) -> Json:
    """A configuration's managers, each with what `more` says of him, in one team."""
    managers = {name: {"name": name.title(), "email": f"{name}@example.com", **more.get(name, {})} for name in names}
    return {"managers": managers, "teams": {"sales": {"managers": list(names)}}}


class Process:
    """One process over a configuration file. It can be started again after its end, of which `over` is notified.

    `printed` gets the lines of its output.
    """

    def __init__(self, path: Path, log: Path, printed: list[str], over: threading.Condition) -> None:
        self._path = path
        self._log = log
        self._printed = printed
        self._over = over
        self._forked: Forked | None = None
        self._greeted = threading.Event()
        self._reader: threading.Thread | None = None

    def launch(self, roles: str, environment: Mapping[str, str]) -> None:
        """Start without waiting."""
        self._greeted.clear()
        speaking, printing = os.pipe()
        command = ["run", "--config", str(self._path), "--test-hooks", *(["--roles", roles] if roles else [])]
        with self._log.open("a") as log, os.fdopen(printing, "wb") as out:
            self._forked = Forked(command, environment, out.fileno(), log.fileno())
        self._reader = threading.Thread(target=self._read, args=(self._forked, speaking), daemon=True)
        self._reader.start()

    def greeted(self, *, may_end: bool = False) -> None:
        """Return when it greets."""
        assert self._greeted.wait(STARTS_WITHIN), f"no greeting within {STARTS_WITHIN} s\n{self._said}"
        assert self.code is None or may_end, f"it ended with {self.code}\n{self._said}"

    def _read(self, process: Forked, speaking: int) -> None:
        with os.fdopen(speaking, encoding="utf-8") as lines:
            for line in lines:
                self._printed.append(line.rstrip("\n"))
                if line.rstrip("\n") == _GREETING:
                    self._greeted.set()
        process.wait()
        self._greeted.set()
        with self._over:
            self._over.notify_all()

    @property
    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        """Its id."""
        assert self._forked is not None
        return self._forked.pid

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        assert self._forked is not None
        return self._forked.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._forked is not None and self.code is None

    def send_signal(self, number: int) -> None:
        """Nothing for one that has ended."""
        if self._forked is not None:
            self._forked.send_signal(number)

    def ended(self, within: float) -> int:
        """Wait for its end; the exit code. Raises TimeoutExpired where that takes too long."""
        assert self._forked is not None
        assert self._reader is not None
        code = self._forked.wait(within)
        self._reader.join(within)
        return code

    def close(self) -> None:
        """Leave nothing running."""
        if self._forked is not None:
            self.send_signal(signal.SIGKILL)
            self.ended(STOPS_WITHIN)


class Daemon:
    """One store and its configuration, and the process over it while there is one. `start` and the ends may be repeated."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.path = folder / "config.yaml"
        self.database = folder / "priyom.db"
        self.store_url = f"sqlite:///{self.database}"
        self.printed: list[str] = []
        self._over = threading.Condition()
        self.process = Process(self.path, self._log, self.printed, self._over)
        self._document: Json = {
            "api": {"token": "${PRIYOM_API_TOKEN}"},
            "storage": {"url": "${TEST_STORE}"},
            "channels": {"site": {"kind": "webform", "source": "Сайт"}},
            **team("anna", "boris"),
        }
        self.configure(**sections)

    def configure(self, **sections: Any) -> None:
        """Write the configuration with these sections in place of the present ones; `http` has our host and port at least."""
        self._document |= sections
        self._document["http"] = {"host": "127.0.0.1", "port": self._listen_at} | self._document.get("http", {})
        self.path.write_text(yaml.safe_dump(self._document, allow_unicode=True, sort_keys=False), encoding="utf-8")

    @property
    def _listen_at(self) -> int | str:
        """`http.port`."""
        return self.port

    def start(self, *, crash_at: str = "", roles: str = "", **environment: str) -> None:
        """Start and return when it greets. Raises AssertionError where it ends instead, with what it said."""
        self.launch(crash_at=crash_at, roles=roles, **environment)
        self.greeted(crash_at=crash_at)

    def launch(self, *, crash_at: str = "", roles: str = "", **environment: str) -> None:
        """Start without waiting."""
        self.process.launch(roles, self._environment(PRIYOM_CRASH_AT=crash_at, **environment))

    def greeted(self, *, crash_at: str = "") -> None:
        """Return when it greets."""
        self.process.greeted(may_end=bool(crash_at))

    def _command(self, *arguments: str) -> list[str]:
        return [arguments[0], "--config", str(self.path), *arguments[1:]]

    def _environment(self, **more: str) -> dict[str, str]:
        ours = {"PRIYOM_API_TOKEN": TOKEN, "TEST_STORE": self.store_url, "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **ours, **more}

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def log(self) -> str:
        """All that the processes so far wrote on standard error."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def stops(self) -> list[float]:
        """How many seconds each stop took, as the processes themselves say."""
        said = (json.loads(line) for line in self.log.splitlines() if '"daemon.stopped"' in line)
        return [float(one["seconds"]) for one in said]

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.alive

    def stop(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired where that takes too long."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.ended(STOPS_WITHIN)

    def kill(self) -> None:
        """SIGKILL, from which nothing can be tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.ended(STOPS_WITHIN)

    def strike(self, chance: random.Random) -> None:
        """SIGKILL to what chance says; of one process there is no choice."""
        del chance
        self.kill()

    def ended(self, within: float = DEADLINE) -> int:
        """Wait for an end that a crash point brings; the exit code."""
        return self.process.ended(within)

    def close(self) -> None:
        """Leave nothing running."""
        self.process.close()

    def command(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A command over the same configuration, run to its end."""
        return nest.run(self._command(*arguments), self._environment(**environment), STARTS_WITHIN)

    @contextlib.asynccontextmanager
    async def client(self) -> "AsyncIterator[Client]":
        """A client of its API and its forms, for one test's loop."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self.url, connector=connector, trust_env=False) as session:
            yield self._client(session)

    def _client(self, session: aiohttp.ClientSession) -> "Client":
        return Client(session)


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, json: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.json = json

    @property
    def error(self) -> str:
        """The code of a refusal, which must have the contract's shape."""
        assert set(self.json) >= {"error"}, self.body
        assert set(self.json["error"]) == {"code", "message"}, self.body
        assert self.json["error"]["message"]
        return str(self.json["error"]["code"])


class Client:
    """Requests as other programs send them."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, method: str, path: str, *, token: str | None = TOKEN, **arguments: Any) -> Answer:
        """Any request, with the API's token unless that is None."""
        headers = dict(arguments.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.session.request(method, path, headers=headers, **arguments) as response:
            body = await response.read()
            is_json = response.content_type == "application/json" and body
            return Answer(response.status, response.headers, body, await response.json() if is_json else None)

    async def get(self, path: str, **query: str | int) -> Json:
        """What the API shows at a path."""
        answer = await self.ask("GET", path, params=query)
        assert answer.status == 200, answer.body
        shown: Json = answer.json
        return shown

    async def send(self, path: str = "/in/site", *, key: str | None = None, **form: Any) -> Answer:
        """A form as JSON, with an Idempotency-Key where one is given."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.ask("POST", path, token=None, json=form, headers=headers)

    async def accepted(self, path: str = "/in/site", *, key: str | None = None, **form: Any) -> str:
        """The envelope's id of a form that must be taken."""
        answer = await self.send(path, key=key, **form)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    async def decided(self, envelope: str) -> Json:
        """The envelope when it is no longer pending."""

        async def outcome() -> Json | None:
            shown = await self.get(f"/api/envelopes/{envelope}")
            return shown if shown["outcome"] != "pending" else None

        found = await until(outcome)
        assert found is not None
        return found

    async def lead_of(self, envelope: str) -> Json:
        """The lead that an envelope came to."""
        decided = await self.decided(envelope)
        assert decided["lead"] is not None, decided
        return await self.get(f"/api/leads/{decided['lead']}")

    async def lead(self, **form: Any) -> Json:
        """Send a form; the lead that it came to."""
        return await self.lead_of(await self.accepted(**form))

    async def listed(self, path: str, **query: str | int) -> list[Json]:
        """A whole list, over as many pages as it takes."""
        items: list[Json] = []
        cursor: Json = {}
        while True:
            page = await self.get(path, limit=200, **query, **cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}

    async def set_available(self, manager: str, *, available: bool) -> Json:
        """The availability switch."""
        answer = await self.ask("PUT", f"/api/managers/{manager}/availability", json={"available": available})
        assert answer.status == 200, answer.body
        shown: Json = answer.json
        return shown

    async def advance(self, by: str) -> None:
        """Step the daemon's clock."""
        answer = await self.ask("POST", "/test/clock", json={"advance": by})
        assert answer.status == 200, answer.body

    async def settled(self) -> None:
        """Return when no envelope is pending."""

        async def nothing_pending() -> bool:
            ledger = await self.get("/api/ledger")
            return not any(item["pending"] for item in ledger["items"])

        await until(nothing_pending)
