"""Bulk reads and writes whose text never changes: the rows travel as one JSON parameter.

`rows` is a table made of that parameter (`json_each` on SQLite, `json_array_elements` on PostgreSQL), so a statement for one row
and one for two hundred are the same text, compiled and planned once. Values pass by the Python side of column types:
times are integer microseconds, UUIDs 32 hexadecimal digits, JSON is text. What is only written (`insert`, `update`, `Upsert`)
goes to SQLite row by row in one call of the driver: no way to a server is saved there, and json_each costs twice as much.
To PostgreSQL such writes are sent without waiting for what became of them (`storage.pipelining`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final, NoReturn, cast

import orjson
import sqlalchemy as sa

from storage.dialects import Cell, JsonCell, JsonRecord, JsonRows

Values = Sequence[object]
PLAIN: Final = 32


def rows(name: str, *columns: sa.Column[Any]) -> sa.Subquery:
    """A table that arrives as one parameter `name`: a JSON array of arrays in the order of `columns`."""
    source = JsonRows(sa.bindparam(name, type_=sa.Text)).table_valued("value", name=name)
    array: sa.ColumnElement[Any] = sa.literal_column(f"{name}.value")
    cells = [
        Cell(JsonCell(array, sa.literal_column(str(position))), column.type).label(column.name)
        for position, column in enumerate(columns)
    ]
    return sa.select(*cells).select_from(source).subquery(f"{name}_rows")


def pack(values: Iterable[Values]) -> str:
    """The parameter of a `rows` table."""
    return orjson.dumps(list(values)).decode()


def _is_overheard(db: sa.Connection) -> bool:
    """Whether somebody listens to statements, as tests do to make them fail: then they go by SQLAlchemy, which tells him."""
    told = db.engine.dispatch
    return bool(told.before_cursor_execute or told.after_cursor_execute or db.dialect.dispatch.handle_error)


def _is_pipelined(db: sa.Connection) -> bool:
    """Whether what is sent need not be waited for (`storage.pipelining`)."""
    if db.dialect.name == "sqlite" or _is_overheard(db):
        return False
    return bool(cast("Any", db.connection.dbapi_connection).pgconn.pipeline_status)


def raise_named(db: sa.Connection, sql: str, error: Any) -> NoReturn:
    """A driver's error as SQLAlchemy names it, without the values; a connection that is lost by it leaves the pool."""
    dialect, base = db.dialect, db.dialect.loaded_dbapi.Error
    lost = db.invalidated or dialect.is_disconnect(error, cast("Any", db.connection.dbapi_connection), None)
    if lost and not db.invalidated:
        db.invalidate(error)
    raise sa.exc.DBAPIError.instance(
        sql, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    ) from error


@cache
def _with_constants(kind: Any) -> Any:
    """A dialect's compiler that writes a statement's own constants into its text; what is given at each run stays a parameter.

    Neither database can prove of a parameter that a partial index covers it: PostgreSQL leaves the index out of a plan that
    serves all values, and SQLite, which looks at the value, plans the statement anew whenever one is bound.
    """

    class WithConstants(kind):  # type: ignore[misc] # the dialect's own
        def visit_bindparam(self, bindparam: Any, **kw: Any) -> str:
            constant = bindparam.value is not None and not bindparam.expanding
            text: str = super().visit_bindparam(bindparam, **(kw | {"literal_binds": True} if constant else kw))
            return text

    return WithConstants


def _compile(db: sa.Connection, statement: sa.ClauseElement) -> sa.sql.compiler.SQLCompiler:
    made: sa.sql.compiler.SQLCompiler = _with_constants(cast("Any", db.dialect.statement_compiler))(
        db.dialect, statement
    )
    return made


