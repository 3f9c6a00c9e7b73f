"""How much room the store's file takes, and giving back what is free in it. PostgreSQL sees to that by itself."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

SPARE: Final = 1_000
"""Free pages that stay: what comes next would only make the file longer again."""
GIVE_BACK: Final = "PRAGMA incremental_vacuum(500)"
"""Makes the file some pages shorter, by moving the last ones to where there is room."""
_ELASTIC: Final = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """Pages of so many bytes, some of them free. `elastic`: free ones can be given back without writing the file anew."""

    pages: int
    free: int
    page: int
    elastic: bool


def taken(db: sa.Connection) -> Taken:
    """The SQLite file as it is."""
    pages, free, page, mode = (
        int(db.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size", "auto_vacuum")
    )
    return Taken(pages, free, page, mode == _ELASTIC)
