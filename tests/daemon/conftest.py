"""Daemons of a test, of which none outlives it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.daemon.process import Client, Daemon
from tests.smtp import MailServer

if TYPE_CHECKING:
    from playwright.async_api import Browser

Make = Callable[..., Daemon]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes daemons that are not started yet; each call with a folder of its own."""
    made: list[Daemon] = []

    def daemon(**sections: Any) -> Daemon:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Daemon(folder, **sections))
        return made[-1]

    yield daemon
    for one in made:
        one.close()


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    """A client of a module's own `daemon`."""
    async with daemon.client() as speaking:
        yield speaking


@pytest.fixture
async def browser() -> "AsyncIterator[Browser]":
    """A browser of one test's own."""
    from tests.daemon.browsing import chromium  # noqa: PLC0415 - whoever needs none does not wait for its library

    async with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    """A mail server for a module's daemons."""
    with MailServer() as server:
        yield server
