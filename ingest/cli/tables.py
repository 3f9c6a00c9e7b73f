"""Tables for people: columns aligned by what a terminal shows, and nothing in them that a terminal would obey."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

_GAP: Final = "  "
_WIDEST: Final = 60


def printable(text: str) -> str:
    """`text` on one line. Escape sequences and direction marks go: a title is a stranger's, the terminal is ours."""
    kept = (
        " " if character.isspace() else character
        for character in text
        if character.isspace() or character.isprintable()
    )
    return " ".join("".join(kept).split())


def width(text: str) -> int:
    """How many columns a terminal gives to `text`: two for wide East Asian letters and emoji, none for combining marks."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def clipped(text: str, widest: int) -> str:
    """`text`, cut with an ellipsis where it is wider than `widest` columns."""
    if width(text) <= widest:
        return text
    while width(text) >= widest:
        text = text[:-1]
    return text + "…"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines under a head. None is shown as a dash; numbers stand at the right; the last column is as long as it is."""
    shown = [[_cell(value, last=place == len(row) - 1) for place, value in enumerate(row)] for row in rows]
    right = [
        bool(shown) and all(cell.lstrip("-").isdecimal() for cell in column) for column in zip(*shown, strict=True)
    ]
    widths = [max(map(width, column)) for column in zip(head, *shown, strict=True)]
    return "\n".join(_line(row, widths, right or [False] * len(head)) for row in (head, *shown))


def _cell(value: object, *, last: bool) -> str:
    text = "-" if value is None or value == "" else printable(str(value))
    return text if last else clipped(text, _WIDEST)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = [
        _padding(cell, columns) + cell if at_right else cell + _padding(cell, columns)
        for cell, columns, at_right in zip(row, widths, right, strict=True)
    ]
    return _GAP.join(cells).rstrip()


def _padding(cell: str, columns: int) -> str:
    return " " * (columns - width(cell))
