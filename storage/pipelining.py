"""The cursor of a connection to PostgreSQL on which some statements are sent without waiting for them (libpq's pipeline mode)."""

from typing import Any, Self

import psycopg


class Waiting(psycopg.Cursor[Any]):
    """Whoever executes waits for the result, and for what was sent before it; only `send` does not.

    Otherwise those that know nothing of the pipeline, as SQLAlchemy, would take a result that is still to come for an empty one.
    """

    def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
        """As everywhere. Also raises what became of a statement that was sent before."""
        if self.connection.pgconn.pipeline_status:
            with self.connection.pipeline():  # the end of an inner one waits
                super().execute(query, params, **more)
        else:
            super().execute(query, params, **more)
        return self

    def send(self, query: str, params: Any) -> None:
        """Send a statement whose result nobody asks for. The connection must be in pipeline mode."""
        super().execute(query, params)
