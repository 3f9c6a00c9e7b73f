"""The process before the daemon (`python -m ingest.intake.front`): it reads everyday posts, and adapters prove and name them.

It is started by the daemon (`ingest.intake.fronting`) while much arrives, so that HTTP does not wait for the interpreter that
stores and settles. It keeps nothing: what an adapter made of a post goes to the daemon and is answered when that has
committed it, and a connection on which anything but an everyday post arrives goes back to the daemon with what was read of it.
It ends when it is told to, when the line to the daemon breaks, or with the daemon.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import pickle
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from channels.adapter import Adapter, ChannelConfig, Rejected
from channels.message import Accepted, Request
from ingest.intake.everyday import Network, client_address, everyday
from ingest.intake.line import Line, packed
from ingest.intake.written import refused, written
from kernel.clock import Clock, micros
from kernel.texts import Language

IDLE: Final = 60.0
"""Seconds after which a connection without posts goes back: the daemon ends those that are idle for too long."""

TOGETHER: Final = 16
"""So many posts go to the daemon at once: it stores these while we read the next, instead of each waiting for the other."""

_FLUSHED_WITHIN: Final = 0.01
UNREAD: Final = 5.0
"""Seconds for which a connection that is to go back waits for a client who does not read his answers."""
_NO_QUERY: Final[Mapping[str, str]] = {}
_DIE_WITH_PARENT: Final = 1

Channel = tuple[type[Adapter[Any]], str, ChannelConfig, bytes, Language]
"""Of what an adapter is made."""


class Front:
    """Everything that this process does. `over` is set when there is nothing left to do."""

    def __init__(self, daemon: socket.socket) -> None:
        self.over = asyncio.Event()
        self.most = 0
        self.addresses: dict[bytes, str] = {}
        self.ending = False
        self._adapters: dict[str, Adapter[Any]] = {}
        self._proxies: tuple[Network, ...] = ()
        self._clock = Clock()
        self._loop = asyncio.get_running_loop()
        self._line = Line(daemon, self._hear, self.over.set)
        self._doors: set[Door] = set()
        self._arriving: set[asyncio.Task[Any]] = set()
        self._waiting: dict[int, tuple[Door, Adapter[Any], Request]] = {}
        self._posts: list[tuple[Any, ...]] = []
        self._number = 0

    def _hear(self, message: tuple[Any, ...], connection: socket.socket | None) -> None:
        match message:
            case ("told", results):
                for number, accepted, refusal in results:
                    self._told(number, accepted, refusal)
            case ("take", data) if connection is not None:
                self._take(data, connection)
            case ("ask",):
                self._line.say("answer")
            case ("begin", orders):
                self._begin(*pickle.loads(orders))  # noqa: S301 - from the daemon that started us
            case ("end",):
                self._end()

    def _begin(self, channels: Sequence[Channel], proxies: tuple[Network, ...], most: int) -> None:
        for kind, name, config, secret, language in channels:
            self._adapters[name] = kind(name, config, secret=secret, language=language)
            self.addresses[f"POST /in/{name} HTTP/1.1".encode()] = name
        self._proxies = proxies
        self.most = most
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        self._loop.call_later(IDLE, self._sweep)
        self._line.say("ready")

    def _end(self) -> None:
        """Give back what is not being answered; the rest follows when it is."""
        self.ending = True
        for door in list(self._doors):
            door.leave_if_free()
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self.ending and not self._doors and not self._arriving:
            self._line.close()

    def _sweep(self) -> None:
        for door in list(self._doors):
            door.leave_if_idle()
        self._loop.call_later(IDLE, self._sweep)

    def _take(self, data: bytes, connection: socket.socket) -> None:
        arriving = self._loop.create_task(self._welcome(data, connection))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arrived)

    async def _welcome(self, data: bytes, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: Door(self, data), connection)
        except OSError:
            connection.close()  # whoever it was has hung up

    def _arrived(self, arriving: "asyncio.Task[Any]") -> None:
        self._arriving.discard(arriving)
        self._end_if_empty()

    def enter(self, door: "Door") -> None:
        """A connection that is ours."""
        self._doors.add(door)

    def leave(self, door: "Door") -> None:
        """One that is no more."""
        self._doors.discard(door)
        self._end_if_empty()

    def give_back(self, data: bytes, connection: int) -> None:
        """Let the daemon go on with a connection, on which `data` has arrived and was not dealt with."""
        self._line.say("back", data, connection=connection)

    def post(self, door: "Door", name: str, headers: Any, body: bytes, peer: str | None) -> bool:
        """Let the adapter look at a post, and the daemon store what it is. False: the daemon must look at it itself."""
        adapter = self._adapters[name]
        remote = peer
        if self._proxies and "X-Forwarded-For" in headers:
            remote = client_address(peer, headers.getall("X-Forwarded-For"), self._proxies)
        asked = Request("POST", "", _NO_QUERY, headers, body, self._clock.now(), remote)
        try:
            envelopes = adapter.receive(asked)
            whole = None if envelopes else written(adapter.answer(asked, []), asked.at)
        except Rejected as refusal:
            self._refuse(door, adapter, asked, refusal)
            return True
        except Exception:  # noqa: BLE001 - the daemon meets it again, and says so in its log
            return False
        if whole is not None:
            door.answer(whole)
            return True
        self._number += 1
        self._waiting[self._number] = (door, adapter, asked)
        if not self._posts:
            self._loop.call_soon(self._send)
        self._posts.append((self._number, name, [packed(one) for one in envelopes]))
        if len(self._posts) == TOGETHER:
            self._send()
        return True

    def _send(self) -> None:
        posts, self._posts = self._posts, []
        if not posts:
            return
        try:
            self._line.say("posts", posts)
        except ValueError:
            # An adapter named something by what is no plain text or number.
            for number, *_ in posts:
                self._waiting.pop(number)[0].start_over()

    def _told(self, number: int, accepted: Sequence[tuple[str, bool, bool]], refusal: tuple[Any, ...] | None) -> None:
        door, adapter, asked = self._waiting.pop(number)
        if refusal is not None:
            # The daemon has counted it.
            door.answer(_words(adapter, asked, Rejected(*refusal)))
            return
        try:
            answer = adapter.answer(asked, [Accepted(*one) for one in accepted])
            whole = written(answer, asked.at)
        except Rejected as refused_after_all:
            self._refuse(door, adapter, asked, refused_after_all)
        except Exception:  # noqa: BLE001 - the daemon meets it again: a repeat
            door.start_over()
        else:
            door.answer(whole)

    def _refuse(self, door: "Door", adapter: Adapter[Any], asked: Request, refusal: Rejected) -> None:
        self._line.say("refused", adapter.name, refusal.status, refusal.code, str(refusal), micros(asked.at))
        door.answer(_words(adapter, asked, refusal))


def _words(adapter: Adapter[Any], asked: Request, refusal: Rejected) -> bytes:
    return written(refused(refusal, adapter.refused(asked, refusal)), asked.at)


class Door(asyncio.Protocol):
    """One connection, which is here for as long as nothing but whole everyday posts arrives on it, one after another."""

    def __init__(self, front: Front, first: bytes) -> None:
        self._front = front
        self._read = b""
        self._held = first
        self._transport: asyncio.Transport | None = None
        self._peer: str | None = None
        self._busy = False
        self._leaving = False
        self._unread = 0.0
        self._ended = False
        self._idle = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It came with what the daemon had read of it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclasses
        address = transport.get_extra_info("peername")
        self._peer = address[0] if address else None
        self._front.enter(self)
        first, self._held = self._held, b""
        self.data_received(first)

    def data_received(self, data: bytes) -> None:
        """The next piece."""
        front = self._front
        self._idle = False
        if self._busy or self._leaving:
            # Sent before it was answered: the daemon knows how to keep the order.
            self._held += data
            cast("asyncio.Transport", self._transport).pause_reading()
            return
        self._read = data
        post = everyday(data, front.addresses, front.most)
        if post is not None:
            self._busy = True
            if front.post(self, *post, self._peer):
                return
        self.start_over()

    def answer(self, whole: bytes) -> None:
        """The answer to the post that is being dealt with."""
        self._busy = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(whole)
        if self._ended:
            transport.close()
        elif self._held or self._front.ending:
            self._leave()

    def start_over(self) -> None:
        """Let the daemon look at what came last."""
        self._busy = False
        self._held = self._read + self._held
        self._leave()

    def leave_if_free(self) -> None:
        """Go back to the daemon, unless something is being answered."""
        if not self._busy and not self._leaving:
            self._leave()

    def leave_if_idle(self) -> None:
        """Go back to the daemon if nothing has come since this was asked before."""
        if self._idle:
            self.leave_if_free()
        self._idle = True

    def _leave(self) -> None:
        """Go back, as soon as every answer is out: who has the connection next must not be faster."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._leaving = True
        transport.pause_reading()
        if transport.get_write_buffer_size():
            self._unread += _FLUSHED_WITHIN
            if self._unread > UNREAD:
                transport.abort()
                return
            asyncio.get_running_loop().call_later(_FLUSHED_WITHIN, self._leave)
            return
        self._front.give_back(self._held, transport.get_extra_info("socket").fileno())
        transport.close()

    def pause_writing(self) -> None:
        """The client does not read his answers, so nothing more is read of him."""
        cast("asyncio.Transport", self._transport).pause_reading()

    def resume_writing(self) -> None:
        """He does again."""
        if not self._leaving:
            cast("asyncio.Transport", self._transport).resume_reading()

    def eof_received(self) -> bool | None:
        """The client sends nothing more; who is being answered still hears it."""
        self._ended = True
        return self._busy or self._leaving

    def connection_lost(self, _error: Exception | None) -> None:
        """Nobody is there any more, or the daemon has him; what was taken in stays."""
        self._transport = None
        self._front.leave(self)


def _end_with(parent: int) -> None:
    """Be killed when the daemon is, however it ends. Elsewhere than on Linux the broken line says so."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


async def _serve(daemon: socket.socket) -> None:
    await Front(daemon).over.wait()


def main() -> None:
    """Serve on the line whose descriptor is the first argument; the second is the daemon's process id."""
    # A service manager or a terminal may send these to the whole group; it is the daemon who tells us to end.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _end_with(int(sys.argv[2]))
    daemon = socket.socket(fileno=int(sys.argv[1]))
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        asyncio.run(_serve(daemon))
    else:
        uvloop.run(_serve(daemon))


if __name__ == "__main__":
    main()
