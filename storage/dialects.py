"""What both databases have and spell differently: JSON as rows and cells, several columns as one, the store's own clock."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


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
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSONB))"


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
