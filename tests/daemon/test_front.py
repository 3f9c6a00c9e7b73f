"""A front, the process that reads posts while much arrives, lives no longer than the daemon that it was started by."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Daemon, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what runs, by /proc"),
    pytest.mark.alone("a front is a part of one process"),
]

BODY = b'{"name": "Anna", "phone": "+79123456789"}'
SAID = b"POST /in/site HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


async def fronted(daemon: Daemon) -> int:
    """Start its front; the process id of that."""
    async with daemon.client() as client:

        async def ready() -> int:
            answer = await client.ask("POST", "/test/front")
            return answer.json["pid"] or 0

        return await until(ready)


@contextlib.asynccontextmanager
async def connection(daemon: Daemon) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One that is at the front, with a post that was answered there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    for _ in range(2):
        writer.write(SAID)
        assert (await asyncio.wait_for(reader.readuntil(b"false}"), 20))[9:12] == b"202"
    yield reader, writer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_front_ends_with_its_daemon_and_keeps_neither_port_nor_store(make: Make) -> None:
    daemon = make()
    daemon.start()
    pid = await fronted(daemon)
    async with connection(daemon) as (reader, _):
        daemon.kill()
        daemon.start()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 20) == b""

    async def gone() -> bool:
        return not runs(pid)

    await until(gone)
    pid = await fronted(daemon)
    async with connection(daemon) as (reader, writer), daemon.client() as client:
        daemon.configure(channels={"landing": {"kind": "webform"}})
        assert (await client.ask("POST", "/api/config/reload")).status == 200
        assert not runs(pid)
        writer.write(SAID)
        assert (await asyncio.wait_for(reader.readuntil(b"}}"), 20))[9:12] == b"404"
        pid = await fronted(daemon)
        assert daemon.stop() == 0
        assert not runs(pid)
    assert "Traceback" not in daemon.log
