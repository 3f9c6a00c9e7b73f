"""What PostgreSQL's planner knows of tables that have grown: read from its own counters, and brought up to date.

Its autovacuum looks once a minute. A store that takes in thousands of contacts in its first minute would be planned as an empty one
until then, and a prepared statement keeps such a plan.
"""

from typing import Final

import sqlalchemy as sa

from storage.schema import metadata

FEWEST: Final = 2_000
"""Changed rows below which no plan of ours is worth another look."""

_GROWN: Final = sa.text(
    "SELECT c.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid "
    "WHERE s.schemaname = current_schema() AND s.n_mod_since_analyze >= :fewest "
    "AND s.n_mod_since_analyze > greatest(c.reltuples, 0)"
)


def grown(db: sa.Connection) -> list[str]:
    """Our tables that have at least doubled since they were last analysed."""
    found = db.execute(_GROWN, {"fewest": FEWEST}).scalars()
    return sorted(set(found) & set(metadata.tables))


def analyse(db: sa.Connection, table: str) -> None:
    """Bring what the planner knows of a table up to date: it reads a sample of some 30,000 rows."""
    db.exec_driver_sql(f"ANALYZE {metadata.tables[table].name}")
