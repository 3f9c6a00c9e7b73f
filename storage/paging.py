"""Pages of lists, and the cursors by which the next one is asked for."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
LARGEST: Final = 2**63


class BadCursor(ValueError):
    """A page cursor that this API did not give out."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, and the cursor of the next one."""

    items: list[Json]
    next: str | None

    def json(self) -> Json:
        """As every list of the API looks."""
        return {"items": self.items, "next": self.next}


def cursor_at(*position: int) -> str:
    """The cursor of the page behind this place."""
    return base64.urlsafe_b64encode(".".join(map(str, position)).encode()).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """The place that a cursor means. Raises BadCursor."""
    return positions(cursor, 1)[0]


def positions(cursor: str, count: int) -> list[int]:
    """The numbers that a cursor is made of, so many. Raises BadCursor."""
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split(".")
        numbers = [int(part) for part in parts]
    except (ValueError, binascii.Error) as error:
        raise BadCursor("this cursor is not one of a page of this list") from error
    if len(numbers) != count or not all(0 <= number < LARGEST for number in numbers):
        raise BadCursor("this cursor is not one of a page of this list")
    return numbers