class Prepared:
    """A statement whose text never changes, compiled once a dialect and then handed to the driver as it is.

    What SQLAlchemy does for each execution costs some 100 us where the processor's caches are cold, several times what
    SQLite needs for a small statement. Values pass by its column types in both directions: rows come as plain tuples, a UUID
    as the driver has it (`dashed`). No IN with a list: its text would change. Errors are SQLAlchemy's, without the values.
    The transaction must have begun: the driver alone would not begin one.
    """

    def __init__(self, statement: sa.ClauseElement | Callable[[sa.Connection], sa.ClauseElement]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], list[str] | None, bool]] = {}

    def __call__(self, db: sa.Connection, given: Mapping[str, Any] | None = None) -> list[Any]:
        """Run it with the bind parameters `given`; its rows, none where it returns none."""
        return self._run(db, given)[0]

    def count(self, db: sa.Connection, given: Mapping[str, Any]) -> int:
        """Run it; how many rows it changed."""
        return self._run(db, given)[1]

    def send(self, db: sa.Connection, given: Mapping[str, Any]) -> None:
        """Run it on PostgreSQL, within a pipeline without waiting for the end of it: a later statement raises what became of it."""
        if _is_pipelined(db):
            self._sent(db, given)
        else:
            self._run(db, given)

    def asked(self, db: sa.Connection, given: Mapping[str, Any]) -> Callable[[], list[Any]]:
        """Run it as `send` does; what comes back brings the rows, when they are wanted."""
        if not _is_pipelined(db):
            known = self(db, given)
            return lambda: known
        cursor = self._sent(db, given)

        def answer() -> list[Any]:
            try:
                found: list[Any] = cursor.fetchall()
            except db.dialect.loaded_dbapi.Error as error:
                raise_named(db, "", error)
            return found

        return answer

    def _sent(self, db: sa.Connection, given: Mapping[str, Any]) -> Any:
        sql, fixed, _, _ = self._compiled.get(db.dialect.name) or self._compile(db)
        try:
            cursor = cast("Any", db.connection.dbapi_connection).cursor()
            cursor.send(sql, {**fixed, **given})
        except db.dialect.loaded_dbapi.Error as error:
            raise_named(db, sql, error)
        return cursor

    def _run(self, db: sa.Connection, given: Mapping[str, Any] | None) -> tuple[list[Any], int]:
        sql, fixed, order, returns = self._compiled.get(db.dialect.name) or self._compile(db)
        values: Any = {**fixed, **given} if given else fixed
        if order is not None:
            values = tuple([values[name] for name in order])
        if _is_overheard(db):
            done = db.exec_driver_sql(sql, values)
            return list(cast("Any", done.cursor).fetchall()) if returns else [], done.rowcount
        try:
            cursor = cast("Any", db.connection.dbapi_connection).execute(sql, values)
            return cursor.fetchall() if returns else [], cursor.rowcount
        except db.dialect.loaded_dbapi.Error as error:
            raise_named(db, sql, error)

    def _compile(self, db: sa.Connection) -> tuple[str, dict[str, Any], list[str] | None, bool]:
        statement = self._statement if isinstance(self._statement, sa.ClauseElement) else self._statement(db)
        compiled = _compile(db, statement)
        returns = isinstance(statement, sa.SelectBase) or bool(compiled.effective_returning)
        made = (str(compiled), dict(compiled.params), compiled.positiontup, returns)
        self._compiled[db.dialect.name] = made
        return made


Cells = Mapping[str, sa.ColumnElement[Any]]


class Bulk:
    """A write of many rows that returns none, their cells in the order of `names`.

    `written` makes the statement of the cells by name, and of the rows that they come from; these are None for SQLite, where
    a cell is a bind parameter and the statement is run for each row in the driver's own loop.
    """

    def __init__(
        self,
        table: sa.Table,
        names: tuple[str, ...],
        written: Callable[[sa.Connection, Cells, sa.Subquery | None], sa.ClauseElement],
    ) -> None:
        self._table = table
        self._names = names
        self._written = written
        self._together = Prepared(self._of_rows)
        self._each: tuple[str, Callable[[Values], Values] | None] | None = None

    def __call__(self, db: sa.Connection, values: Sequence[Values]) -> None:
        """Run it."""
        if db.dialect.name == "sqlite":
            self._run_each(db, values)
        else:
            self._together.send(db, {"new": pack(values)})

    def count(self, db: sa.Connection, values: Sequence[Values]) -> int:
        """Run it; how many rows it inserted or changed."""
        if db.dialect.name == "sqlite":
            return self._run_each(db, values)
        return self._together.count(db, {"new": pack(values)})

    def _run_each(self, db: sa.Connection, values: Sequence[Values]) -> int:
        sql, pick = self._each or self._for_each(db)
        if pick is not None:
            values = [pick(row) for row in values]
        if _is_overheard(db):
            return db.exec_driver_sql(sql, cast("Any", list(values))).rowcount
        try:
            changed: int = cast("Any", db.connection.dbapi_connection).executemany(sql, values).rowcount
        except db.dialect.loaded_dbapi.Error as error:
            raise_named(db, sql, error)
        return changed

    def _of_rows(self, db: sa.Connection) -> sa.ClauseElement:
        given = rows("new", *(self._table.c[name] for name in self._names))
        return self._written(db, dict(given.c), given)

    def _for_each(self, db: sa.Connection) -> tuple[str, Callable[[Values], Values] | None]:
        # Prefixed: in an UPDATE the plain names are kept by SQLAlchemy for the new values.
        cells = {name: sa.bindparam(f"new_{name}", type_=self._table.c[name].type) for name in self._names}
        compiled = _compile(db, self._written(db, cells, None))
        order = [self._names.index(name.removeprefix("new_")) for name in compiled.positiontup or ()]
        pick = None if order == list(range(len(self._names))) else cast("Any", itemgetter(*order))
        self._each = (str(compiled), pick)
        return self._each


def found(db: sa.Connection, statement: Prepared, values: Sequence[Values]) -> list[Any]:
    """The records of a statement made by `look_up`, one a row of `values` in their order, None where there is none."""
    if not values:
        return []
    return [orjson.loads(row[-1]) if row[-1] is not None else None for row in statement(db, {"asked": pack(values)})]


