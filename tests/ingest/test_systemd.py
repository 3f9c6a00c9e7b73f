"""What systemd hears, over a datagram socket as it has one."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.systemd import Systemd


@pytest.fixture(params=["in a folder", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that hears, and what NOTIFY_SOCKET says of it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        name = str(tmp_path / "user@1") if request.param == "in a folder" else f"@priyom-test-{os.getpid()}"
        hearing.bind(name if name.startswith("/") else f"\0{name[1:]}")
        hearing.settimeout(5)
        yield hearing, name


def test_systemd_hears_that_the_daemon_is_ready_and_that_it_stops(heard: tuple[socket.socket, str]) -> None:
    hearing, name = heard
    systemd = Systemd({"NOTIFY_SOCKET": name})
    assert systemd.beat is None
    systemd.ready()
    systemd.stopping()
    assert [hearing.recv(100), hearing.recv(100)] == [b"READY=1", b"STOPPING=1"]


async def test_signs_of_life_come_several_times_in_the_time_that_systemd_waits(
    heard: tuple[socket.socket, str],
) -> None:
    hearing, name = heard
    hearing.setblocking(False)
    systemd = Systemd({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000", "WATCHDOG_PID": str(os.getpid())})
    assert systemd.beat == pytest.approx(0.02)
    living = asyncio.create_task(systemd.live())
    loop = asyncio.get_running_loop()
    assert [await loop.sock_recv(hearing, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    living.cancel()


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "60000"}, {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "60000", "WATCHDOG_PID": "1"}],
)
async def test_who_is_not_asked_for_signs_of_life_gives_none(environment: dict[str, str]) -> None:
    systemd = Systemd(environment)
    assert systemd.beat is None
    await systemd.live()


def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    Systemd({}).ready()
