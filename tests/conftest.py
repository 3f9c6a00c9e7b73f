"""What all tests share: a real PostgreSQL, a store of each kind, and no way out beyond loopback."""

import gc
import itertools
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import migrate, revisions
from storage.schema import metadata
from storage.store import Store
from tests import postgres, valkey

_numbers = itertools.count()

# What is imported never becomes garbage, yet each collection would look through all of it: on again when all is imported.
gc.disable()
_GARBAGE_AFTER = 20_000
"""Objects, instead of 700: a test that ends leaves few cycles, and memory for them there is."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often the daemon is killed at random; `make kills` says a hundred. `make test-processes` runs it as several."""
    parser.addoption("--kills", type=int, default=10, help="random kills in tests/daemon/test_kills.py")
    parser.addoption("--processes", action="store_true", help="tests/daemon over several processes on PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Coverage is that of what is tried by hand, which comes first, since what is remembered is computed but once.

    To be measured doubles the time of a test, and what chance tries would reach a branch in one run and miss it in the next.
    """
    if not config.getoption("cov_source"):
        return
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")
    items.sort(key=lambda item: item.get_closest_marker("no_cover") is not None)


def pytest_collection_finish() -> None:
    """Look for garbage again, among what tests make."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)
    gc.enable()


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


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[valkey.Valkey]:
    """One server for the session."""
    try:
        with valkey.running() as server:
            yield server
    except valkey.Missing as why:
        pytest.skip(f"no Valkey: {why}")


@pytest.fixture
def redis_server(valkey_server: valkey.Valkey) -> valkey.Valkey:
    """The session's Valkey, running and empty, whatever was done to it before."""
    valkey_server.start()
    valkey_server.thaw()
    valkey_server.empty()
    return valkey_server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which kind of database a test runs over."""
    return str(request.param)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if database == "sqlite":
        return f"sqlite:///{tmp_path / 'priyom.db'}"
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.create(f"test{next(_numbers)}")


def _migrated(url: str) -> None:
    made = Store(url)
    migrate.create(made)
    made.close()


@pytest.fixture(scope="session")
def _sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, to be copied: a copy takes a tenth of the time of the migration."""
    path = tmp_path_factory.mktemp("template") / "priyom.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_store(postgresql: postgres.Server) -> Iterator[Store]:
    """One database with the schema, to be emptied, and connections to it: making either takes longer than most tests."""
    url = postgresql.create("stores")
    _migrated(url)
    kept = Store(url)
    yield kept
    kept.close()


# In one round trip: to truncate the tables would make each a new file.
_EMPTY = "; ".join(f'DELETE FROM "{table.name}"' for table in metadata.sorted_tables)


@pytest.fixture
async def store(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store with the schema of this version; where it is, is `store.url`."""
    if database == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_file"), tmp_path / "priyom.db")
        made = Store(f"sqlite:///{tmp_path / 'priyom.db'}")
    else:
        kept: Store = request.getfixturevalue("_postgresql_store")
        made = Store(kept.url.render_as_string(hide_password=False))
        made._main, made._queries, made._free = kept._main, kept._queries, kept._free
        with made._main.begin() as db:
            db.exec_driver_sql(_EMPTY)
    made.transact_raw(revisions.prepare)
    yield made
    if made.embedded:
        made.close()
    else:
        # Its threads end, as with `close`; the connections stay for the next test.
        for threads in (made._write, made._read):
            threads.close(wait=True)
