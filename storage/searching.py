"""Whether a text holds what somebody looks for: a part of it, whatever the case, in any alphabet.

LIKE tells small letters from capitals beyond ASCII, on SQLite always and on PostgreSQL by the database's locale. So each letter is
written as the class of its spellings, which GLOB and regular expressions read alike: `ан` is `[Аа][Нн]`. `е` finds `ё`, too.
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

_ALIKE: Final = dict.fromkeys("ЕЁеё", "ЕЁеё")
_ESCAPED: Final = frozenset("\\^")


class Mentions(GenericFunction[bool]):
    """Whether a column has a place that `classes` makes a pattern of."""

    name = "mentions"
    type = sa.Boolean()
    inherit_cache = True


@compiles(Mentions, "sqlite")
def _mentions_sqlite(element: Mentions, compiler: Any, **kw: Any) -> str:
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} GLOB '*' || {pattern} || '*')"


@compiles(Mentions, "postgresql")
def _mentions_postgresql(element: Mentions, compiler: Any, **kw: Any) -> str:
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} ~ {pattern})"


def classes(text: str) -> str:
    """Each character of a text as the class of its spellings."""
    return "".join(f"[{_spellings(letter)}]" for letter in text)


def _spellings(letter: str) -> str:
    if letter in _ESCAPED:
        return f"\\{letter}"
    return _ALIKE.get(letter) or "".join(
        sorted({spelt for spelt in (letter, letter.lower(), letter.upper()) if len(spelt) == 1})
    )


def mentions(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether a column holds this text somewhere."""
    return Mentions(column, sa.literal(classes(text), sa.Text()))
