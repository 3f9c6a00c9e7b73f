"""Bulk reads and writes whose text never changes: the rows travel as one JSON parameter.

`rows` is a table made of that parameter (`json_each` on SQLite, `json_array_elements` on PostgreSQL), so a statement for one row
and one for two hundred are the same text, compiled and planned once. Values pass by the Python side of column types:
times are integer microseconds, UUIDs 32 hexadecimal digits, JSON is text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

Values = Sequence[object]
PLAIN: Final = 32


class JsonRows(GenericFunction[Any]):
    """The elements of a JSON array, one row each, in a column `value`."""

    name = "json_rows"
    inherit_cache = True


class JsonCell(GenericFunction[Any]):
    """One element of a JSON array in a row: the array, then the position as a literal."""

    name = "json_cell"
    type = sa.Text()
    inherit_cache = True


class JsonRecord(GenericFunction[str]):
    """Several columns of one row as one JSON array in text, so that a scalar sub-select can bring them all."""

    name = "json_record"
    type = sa.Text()
    inherit_cache = True


class JsonList(GenericFunction[str]):
    """A column of several rows as one JSON array in text; no rows are NULL or an empty array, as the database has it."""

    name = "json_list"
    type = sa.Text()
    inherit_cache = True


class StoreClock(GenericFunction[int]):
    """The store's own time in microseconds since 1970: what claims and leases are measured by."""

    name = "store_clock"
    type = sa.BigInteger()
    inherit_cache = True


class Cell(sa.Cast[Any]):
    """A JSON cell with a column's type; a Cast, so that the type is part of the statement's cache key."""

    inherit_cache = True


@compiles(JsonRows, "sqlite")
def _rows_sqlite(element: JsonRows, compiler: Any, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(JsonRows, "postgresql")
def _rows_postgresql(element: JsonRows, compiler: Any, **kw: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


def _array_and_position(element: JsonCell, compiler: Any, **kw: Any) -> tuple[str, str]:
    array, position = (compiler.process(clause, **kw) for clause in element.clauses)
    return array, position


@compiles(JsonCell, "sqlite")
def _cell_sqlite(element: JsonCell, compiler: Any, **kw: Any) -> str:
    # json_extract rather than ->>, which SQLite has only since 3.38.
    array, position = _array_and_position(element, compiler, **kw)
    return f"json_extract({array}, '$[{position}]')"


@compiles(JsonCell, "postgresql")
def _cell_postgresql(element: JsonCell, compiler: Any, **kw: Any) -> str:
    array, position = _array_and_position(element, compiler, **kw)
    return f"({array} ->> {position})"


@compiles(Cell, "postgresql")
def _typed_postgresql(element: Cell, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_cast(element, **kw)
    return text


@compiles(Cell, "sqlite")
def _typed_sqlite(element: Cell, compiler: Any, **kw: Any) -> str:
    # json_extract already gives the value's own type; a CAST could only spoil it.
    text: str = compiler.process(element.clause, **kw)
    return text


@compiles(JsonRecord, "sqlite")
def _record_sqlite(element: JsonRecord, compiler: Any, **kw: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **kw)})"


@compiles(JsonRecord, "postgresql")
def _record_postgresql(element: JsonRecord, compiler: Any, **kw: Any) -> str:
    return f"CAST(json_build_array({compiler.process(element.clauses, **kw)}) AS TEXT)"


@compiles(JsonList, "sqlite")
def _list_sqlite(element: JsonList, compiler: Any, **kw: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **kw)})"


@compiles(JsonList, "postgresql")
def _list_postgresql(element: JsonList, compiler: Any, **kw: Any) -> str:
    return f"CAST(json_agg({compiler.process(element.clauses, **kw)}) AS TEXT)"