def look_up(asked: Sequence[sa.Column[Any]], wanted: Sequence[sa.ColumnElement[Any]], **more: Any) -> Prepared:
    """One index look-up per asked row, as a scalar sub-select: a join could be turned round by a planner with old statistics.

    `asked` are the columns that must be equal to the row's cells, `wanted` those that come back. `more`: `where`, further
    conditions; `order_by` where several rows match and the first is meant.
    """
    given = rows("asked", *asked)
    record = sa.select(JsonRecord(*wanted)).where(*(column == given.c[column.name] for column in asked))
    record = record.where(*more.get("where", ()))
    if "order_by" in more:
        record = record.order_by(more["order_by"])
    return Prepared(sa.select(record.limit(1).scalar_subquery().label("record")).select_from(given))


def among(db: sa.Connection, column: sa.Column[Any], chosen: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """`column` is one of those that `chosen` brings, looked up one by one in the column's index.

    Of IN with a sub-select PostgreSQL may make a join by whatever index looks small in its statistics: taking 100 of 2,000
    pending entries went through all of them for each of the 100.
    """
    if db.dialect.name == "sqlite":
        return column.in_(chosen)
    return column == sa.any_(sa.func.array(chosen.scalar_subquery()))


def rows_of(key: sa.Column[Any], wanted: sa.Select[Any]) -> Prepared:
    """The rows of `wanted` whose `key` is among the asked ones, as plain rows: the index is looked into once for each asked row.

    PostgreSQL keeps a plan for as long as it has no newer statistics, and one that was made over a small table reads the whole
    of a large one; OFFSET 0 keeps it from making a join of the look-ups.
    """
    asked = rows("asked", key)

    def made(db: sa.Connection) -> sa.ClauseElement:
        if db.dialect.name == "sqlite":
            return wanted.where(key.in_(sa.select(asked.c[key.name])))
        each = wanted.where(key == asked.c[key.name]).offset(sa.literal(0)).lateral("each")
        return sa.select(each).select_from(asked.join(each, sa.true()))

    return Prepared(made)


def _filled(statement: Any, names: tuple[str, ...], cells: Cells, given: sa.Subquery | None) -> Any:
    """An INSERT with its rows: from what came as one parameter, or of one row of bind parameters."""
    if given is None:
        return statement.values({name: cells[name] for name in names})
    # WHERE true: else SQLite reads ON CONFLICT as the join condition of the SELECT (its UPSERT page, "parsing ambiguity").
    wanted = sa.select(*(cells[name] for name in names)).select_from(given).where(sa.true())
    return statement.from_select(list(names), wanted, include_defaults=False)


@cache
def _insert(table: sa.Table, names: tuple[str, ...]) -> Bulk:
    return Bulk(table, names, lambda _, cells, given: _filled(sa.insert(table), names, cells, given))


def insert(db: sa.Connection, table: sa.Table, names: tuple[str, ...], values: Sequence[Values]) -> None:
    """All rows at once, cells in the order of `names`. A key already taken raises: somebody was faster."""
    if values:
        _insert(table, names)(db, values)


@cache
def _update(table: sa.Table, names: tuple[str, ...]) -> Bulk:
    def written(_: sa.Connection, cells: Cells, _given: sa.Subquery | None) -> sa.ClauseElement:
        key = names[0]
        return sa.update(table).where(table.c[key] == cells[key]).values({name: cells[name] for name in names[1:]})

    return Bulk(table, names, written)


def update(db: sa.Connection, table: sa.Table, names: tuple[str, ...], values: Sequence[Values]) -> None:
    """All rows at once; the first of `names` is the key, the others are set."""
    if values:
        _update(table, names)(db, values)


class Upsert:
    """An INSERT … ON CONFLICT of many rows. What happens to a row whose key is taken is the `ending`'s business.

    `computed`: what the database makes of a cell before it is stored.
    """

    def __init__(
        self,
        table: sa.Table,
        names: tuple[str, ...],
        ending: Callable[[Any], Any],
        computed: Mapping[str, Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]] | None = None,
    ) -> None:
        def written(db: sa.Connection, cells: Cells, given: sa.Subquery | None) -> sa.ClauseElement:
            cells = {**cells, **{name: made(cells[name]) for name, made in (computed or {}).items()}}
            ended: sa.ClauseElement = ending(_filled(upsert(db, table), names, cells, given))
            return ended

        self._bulk = Bulk(table, names, written)

    def __call__(self, db: sa.Connection, values: Sequence[Values]) -> None:
        """Run it."""
        self._bulk(db, values)

    def count(self, db: sa.Connection, values: Sequence[Values]) -> int:
        """Run it; how many rows it inserted or changed."""
        return self._bulk.count(db, values)


def upsert(db: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the dialect of `db`: the one construct that SQLAlchemy has twice."""
    if db.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as dialect_insert
    else:
        from sqlalchemy.dialects.postgresql import insert as dialect_insert  # type: ignore[assignment] # same methods
    return dialect_insert(table)


def dashed(uid: object) -> str:
    """A UUID as everybody else writes it, from what a driver brings: text with or without dashes, or a UUID."""
    plain = str(uid)
    return plain if len(plain) != PLAIN else f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def hexed(uid: str) -> str:
    """A UUID as `rows` carries it."""
    return uid.replace("-", "")
