"""A gateway that listens over a store of its own, for the tests of the ways in."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from aiohttp import web

from channels.message import Accepted, Envelope
from channels.webform import Adapter, Config
from channels.webform.page import ConsentConfig
from ingest.health.metrics import Metrics
from ingest.intake.door import Doorway
from ingest.intake.fronting import Fronting
from ingest.intake.gateway import Gateway
from ingest.intake.intake import Intake
from ingest.intake.room import Room
from storage.store import Store
from tests.ingest.parts import NOW, Parts, at_clock, company, wire
from tests.ingest.test_intake import ZONE, Gate

MOST = 1_000
SECRET = b"s" * 32
HELLO = b'{"name": "Anna"}'

Answer = tuple[int, dict[str, str], bytes]


class Stand:
    """A gateway over a store of its own, listening."""

    def __init__(self, store: Store, room: Room | None = None) -> None:
        self.fronting: Fronting | None = None
        self.parts: Parts = wire(store, company())
        self.gate = Gate(self.parts)
        self.taken: list[tuple[Envelope, Accepted]] = []
        self.metrics = Metrics()
        self.intake = Intake(store, self.gate, ZONE, lambda e, a: self.taken.extend(zip(e, a, strict=True)))
        consent = ConsentConfig(required=True, version="1", url="https://example.com/consent")
        config = Config(kind="webform", origins=("https://example.com",), consent=consent)
        adapter = Adapter("site", config, secret=SECRET, language="ru")
        self.clock = at_clock(NOW)
        proxies = [ip_network("127.0.0.1/32")]
        self.gateway = Gateway(
            self.intake,
            {"site": adapter},
            self.clock,
            self.metrics,
            max_body=MOST,
            trusted_proxies=proxies,
            room=room,
        )
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Stand"]:
        """Listen until the block ends."""
        writer = asyncio.create_task(self.intake.run())
        application = web.Application(client_max_size=MOST)
        application.add_routes(self.gateway.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await Doorway(runner, self.gateway, "127.0.0.1", 0, most=MOST, fronting=self.fronting).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self.gate.open.set()
            await runner.cleanup()
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer

    async def sent(self, *pieces: bytes) -> list[Answer]:
        """One connection: the answers to what is sent one after another."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answers = []
        for piece in pieces:
            writer.write(piece)
            answers.append(await answer(reader))
        await closed(writer)
        return answers

    def refused(self) -> list[str]:
        """Every refusal by its code, with its count."""
        return [
            line for line in self.metrics.text(None).decode().splitlines() if line.startswith("priyom_refused_total")
        ]


async def answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection, without what differs by the way it took: aiohttp's name, and the time."""
    first, *lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")[:-2]
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers.pop("Date").endswith("GMT")
    headers.pop("Server", None)
    return int(first.split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


async def closed(writer: asyncio.StreamWriter) -> None:
    """Hang up."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def post(body: bytes = HELLO, *headers: tuple[str, str]) -> bytes:
    """A post to the channel, with its length and host."""
    lines = [("Host", "x"), ("Content-Length", str(len(body))), *headers]
    return b"POST /in/site HTTP/1.1\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in lines) + b"\r\n" + body


class Stores:
    """As many empty stores as are asked for."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self._folder = folder
        self._made: list[Store] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for store in self._made:
            store.close()

    def new(self) -> Store:
        """One more."""
        path = self._folder / f"{len(self._made)}.db"
        shutil.copy(self._template, path)
        self._made.append(Store(f"sqlite:///{path}"))
        return self._made[-1]


def enumerated(taken: Sequence[tuple[Envelope, Accepted]]) -> Iterator[tuple[int, Accepted]]:
    """The results by number, the first with each id last, so that it gives the id its number."""
    return reversed(list(enumerate(accepted for _, accepted in taken)))


def anonymous(body: bytes, ids: dict[str, str]) -> bytes:
    """A body with ids by name: each as long as it was."""
    for uid, name in ids.items():
        body = body.replace(uid.encode(), name.encode().ljust(len(uid)))
    return body
