"""A connection to PostgreSQL that stays in libpq's pipeline mode: what nobody waits for travels with the next that somebody does.

BEGIN goes out with the first statement of a transaction and COMMIT with its last ones, so that a unit waits for the server as
often as it asks it something, and once more at the end.
"""

import contextlib
import selectors
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Self, TypeVar, cast

import psycopg
import sqlalchemy as sa
from psycopg import generators
from psycopg.pq import TransactionStatus

from storage.rows import raise_named

R = TypeVar("R")
_DRAINED_AFTER: Final = 3
"""A sync may end at the first refusal that it meets, with the answers behind that still to be fetched."""
# Between statements that nobody waited for, a session does not count as idle, whatever its limit for that: what it locked would
# stay locked for as long as a client is silent. PostgreSQL before 17 has no limit for a whole transaction (milliseconds, more
# than for any statement), but notices at least a machine that is gone, as we do from our side (seconds).
_LIMITS: Final = """
    SELECT set_config(name, wanted, false) FROM pg_settings JOIN (VALUES
        ('transaction_timeout', '120000'),
        ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '3'), ('tcp_keepalives_count', '3')
    ) AS limits (name, wanted) USING (name)
"""


class Gathering(psycopg.Pipeline):
    """Statements that are said one after another leave together: psycopg itself sends, and looks for answers, after each.

    Each such look gives Python's lock away, and each piece wakes the server. It builds upon how psycopg sends (`_communicate_gen`),
    which tests/storage/test_pipelining.py holds on to.
    """

    is_held = False
    """Whether what is said now waits for what is said next."""

    def _communicate_gen(self) -> Any:
        if self.is_held:
            return
        said = list(self.command_queue)
        self.command_queue.clear()

        def say_all() -> None:
            for say in said:
                say()

        self.command_queue.append(say_all)
        yield from super()._communicate_gen()
        # psycopg goes on to wait for the answer though a part of a large statement is still here: for ever.
        yield from generators.send(self.pgconn)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within this nothing leaves."""
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False


class Waiting(psycopg.Cursor[Any]):
    """Whoever executes waits for the result, and for what was sent before it; only `send` does not.

    Otherwise those that know nothing of the pipeline, as SQLAlchemy, would take a result that is still to come for an empty one.
    """

    def __init__(self, connection: Any, *, pipeline: Gathering, **more: Any) -> None:
        super().__init__(connection, **more)
        self._pipeline = pipeline

    def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
        """As everywhere. Also raises what became of a statement that was sent before."""
        with self._pipeline.held():
            super().execute(query, params, **more)
        self._pipeline.sync()
        return self

    def send(self, query: str, params: Any = None) -> None:
        """Send a statement whose result nobody asks for yet."""
        super().execute(query, params)

    def say(self, query: str) -> None:
        """A statement that leaves with the next one."""
        with self._pipeline.held():
            super().execute(query)


class Pipelined:
    """A connection of a pool, kept for one unit after another. Raises SQLAlchemy's errors where it is lost at once."""

    def __init__(self, db: sa.Connection) -> None:
        self._db = db
        self._driver = cast("Any", db.connection.driver_connection)
        self._mode = contextlib.ExitStack()
        try:
            # BEGIN and COMMIT are ours, as over SQLite: the driver would wait for each.
            self._driver.autocommit = True
            self._driver.execute(_LIMITS)
            self._pipeline = self._driver._pipeline = Gathering(self._driver)  # noqa: SLF001 - it has no other way in
            self._mode.enter_context(self._driver.pipeline())
        except psycopg.Error as error:
            raise_named(db, "", error)
        self._driver.cursor_factory = partial(Waiting, pipeline=self._pipeline)
        self._line = selectors.DefaultSelector()
        self._line.register(self._driver.fileno(), selectors.EVENT_READ)

    @property
    def is_sound(self) -> bool:
        """Whether it can have a next unit: nothing is open on it, and the server has said nothing since, such as good-bye."""
        if self._db.invalidated or self._driver.closed:
            return False
        return self._driver.info.transaction_status == TransactionStatus.IDLE and not self._line.select(0)

    def transact(self, unit: Callable[[sa.Connection], R]) -> R:
        """Run `unit` in one transaction. Raises SQLAlchemy's errors."""
        with self._db.begin():
            try:
                self._driver.cursor().say("BEGIN")
                done = unit(self._db)
                # Where somebody listens to commits, SQLAlchemy makes this one.
                if self._db.engine.dispatch.commit:
                    self._pipeline.sync()
                else:
                    self._commit()
            except psycopg.Error as error:
                self._drain()
                raise_named(self._db, "", error)
            except BaseException:
                self._drain()
                raise
        return done

    def _commit(self) -> None:
        """Raises psycopg.Error. Of a transaction in which something was refused and nobody minded, the server keeps nothing."""
        end = self._driver.cursor()
        end.say("COMMIT")
        self._pipeline.sync()
        if end.statusmessage != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a statement was refused, and the server has kept nothing")

    def _drain(self) -> None:
        """Fetch what is still to come of a transaction that failed, so that it can be rolled back."""
        for _ in range(_DRAINED_AFTER):
            try:
                self._pipeline.sync()
            except psycopg.Error:
                continue
            return

    def close(self) -> None:
        """Give it back to its pool, which closes it."""
        self._line.close()
        with contextlib.suppress(psycopg.Error):
            self._mode.close()
        if not self._db.invalidated:
            self._db.invalidate()
        self._db.close()
