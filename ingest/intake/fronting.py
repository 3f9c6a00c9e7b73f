"""The daemon's side of the process before it (`ingest.intake.front`): started while much arrives, ended when it is quiet.

One interpreter runs one thread at a time, so reading and answering posts takes turns with storing and settling them. While there
are many, doors give their connections to a process that does the former; what its adapters made of the posts comes here in
groups, enters the journal, and is answered there once it is committed. Without that process all works as well, and slower:
the daemon alone accepts connections, and has back each of them on which anything else than an everyday post arrives.
"""

import asyncio
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from channels.adapter import Rejected
from channels.message import Accepted
from ingest.intake import line
from ingest.intake.gateway import Gateway, Post
from ingest.intake.line import Line, unpacked
from kernel.clock import instant

ENOUGH: Final = 1_500
"""As many everyday posts within a second, on connections that stay, start a front; fewer within a minute end it.

Below that the daemon has time enough, and a front would only make the way longer.
"""

ENDS_WITHIN: Final = 1.5
"""Seconds that a front has to give everything back; then it is killed, with the connections that it has."""

ASKED_EVERY: Final = 2.0
"""Seconds between two questions to a front whether it still goes on."""
UNANSWERED: Final = 5
"""So many of them in a row without an answer, and it hangs, and is killed with the connections that it has."""

_BUSY: Final = 1.0
_QUIET: Final = 60.0
_AGAIN_AFTER: Final = (1.0, 5.0, 30.0)
"""Seconds before a front that ended by itself has a successor: the first time, the second, and from then on."""

# -P: nothing is imported from the folder that the daemon happens to be in.
_COMMAND: Final = (sys.executable, "-P", "-m", "ingest.intake.front")

log = structlog.get_logger("priyom.front")

Return = Callable[[socket.socket, bytes], None]


