"""The short way in: everyday posts, read and answered without a task, a stream and a router of their own.

A connection begins here and stays for as long as each piece that arrives on it is one whole everyday request: a POST to a
channel's plain address over HTTP/1.1, with nothing unusual among its headers. The first piece that is anything else goes to
aiohttp, with all that follows on that connection, so whatever is hard in HTTP is decided in one place only. What becomes of a
request is the gateway's business on both ways.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Final, cast

from aiohttp import web

from ingest.intake.everyday import everyday
from ingest.intake.fronting import Fronting
from ingest.intake.gateway import Gateway

_BACKLOG: Final = 1024
_LAST_ANSWERS: Final = 2.0
_SHORT_FOR: Final = 3_000.0
"""Seconds after which a connection is aiohttp's: it knows of no request that was answered here, and would take it for idle."""


class Doorway(web.BaseSite):
    """Where the application listens, with a door before each of its connections. Bodies of more than `most` bytes are aiohttp's.

    `shared`: whether other processes may listen there, too, and the system deals the connections out; None: as it is usual.
    `fronting`: to what connections go while there is much.
    """

    def __init__(
        self,
        runner: web.AppRunner,
        gateway: Gateway,
        host: str,
        port: int,
        *,
        most: int,
        shared: bool | None = None,
        fronting: Fronting | None = None,
    ) -> None:
        super().__init__(runner)
        self._shared = shared
        self._address = (host, port)
        self.gateway = gateway
        self.most = most
        self.fronting = fronting
        self._returning: set[asyncio.Task[None]] = set()
        self.addresses: Mapping[bytes, str] = {
            f"POST /in/{name} HTTP/1.1".encode(): name for name in gateway.channels()
        }
        self.answering: set[Door] = set()

    @property
    def name(self) -> str:
        """Its address."""
        return f"http://{self._address[0]}:{self._address[1]}"

    async def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        await super().start()
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._door, host, port, backlog=_BACKLOG, reuse_port=self._shared)
        if self.fronting is not None:
            self.fronting.take_back = self._take_back

    def _door(self, first: bytes = b"") -> "Door":
        return Door(cast("Callable[[], asyncio.Protocol]", self._runner.server)(), self, first)

    def _take_back(self, connection: socket.socket, data: bytes) -> None:
        returning = asyncio.create_task(self._returned(connection, data))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)

    async def _returned(self, connection: socket.socket, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: self._door(data), connection)
        except OSError:
            connection.close()  # whoever it was has hung up

    async def stop(self) -> None:
        """Listen no more, and answer what came by the short way; what comes from now on is the runner's to see to."""
        await super().stop()
        if self.fronting is not None:
            await self.fronting.stop()
        if self._returning:
            await asyncio.wait(self._returning)
        self.addresses = {}
        if self.answering:
            await asyncio.wait([door.answered() for door in self.answering], timeout=_LAST_ANSWERS)


class Door(asyncio.Protocol):
    """One connection. `inner` is aiohttp's side of it, which knows of everything but the requests that are answered here."""

    def __init__(self, inner: asyncio.Protocol, doorway: Doorway, first: bytes = b"") -> None:
        self._inner = inner
        self._first = first
        self._doorway = doorway
        self._transport: asyncio.Transport | None = None
        self._peer: str | None = None
        self._short_until = 0.0
        self._passed = False
        self._busy = False
        self._answered = False
        self._ended = False
        self._held = b""
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclasses
        address = transport.get_extra_info("peername")  # None where the client has hung up already
        self._peer = address[0] if address else None
        self._short_until = asyncio.get_running_loop().time() + _SHORT_FOR
        self._inner.connection_made(transport)
        if self._first:
            self.data_received(self._first)

    def data_received(self, data: bytes) -> None:
        """The next piece."""
        if self._busy:
            # Sent before it was answered: this must wait for its turn, and aiohttp knows how, once our answer is out.
            self._held += data
            cast("asyncio.Transport", self._transport).pause_reading()
        elif self._passed or asyncio.get_running_loop().time() > self._short_until:
            self._passed = True
            self._inner.data_received(data)
        elif (post := everyday(data, self._doorway.addresses, self._doorway.most)) is not None:
            fronting = self._doorway.fronting
            # Who has just come may have no more than this one post.
            if (
                fronting is not None
                and self._answered
                and fronting.takes(cast("asyncio.Transport", self._transport), data)
            ):
                return
            self._busy = True
            self._doorway.answering.add(self)
            self._doorway.gateway.take_in(*post, self._peer, self._answer)
        else:
            self._passed = True
            self._inner.data_received(data)

    def _answer(self, whole: bytes) -> None:
        self._busy = False
        self._answered = True
        self._doorway.answering.discard(self)
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(whole)
            if self._ended:
                transport.close()
            elif self._held:
                self._passed = True
                transport.resume_reading()
                self._inner.data_received(self._held)
                self._held = b""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def answered(self) -> "asyncio.Future[None]":
        """Done when the request that is being answered here has its answer. Asked once."""
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def pause_writing(self) -> None:
        """The client does not read its answers. aiohttp waits until he does, so it has this connection from now on."""
        self._passed = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """He does again."""
        self._inner.resume_writing()

    def eof_received(self) -> bool | None:
        """The client sends nothing more; who is being answered here still hears it."""
        self._inner.eof_received()
        self._ended = True
        return self._busy

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody is there any more; what was taken in stays."""
        self._transport = None
        self._inner.connection_lost(error)
