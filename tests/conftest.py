"""What all tests share: a real PostgreSQL, a store of each kind, and no way out beyond loopback."""

import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import migrate, revisions
from storage.store import Store
from tests import postgres

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often the daemon is killed at random; `make kills` says a hundred."""
    parser.addoption("--kills", type=int, default=10, help="random kills in tests/daemon/test_kills.py")


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """A test that reaches for the network is a defect."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not str(address[0]).startswith(
            ("127.", "::1", "localhost")
        ):
            raise AssertionError(f"a test reaches for {address[0]}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign,assignment] # for the whole session
    yield
    socket.socket.connect = connect  # type: ignore[method-assign] # as it was


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """One server for the session."""
    try:
        with postgres.running() as server:
            yield server
    except postgres.Missing as why:
        pytest.skip(f"no PostgreSQL: {why}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'priyom.db'}"
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.create(f"test{next(_numbers)}")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store with the schema of this version."""
    made = Store(store_url)
    migrate.upgrade(made)
    made.transact_raw(revisions.prepare)
    yield made
    made.close()
