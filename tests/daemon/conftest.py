"""Daemons of a test, of which none outlives it. With `--processes` each is several processes over one PostgreSQL."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from storage import migrate
from storage.store import Store
from tests import postgres, valkey
from tests.daemon.company import Company
from tests.daemon.process import Client, Daemon
from tests.smtp import MailServer

if TYPE_CHECKING:
    from playwright.async_api import Browser

Make = Callable[..., Daemon]
ALONE = "alone"
TOGETHER = "together"
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """What some tests say of themselves."""
    config.addinivalue_line("markers", f"{ALONE}(reason): makes no sense over several processes")
    config.addinivalue_line("markers", f"{TOGETHER}: makes sense over several processes only, and takes long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what makes no sense over several processes, or over one."""
    several = config.getoption("--processes")
    for item in items:
        alone, together = (item.get_closest_marker(name) for name in (ALONE, TOGETHER))
        if several and alone is not None:
            item.add_marker(pytest.mark.skip(reason=alone.args[0]))
        elif together is not None and not several:
            item.add_marker(pytest.mark.skip(reason="over several processes: make test-processes"))


@pytest.fixture(scope="session")
def founded(request: pytest.FixtureRequest) -> Make:
    """Makes a daemon over a folder, which is not started yet and whose end is its maker's to see to."""
    several: Make = request.getfixturevalue("several") if request.config.getoption("--processes") else Daemon
    return several


@pytest.fixture(scope="session")
def several(request: pytest.FixtureRequest) -> Callable[..., Company]:
    """`founded` as it is with `--processes`."""
    server: postgres.Server = request.getfixturevalue("postgresql")
    redis_url = None
    with contextlib.suppress(pytest.skip.Exception):
        redis: valkey.Valkey = request.getfixturevalue("valkey_server")
        redis_url = redis.url

    def company(folder: Path, **sections: Any) -> Company:
        url = server.create(f"company{next(_numbers)}")
        with contextlib.closing(Store(url)) as store:
            migrate.create(store)
        return Company(folder, url, redis_url, **sections)

    return company


@pytest.fixture
def make(tmp_path: Path, founded: Make) -> Iterator[Make]:
    """Makes daemons that are not started yet; each call with a folder of its own."""
    made: list[Daemon] = []

    def daemon(**sections: Any) -> Daemon:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(founded(folder, **sections))
        return made[-1]

    yield daemon
    for one in made:
        one.close()


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    """A client of a module's own `daemon`."""
    async with daemon.client() as speaking:
        yield speaking


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _browser() -> "AsyncIterator[Browser]":
    """One browser for all: to start one takes more of the processor than most tests that use it."""
    from tests.daemon.browsing import chromium  # noqa: PLC0415 - whoever needs none does not wait for its library

    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="session")
async def browser(_browser: "Browser") -> "AsyncIterator[Browser]":
    """A browser in which a test is alone. Its tests run on the loop of the session, as the browser does."""
    yield _browser
    for context in _browser.contexts:
        await context.close()


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    """A mail server for a module's daemons."""
    with MailServer() as server:
        yield server