class Fronting:
    """Whether there is a front, and all that passes between it and us. `take_back` is where connections go that it gives back."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        most: int,
        enough: int = ENOUGH,
        ends_within: float = ENDS_WITHIN,
        asked_every: float = ASKED_EVERY,
    ) -> None:
        self._asked_every = asked_every
        self._gateway = gateway
        self._most = most
        self._enough = enough
        self._ends_within = ends_within
        self._front: _Front | None = None
        self._leaving: set[_Front] = set()
        self._able = line.POSSIBLE and _cores() > 1
        self._seen = 0
        self._since = 0.0
        self._falls = 0
        self._not_before = 0.0
        self.take_back: Return = _drop

    @property
    def pid(self) -> int | None:
        """The process id of the front that is ready, None where there is none."""
        return self._front.pid if self._front is not None and self._front.ready else None

    def takes(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Whether the front has this connection from now on, with an everyday post that was read of it; it is closed here then."""
        front = self._front
        if front is not None:
            return front.ready and front.takes(transport, data)
        if self._able and self._much():
            self.begin()
        return False

    def _much(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._since > _BUSY:
            self._since, self._seen = now, 0
        self._seen += 1
        return self._seen >= self._enough and now >= self._not_before

    def begin(self) -> None:
        """Start a front, unless there is one."""
        if self._front is not None or not self._able:
            return
        try:
            orders = pickle.dumps((self._gateway.everyday(), self._gateway.proxies, self._most))
            self._front = _Front(orders, self._gateway, self.take_back, self._ended, self._asked_every)
        except Exception as error:  # noqa: BLE001 - nothing depends on a front
            self._failed(str(error))
            return
        log.info("much arrives: a process of its own reads it", action="front.start", pid=self._front.pid)
        asyncio.get_running_loop().call_later(_QUIET, self._look, self._front)

    def _look(self, front: "_Front") -> None:
        if front is not self._front:
            return
        if front.posts < self._enough:
            self._front = None
            self._leaving.add(front)
            front.end()
            # It may have clients who do not read their answers, or hang.
            asyncio.get_running_loop().call_later(_QUIET, front.kill, "a front did not end in time")
            log.info("it is quiet: the daemon reads everything itself", action="front.end", pid=front.pid)
            return
        front.posts = 0
        self._falls = 0
        asyncio.get_running_loop().call_later(_QUIET, self._look, front)

    def _ended(self, front: "_Front") -> None:
        self._leaving.discard(front)
        if front is self._front:
            self._front = None
            self._failed("it ended by itself")

    def _failed(self, reason: str) -> None:
        pause = _AGAIN_AFTER[min(self._falls, len(_AGAIN_AFTER) - 1)]
        self._falls += 1
        self._not_before = asyncio.get_running_loop().time() + pause
        log.warning("the daemon reads posts itself", action="front.lost", reason=reason, again_in=pause)

    async def renew(self) -> None:
        """End every front, whose adapters are no longer the daemon's, and return when none judges anything more."""
        front, self._front = self._front, None
        if front is not None:
            self._leaving.add(front)
        await asyncio.gather(*(one.end_within(self._ends_within) for one in self._leaving))

    async def stop(self) -> None:
        """End it for good. Its connections are here again when this returns, answered as far as that could be."""
        self._able = False
        await self.renew()


class _Front:
    """One such process, from its start to its end."""

    def __init__(
        self,
        orders: bytes,
        gateway: Gateway,
        take_back: Return,
        on_end: "Callable[[_Front], None]",
        asked_every: float,
    ) -> None:
        self._asked_every = asked_every
        self._unanswered = 0
        self._gateway = gateway
        self._take_back = take_back
        self._on_end = on_end
        self._gone = asyncio.Event()
        self._results: list[tuple[int, Any, Any]] = []
        self.ready = False
        self.posts = 0
        ours, theirs = socket.socketpair()
        with theirs:
            # By the main thread: Linux takes the end of the thread that starts a process for its parent's end.
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*_COMMAND, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # what a terminal sends by Ctrl-C is for the daemon
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self._line = Line(ours, self._hear, self._hung_up)
        self._line.say("begin", orders)

    def _ask(self) -> None:
        """Ask every few seconds whether it still goes on: one that hangs breaks no line, and what it was given would wait for ever.

        Questions are counted and not time, since it may be we who were halted.
        """
        if self._gone.is_set():
            return
        if self._unanswered >= UNANSWERED:
            self.kill("a front hangs")
            return
        self._unanswered += 1
        self._line.say("ask")
        asyncio.get_running_loop().call_later(self._asked_every, self._ask)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def takes(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Give it a connection, unless it has much to read yet or answers of ours are not out."""
        if self._line.clogged or transport.get_write_buffer_size():
            return False
        transport.pause_reading()
        self._line.say("take", data, connection=transport.get_extra_info("socket").fileno())
        transport.close()
        return True

    def end(self) -> None:
        """Tell it to give everything back and end."""
        self.ready = False
        self._line.say("end")

    async def end_within(self, seconds: float) -> None:
        """The same, and wait; it is killed where that takes too long."""
        self.end()
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            self.kill("a front did not end in time")
            await self._gone.wait()

    def kill(self, why: str) -> None:
        """End it with the connections that it has, unless it has ended."""
        if not self._gone.is_set():
            log.warning(why, action="front.killed", pid=self.pid)
            self._process.kill()

    def _hear(self, message: tuple[Any, ...], connection: socket.socket | None) -> None:
        match message:
            case ("posts", posts):
                self.posts += len(posts)
                made = [Post(number, channel, [unpacked(one) for one in told]) for number, channel, told in posts]
                self._gateway.enter(made, self._tell)
            case ("back", data) if connection is not None:
                self._take_back(connection, data)
            case ("refused", channel, status, code, words, us):
                self._gateway.count(channel, Rejected(status, code, words), instant(us))
            case ("answer",):
                self._unanswered = 0
            case ("ready",):
                self.ready = True
                self._ask()

    def _tell(self, number: int, accepted: Sequence[Accepted], refusal: Rejected | None) -> None:
        if not self._results:
            asyncio.get_running_loop().call_soon(self._send)
        told = None if refusal is None else (refusal.status, refusal.code, str(refusal))
        self._results.append((number, [(one.id, one.duplicate, one.conflict) for one in accepted], told))

    def _send(self) -> None:
        results, self._results = self._results, []
        self._line.say("told", results)

    def _hung_up(self) -> None:
        self.ready = False
        self._process.kill()  # where it hung up without ending; nothing of ours is in it any more
        self._process.wait()
        self._gone.set()
        self._on_end(self)


def _drop(connection: socket.socket, _data: bytes) -> None:
    connection.close()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
