"""One company's daemons over one store, kept alive: whichever ends is started again, and how it ended is kept."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import aiohttp

from prove.company import TOKEN, Json, Places, document
from prove.daemons import Daemon, Lost, environment
from prove.nursery import Child
from tests.daemon.process import free_port

COMMAND_WITHIN: Final = 60.0
LOOK_EVERY: Final = 0.05
STARTS_AGAIN: Final = 30


class Fleet:
    """The daemons of a store, and what happened to them."""

    def __init__(self, folder: Path, places: Places, roles: list[str], sabotage: str, chance: random.Random) -> None:
        self.places = places
        self.chance = chance
        self.kills = 0
        self.faults: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.visited = True
        self.mended = False
        self._keeping = False
        self._asked: set[Daemon] = set()
        self._spared: Counter[Daemon] = Counter()
        self.daemons = [Daemon(folder, f"daemon{n}", free_port(), sabotage, role) for n, role in enumerate(roles, 1)]
        self.receivers = [d for d, role in zip(self.daemons, roles, strict=True) if not role or "receive" in role]
        self.desks = [d for d, role in zip(self.daemons, roles, strict=True) if not role or "desk" in role]
        self.workers = [d for d, role in zip(self.daemons, roles, strict=True) if not role or "work" in role]
        self._turn = itertools.cycle(self.receivers)
        os.environ["PROVE_SMTP"] = str(places.mail_out)

    def address(self) -> str:
        """Of the next daemon that takes requests, preferably one that runs."""
        for _ in self.receivers:
            one = next(self._turn)
            if one.up:
                break
        return f"http://127.0.0.1:{one.port}"

    def configure(self) -> None:
        """Write every daemon's file."""
        for daemon in self.daemons:
            daemon.configure(document(self.places, daemon.port, visited=self.visited))

    async def start(self) -> None:
        """Bring up the schema, and start all of them. Raises Lost."""
        code, said = await self.command("migrate")
        if code != 0:
            raise Lost(f"priyom migrate ends with {code}: {said}")
        await asyncio.gather(*(daemon.start(mended=self.mended) for daemon in self.daemons))

    async def command(self, verb: str, *arguments: str) -> tuple[int, str]:
        """A command of the product's own, as people type it: exit code, and what it printed. Raises TimeoutError."""
        child = Child(["-", "mended", verb, "--config", str(self.desks[0].config), *arguments], environment())
        async with asyncio.timeout(COMMAND_WITHIN):
            said = await asyncio.gather(*(asyncio.to_thread(_all_of, stream) for stream in (child.out, child.err)))
            while (code := child.poll()) is None:
                await asyncio.sleep(LOOK_EVERY)
        return code, said[0] or said[1]

    async def keep(self) -> None:
        """Start again whichever ends, until cancelled. Raises Lost."""
        self._keeping = True
        try:
            await asyncio.gather(*(self._keep(daemon) for daemon in self.daemons))
        finally:
            self._keeping = False

    async def _keep(self, daemon: Daemon) -> None:
        while True:
            code = await daemon.ended(60)
            if code is None:
                continue
            if code == -signal.SIGKILL:
                self.kills += 1
            elif daemon not in self._asked or code != 0:
                self.wrong.append(f"{daemon.name} ended by itself with {code}")
            self._asked.discard(daemon)
            # One that finds no database at its start ends, and is started again as a service manager does.
            for _ in range(STARTS_AGAIN):
                with contextlib.suppress(Lost):
                    await daemon.start(mended=self.mended)
                    break
                await asyncio.sleep(1)
            else:
                await daemon.start(mended=self.mended)

    async def ask(self, daemon: Daemon, method: str, path: str, body: Json | None = None) -> Json | None:
        """A request of the API or the test hooks; None where nobody answered it with a yes."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with (
                asyncio.timeout(10),
                aiohttp.ClientSession(trust_env=False) as session,
                session.request(method, f"http://127.0.0.1:{daemon.port}{path}", json=body, headers=headers) as answer,
            ):
                if answer.status == 200:
                    said: Json = await answer.json()
                    return said
        return None

    async def any(self, among: Sequence[Daemon] = (), *, spared: bool = False) -> Daemon:
        """One of them, by chance; of those that are up, since one that only starts has nothing to lose.

        Unless `spared`, none of those that something else is being tried with.
        """
        while not (running := [d for d in among or self.daemons if d.up and (spared or not self._spared[d])]):
            await asyncio.sleep(LOOK_EVERY)
        return self.chance.choice(running)

    @contextlib.contextmanager
    def sparing(self, daemons: Sequence[Daemon]) -> Iterator[None]:
        """For something that lasts: nobody else ends these meanwhile."""
        self._spared.update(daemons)
        try:
            yield
        finally:
            self._spared.subtract(daemons)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """For what only daemons show that run: all are up, none is stopped or about to be ended, and nobody begins with it."""
        with self.sparing(self.daemons):
            while any(self._spared[one] > 1 or one in self._asked or not one.up for one in self.daemons):
                await asyncio.sleep(LOOK_EVERY)
            yield

    def desk(self) -> Daemon:
        """One that has the API, preferably one that runs."""
        return self.chance.choice([one for one in self.desks if one.up] or self.desks)

    def terminate(self, daemon: Daemon) -> None:
        """Ask it to end."""
        self._asked.add(daemon)
        if not daemon.signal(signal.SIGTERM):
            self._asked.discard(daemon)

    async def stop(self) -> None:
        """End all of them, when nobody keeps them any more."""
        for daemon in self.daemons:
            daemon.signal(signal.SIGCONT)
            daemon.signal(signal.SIGTERM)
        for daemon in self.daemons:
            if daemon.alive and await daemon.ended() is None:
                self.wrong.append(f"{daemon.name} did not stop")
                daemon.signal(signal.SIGKILL)
                await daemon.ended()


def _all_of(stream: IO[bytes]) -> str:
    with stream:
        return stream.read().decode()
