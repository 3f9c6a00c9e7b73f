"""Our own load client, in a process of its own: `python -m bench.client PORT PATH …`. Prints one line of JSON.

Closed: each connection sends its next request as soon as the last one is answered. Open (`--rate`): requests fall due
at random moments, as people's do, whatever the server does; latency is counted from the moment that a request was due,
so a server that stalls cannot hide it (Tene's "coordinated omission").

HTTP/1.1 is written by hand: a client library costs several times what the server under test does.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import cast

from bench import payload


class Broken(Exception):
    """An answer that this client does not read, or a connection that the server closed."""


def status_of(answer: bytes) -> int | None:
    """The status of a whole answer with a Content-Length, None while some of it is missing. Raises Broken."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    at = answer.find(b"Content-Length: ", 0, end)
    if at < 0:
        raise Broken("an answer without Content-Length")
    length = int(answer[at + 16 : answer.index(b"\r", at)])
    return int(answer[9:12]) if len(answer) >= end + 4 + length else None


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(
        self, on_answer: Callable[["Connection", int, float], None], on_broken: Callable[[Broken], None]
    ) -> None:
        self._on_answer = on_answer
        self._on_broken = on_broken
        self._transport: asyncio.Transport | None = None
        self._due = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclasses

    def send(self, request: bytes, due: float) -> None:
        """Send a request whose latency counts from `due`."""
        assert self._transport is not None  # noqa: S101 - sent on connections that are made
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer, mostly all of it."""
        self._answer += data
        try:
            status = status_of(self._answer)
        except Broken as why:
            self._on_broken(why)
            return
        if status is not None:
            self._answer = b""
            self._on_answer(self, status, time.perf_counter() - self._due)

    def connection_lost(self, _: Exception | None) -> None:
        """Servers under test keep their connections, so this ends the run."""
        self._on_broken(Broken("the server closed a connection"))

    def close(self) -> None:
        """Nothing more is sent."""
        assert self._transport is not None  # noqa: S101 - closed after it was made
        self._transport.close()


class Load:
    """One run: requests `first`, `first + 1`, … until the time is over and everything sent is answered."""

    def __init__(self, port: int, path: str, first: int, known: int = payload.KNOWN) -> None:
        self._port = port
        self._known = known
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {payload.SIZE}\r\nIdempotency-Key: "
        ).encode()
        self._number = first
        self._until = 0.0
        self._under_way = 0
        self._idle: list[Connection] = []
        self._late: deque[float] = deque()
        self._open = False
        self._done = asyncio.Event()
        self._broken: Broken | None = None
        self.latencies = array("d")
        self.refused = 0

    async def run(self, connections: int, seconds: float, rate: float | None) -> float:
        """Load the server; the seconds from the first request to the last answer. Raises Broken."""
        made = [await self._connected() for _ in range(connections)]
        try:
            return await self._loaded(made, seconds, rate)
        finally:
            self._done.set()
            for connection in made:
                connection.close()

    async def _connected(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._answered, self._fail), "127.0.0.1", self._port
        )
        return connection

    async def _loaded(self, made: list[Connection], seconds: float, rate: float | None) -> float:
        self._idle = made.copy()
        began = time.perf_counter()
        self._until = began + seconds
        if rate is None:
            while self._idle:
                self._send(self._idle.pop(), time.perf_counter())
        else:
            self._open = True
            await self._arrive(rate, began)
        if self._under_way or self._late:
            await self._done.wait()
        if self._broken is not None:
            raise self._broken
        return time.perf_counter() - began

    async def _arrive(self, rate: float, began: float) -> None:
        """Let requests fall due at random (a Poisson process), those that are due by now at once."""
        chance = random.Random(1)
        due = began + chance.expovariate(rate)
        while due < self._until and self._broken is None:
            await asyncio.sleep(due - time.perf_counter())
            now = time.perf_counter()
            while due <= now:
                if self._idle:
                    self._send(self._idle.pop(), due)
                else:
                    self._late.append(due)
                due += chance.expovariate(rate)
        self._open = False

    def _send(self, connection: Connection, due: float) -> None:
        number = self._number
        self._number += 1
        self._under_way += 1
        connection.send(b"%s%016x\r\n\r\n%s" % (self._head, number, payload.body(number, self._known)), due)

    def _answered(self, connection: Connection, status: int, latency: float) -> None:
        self._under_way -= 1
        self.latencies.append(latency)
        self.refused += status != 202
        if self._late:
            self._send(connection, self._late.popleft())
        elif self._closed_loop_goes_on():
            self._send(connection, time.perf_counter())
        else:
            self._idle.append(connection)
            if not (self._under_way or self._open):
                self._done.set()

    def _closed_loop_goes_on(self) -> bool:
        return not self._open and time.perf_counter() < self._until

    def _fail(self, why: Broken) -> None:
        """End the run, unless it is over: an exception in a protocol's callback would only be logged."""
        if not self._done.is_set():
            self._broken = why
            self._done.set()


def measured(latencies: "array[float]", share: float) -> float:
    """The latency in milliseconds below which `share` of all are."""
    ordered = sorted(latencies)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else 0.0


async def _report(asked: argparse.Namespace) -> str:
    load = Load(asked.port, asked.path, asked.first, asked.known)
    seconds = await load.run(asked.connections, asked.seconds, asked.rate)
    return json.dumps(
        {
            "requests": len(load.latencies),
            "refused": load.refused,
            "seconds": round(seconds, 4),
            "p50": measured(load.latencies, 0.5),
            "p99": measured(load.latencies, 0.99),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--known", type=int, default=payload.KNOWN)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float)
    asked = parser.parse_args()
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        run = asyncio.run
    else:
        run = uvloop.run
    try:
        print(run(_report(asked)))
    except (Broken, OSError) as why:
        sys.exit(f"bench.client: {why}")


if __name__ == "__main__":
    main()
