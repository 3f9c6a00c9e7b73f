"""Engines, threads and transactions: how a unit of work reaches the database, and what its failures mean."""

import asyncio
import contextlib
import math
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from operator import length_hint
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc

from kernel.beside import Beside
from storage.rows import Prepared
from storage.schema import counters

if TYPE_CHECKING:
    from storage.pipelining import Pipelined

R = TypeVar("R")
Unit = Callable[[sa.Connection], R]

LANES: Final = 64
BLOCK: Final = 20_000
_RESERVE: Final = 5_000
FRESH: Final = 2.0
"""Seconds."""

WRITERS: Final = 4
"""On PostgreSQL: taking in, settling, sending and a look at what has grown, none of which is to wait for another."""
PATIENCE: Final = 20.0
"""Seconds after which a store that does not answer counts as away; less than senders of webhooks wait, as far as they say."""
READING_WITHIN: Final = 60.0
_STEPS: Final = 1_000_000
"""Of SQLite, some tens of milliseconds, between two looks whether a reader has had its time."""
_FREE_WITHIN: Final = 30.0
_TAKE_BLOCK: Final = (
    sa.update(counters).where(counters.c.name == "ids").values(next=counters.c.next + BLOCK).returning(counters.c.next)
)
_BEGIN_WRITING: Final = Prepared(sa.text("BEGIN IMMEDIATE"))
_BEGIN_READING: Final = Prepared(sa.text("BEGIN"))
# Every statement of ours looks some rows up by an index: a page of it costs no more than any other, and none is worth compiling.
_PLANS: Final = "SET jit = off; SET random_page_cost = 1.1"
# Of a session on the server, in milliseconds: a statement that runs on and on, a lock that nobody gives up, and a transaction
# whose client has fallen silent, which would hold its own locks for ever: less than a lease, so that one is taken over in time.
_STATEMENT_TIMEOUT: Final = "SET statement_timeout = 60000"
_SESSION: Final = (
    f"{_PLANS}; {_STATEMENT_TIMEOUT}; SET lock_timeout = 10000; SET idle_in_transaction_session_timeout = 10000"
)
# A server that is cut off: noticed within 20 seconds, whether it is written to (milliseconds) or waited for (seconds).
_CONNECTION: Final = {
    "connect_timeout": 5,
    "application_name": "priyom",
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
_AGAIN: Final = frozenset({"40001", "40P01", "23505"})
_READ_ONLY: Final = "25006"
"""A standby, or a server that its provider lets nobody write to since its disk is full."""


class Away(Exception):
    """The database cannot be reached, is locked by somebody else, or has no room. Nothing of the unit was kept; try later."""


class Conflict(Exception):
    """Somebody was faster, or a deadlock was broken. Nothing of the unit was kept; run it again over a fresh reading."""


class Ids:
    """Integers that no other process has, in blocks from one counter. `top_up` runs before a unit, in its own transaction.

    `fresh`: for how many seconds a block is used, where other processes take blocks too. What orders by id is then in the order of
    time up to these seconds, whoever wrote it; what needs more orders by time.
    """

    def __init__(self, fresh: float = math.inf) -> None:
        self._lock = threading.Lock()
        self._left = iter(range(0))
        self._fresh = fresh
        self._taken_at = -math.inf

    def take(self) -> int:
        """The next id. Skipped ids are harmless: a unit may run twice."""
        number = next(self._left, None)
        if number is None:
            raise RuntimeError("a unit took more ids than a block reserves")
        return number

    def top_up(self, transact: Callable[[Unit[int]], int]) -> None:
        """Take a new block where fewer than a unit may need are left, or where it is old."""
        if not self._is_over():
            return
        with self._lock:
            if self._is_over():
                end = transact(lambda db: db.execute(_TAKE_BLOCK).scalar_one())
                self._left = iter(range(end - BLOCK + 1, end + 1))
                self._taken_at = time.monotonic()

    def _is_over(self) -> bool:
        return length_hint(self._left) < _RESERVE or time.monotonic() - self._taken_at > self._fresh


class Store:
    """Runs units of work, each one transaction in a thread. SQLite: one writer thread and readers apart; PostgreSQL: pools.

    Cancelling the caller does not stop a unit that has begun: whether it committed is then unknown, which every unit must bear.
    `patience`: for how many seconds a caller waits for a unit before the store counts as away; a reader waits `READING_WITHIN`.
    """

    def __init__(self, url: str, *, writers: int = WRITERS, readers: int = 2, patience: float = PATIENCE) -> None:
        self.url = sa.make_url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.ids = Ids() if self.embedded else Ids(FRESH)
        self.lane = random.randrange(LANES)  # noqa: S311 - spreads counters, guards nothing
        self._patience = patience
        count = 1 if self.embedded else writers
        self._main, self._queries = _embedded(self.url) if self.embedded else _grown_up(self.url, count, readers)
        self._turn = threading.Lock()
        self._kept: sa.Connection | None = None
        self._free: LifoQueue[Pipelined | None] = LifoQueue()
        for _ in range(writers):
            self._free.put(None)
        self._write = Beside("store-write", count)
        self._read = Beside("store-read", readers)

    async def run(self, unit: Unit[R]) -> R:
        """Run `unit` in one transaction, committed when this returns. Raises Away, Conflict, or what the unit raises."""
        return await _in_time(self._write.run(partial(self.transact, unit), self._patience))

    async def until_free(self) -> None:
        """Wait, on SQLite, until its one writer has done what he was asked for before. Elsewhere there are others."""
        if self.embedded:
            with contextlib.suppress(TimeoutError):
                await self._write.run(lambda: None, self._patience)

    async def read(self, unit: Unit[R]) -> R:
        """Run a unit that only reads, beside the writers."""
        within = max(self._patience, READING_WITHIN)
        until = time.monotonic() + within
        return await _in_time(self._read.run(partial(self._look, unit, until), within))

    async def read_back(self, unit: Unit[R]) -> R:
        """Run a short unit that reads what has just been written, before much else is.

        On SQLite by the writer, who still has these pages in memory: a reader's are void after each commit of his, and to read them
        anew takes twice the time. Elsewhere it is `read`.
        """
        return await (self.run(unit) if self.embedded else self.read(unit))

    async def alone(self, *statements: str) -> None:
        """Run statements that no transaction can hold, such as VACUUM, one after the other. Raises Away."""
        await asyncio.to_thread(self._alone, statements)

    def _alone(self, statements: Sequence[str]) -> None:
        if self.embedded:
            # Over the writer's own connection: nobody can write meanwhile, and nobody else's transaction is in the way.
            with self._turn, _failures_named():
                db, self._kept = self._kept or self._main.connect(), None
                try:
                    for statement in statements:
                        # Runs to the end what returns rows without columns, as `PRAGMA incremental_vacuum` does.
                        _driver(db).executescript(statement)
                except db.dialect.loaded_dbapi.Error as error:
                    db.close()
                    raise Away(str(error)) from error
                self._kept = db
            return
        with _failures_named(), self._main.connect() as connection:
            db = connection.execution_options(isolation_level="AUTOCOMMIT")
            db.exec_driver_sql("SET statement_timeout = 0")
            try:
                for statement in statements:
                    db.exec_driver_sql(statement)
            finally:
                # It goes back to the pool even where one was refused.
                db.exec_driver_sql(_STATEMENT_TIMEOUT)

    def transact(self, unit: Unit[R]) -> R:
        """`run` for a caller that is already in a thread of its own."""
        self.ids.top_up(self.transact_raw)
        return self.transact_raw(unit)

    def transact_raw(self, unit: Unit[R]) -> R:
        """`transact` before there is a schema, and so without ids."""
        return self._transact_alone(unit) if self.embedded else self._transact_there(unit)

    def peek(self, unit: Unit[R]) -> R:
        """`read` for a caller without a loop, beside a daemon that has the store."""
        return self._transact(self._queries, unit)

    def _look(self, unit: Unit[R], until: float) -> R:
        """Read, and be done when nobody waits for it any more: a search through everything would keep others from reading."""
        if not self.embedded:  # the server ends what takes too long
            return self._transact(self._queries, unit)

        def bounded(db: sa.Connection) -> R:
            driver = _driver(db)
            driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            try:
                return unit(db)
            finally:
                driver.set_progress_handler(None, 0)

        return self._transact(self._queries, bounded)

    @staticmethod
    def _transact(engine: sa.Engine, unit: Unit[R]) -> R:
        with _failures_named(), engine.begin() as db:
            return unit(db)

    def _transact_there(self, unit: Unit[R]) -> R:
        """On a server, over a connection that nobody else has meanwhile; it is kept, for the same reason."""
        with _failures_named():
            kept = self._taken()
            try:
                return kept.transact(unit)
            finally:
                sound = kept.is_sound
                if not sound:
                    kept.close()
                self._free.put(kept if sound else None)

    def _taken(self) -> "Pipelined":
        """A connection that was kept and is sound, else a new one. Raises Away where others have all of them for too long."""
        try:
            kept = self._free.get(timeout=_FREE_WITHIN)
        except Empty:
            raise Away("no free connection to the database") from None
        try:
            if kept is not None and kept.is_sound:
                return kept
            if kept is not None:
                kept.close()
            from storage.pipelining import Pipelined  # psycopg is not loaded where nobody has a server

            return Pipelined(self._main.connect())
        except BaseException:
            self._free.put(None)
            raise

    def _transact_alone(self, unit: Unit[R]) -> R:
        """On SQLite, over the one connection that writes; it is kept, since the pool's ways cost as much as a small unit."""
        with self._turn, _failures_named():
            db, self._kept = self._kept or self._main.connect(), None
            try:
                with db.begin():
                    done = unit(db)
            except BaseException:
                db.close()
                raise
            self._kept = db
            return done

    def close(self) -> None:
        """Wait for units that run, then let the connections go."""
        self._write.close(wait=True)
        self._read.close(wait=True)
        if self._kept is not None:
            self._kept.close()
        with contextlib.suppress(Empty):
            while True:
                kept = self._free.get_nowait()
                if kept is not None:
                    kept.close()
        self._main.dispose()
        self._queries.dispose()


async def _in_time(done: Awaitable[R]) -> R:
    # Where the server hangs without a word, as under SIGSTOP, no time-out of its own or of the network's fires.
    try:
        return await done
    except TimeoutError as error:
        raise Away("the database does not answer in time") from error


def _driver(db: sa.Connection) -> Any:
    return db.connection.driver_connection


@contextlib.contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict(_first_line(error)) from error
    except exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _AGAIN:
            raise Conflict(_first_line(error)) from error
        is_away = isinstance(error, (exc.OperationalError, exc.InterfaceError)) or state == _READ_ONLY
        if is_away or error.connection_invalidated:
            raise Away(_first_line(error)) from error
        raise
    except exc.TimeoutError as error:
        raise Away("no free connection to the database") from error


def _first_line(error: exc.DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]


def _embedded(url: sa.URL) -> tuple[sa.Engine, sa.Engine]:
    if url.database is None or url.database in {"", ":memory:"}:
        raise ValueError("storage.url: SQLite needs a file; write sqlite:///var/priyom.db")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    arguments: dict[str, Any] = {"check_same_thread": False, "timeout": 5.0}
    main = sa.create_engine(url, hide_parameters=True, connect_args=arguments, pool_size=1, max_overflow=0)
    queries = sa.create_engine(url, hide_parameters=True, connect_args=arguments, pool_size=4, max_overflow=0)

    # The sqlite3 module would open a transaction only at the first write, so that two read-modify-writes could lose one:
    # autocommit in the driver, and BEGIN IMMEDIATE by hand (the way SQLAlchemy documents for Python before 3.12).
    @event.listens_for(main, "connect")
    def _open(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        # auto_vacuum counts for a new file, and for one that is written anew by VACUUM.
        for pragma in (
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            "synchronous=FULL",
            "temp_store=MEMORY",
            "cache_size=-16384",
            # Pages, 8 MB: what is written again and again goes into the file half as often as by default.
            "wal_autocheckpoint=2000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(main, "begin")
    def _begin(connection: sa.Connection) -> None:
        _BEGIN_WRITING(connection)

    @event.listens_for(queries, "connect")
    def _open_reader(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(queries, "begin")
    def _begin_reader(connection: sa.Connection) -> None:
        _BEGIN_READING(connection)

    return main, queries


def _grown_up(url: sa.URL, writers: int, readers: int) -> tuple[sa.Engine, sa.Engine]:
    driver = url.set(drivername="postgresql+psycopg")
    main = sa.create_engine(
        driver, hide_parameters=True, connect_args=_CONNECTION, pool_size=writers, max_overflow=1, pool_pre_ping=True
    )
    queries = sa.create_engine(
        driver, hide_parameters=True, connect_args=_CONNECTION, pool_size=readers, max_overflow=0, pool_pre_ping=True
    )
    for engine in (main, queries):

        @event.listens_for(engine, "connect")
        def _open(connection: Any, _record: object) -> None:
            connection.execute(_SESSION)
            connection.commit()

    # One snapshot a unit, as SQLite gives it: the account compares several statements' figures.
    return main, queries.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