@compiles(StoreClock, "sqlite")
def _clock_sqlite(element: StoreClock, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(StoreClock, "postgresql")
def _clock_postgresql(element: StoreClock, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


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


class Prepared:
    """A statement whose text never changes, compiled once a dialect and then handed to the driver as it is.

    What SQLAlchemy does for each execution of a construct costs some 100 us where the processor's caches are cold, several
    times what SQLite needs for a small statement. Values pass by its column types in both directions: rows come as plain
    tuples, a UUID as the driver has it (`dashed`). No IN with a list: its text would change.
    """

    def __init__(self, statement: sa.ClauseElement | Callable[[sa.Connection], sa.ClauseElement]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], list[str] | None]] = {}

    def __call__(self, db: sa.Connection, given: Mapping[str, Any] | None = None) -> list[Any]:
        """Run it with the bind parameters `given`; its rows, none where it returns none."""
        done = self._run(db, given)
        if not done.returns_rows:
            return []
        found = list(cast("Any", done.cursor).fetchall())
        done.close()
        return found

    def count(self, db: sa.Connection, given: Mapping[str, Any]) -> int:
        """Run it; how many rows it changed."""
        return self._run(db, given).rowcount

    def _run(self, db: sa.Connection, given: Mapping[str, Any] | None) -> sa.CursorResult[Any]:
        prepared = self._compiled.get(db.dialect.name)
        sql, values, order = prepared if prepared is not None else self._compile(db)
        values = {**values, **given} if given else values
        return db.exec_driver_sql(sql, values if order is None else tuple(values[name] for name in order))

    def _compile(self, db: sa.Connection) -> tuple[str, dict[str, Any], list[str] | None]:
        statement = self._statement if isinstance(self._statement, sa.ClauseElement) else self._statement(db)
        compiled = cast(
            "sa.sql.compiler.SQLCompiler",
            statement.compile(dialect=db.dialect),
        )
        made = (str(compiled), dict(compiled.params), compiled.positiontup)
        self._compiled[db.dialect.name] = made
        return made


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
    return Prepared(sa.select(*given.c, record.limit(1).scalar_subquery().label("record")))


@cache
def _insert(table: sa.Table, names: tuple[str, ...]) -> Prepared:
    columns = [table.c[name] for name in names]
    return Prepared(sa.insert(table).from_select(list(names), sa.select(rows("new", *columns)), include_defaults=False))


def insert(db: sa.Connection, table: sa.Table, names: tuple[str, ...], values: Sequence[Values]) -> None:
    """All rows in one statement, cells in the order of `names`. A key already taken raises: somebody was faster."""
    if values:
        _insert(table, names)(db, {"new": pack(values)})


@cache
def _update(table: sa.Table, names: tuple[str, ...]) -> Prepared:
    given = rows("new", *(table.c[name] for name in names))
    changed = {name: given.c[name] for name in names[1:]}
    return Prepared(sa.update(table).where(table.c[names[0]] == given.c[names[0]]).values(changed))


def update(db: sa.Connection, table: sa.Table, names: tuple[str, ...], values: Sequence[Values]) -> None:
    """All rows in one statement; the first of `names` is the key, the others are set."""
    if values:
        _update(table, names)(db, {"new": pack(values)})


class Upsert:
    """An INSERT … ON CONFLICT whose rows come as one parameter."""

    def __init__(self, table: sa.Table, names: tuple[str, ...], ending: Callable[[Any], Any]) -> None:
        self._table = table
        self._names = names
        self._ending = ending
        self._prepared = Prepared(self._built)

    def __call__(self, db: sa.Connection, values: Sequence[Values]) -> list[Any]:
        """Run it. What happens to a row whose key is taken is the `ending`'s business, and so are the rows that come back."""
        return self._prepared(db, {"new": pack(values)})

    def count(self, db: sa.Connection, values: Sequence[Values]) -> int:
        """Run it; how many rows it inserted or changed."""
        return self._prepared.count(db, {"new": pack(values)})

    def _built(self, db: sa.Connection) -> sa.ClauseElement:
        given = rows("new", *(self._table.c[name] for name in self._names))
        # WHERE true: else SQLite reads ON CONFLICT as the join condition of the SELECT (its UPSERT page, "parsing ambiguity").
        statement = upsert(db, self._table).from_select(
            list(self._names), sa.select(given).where(sa.true()), include_defaults=False
        )
        ended: sa.ClauseElement = self._ending(statement)
        return ended


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
