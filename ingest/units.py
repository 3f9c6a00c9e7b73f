"""Units of work as the desk's questions and commands run them: again when somebody was faster, and every trouble as a refusal."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from desk.ports import Json, Refused
from storage import paging
from storage.store import Away, Conflict, Store, Unit

_TRIES: Final = 5


class TakenBack(Exception):
    """Ends a dry run: its transaction is rolled back, and what it showed is carried out."""

    def __init__(self, shown: Json) -> None:
        super().__init__("dry run")
        self.shown = shown


class Units:
    """Runs units over one store. Raises Refused."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def new_id(self) -> int:
        """The number of a new row."""
        return self._store.ids.take()

    async def read(self, unit: Unit[Any]) -> Any:
        """A unit that only reads."""
        try:
            return await self._store.read(unit)
        except Away as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error
        except paging.BadCursor as error:
            raise Refused(400, "bad_cursor", str(error)) from error

    async def run(self, unit: Unit[Any]) -> Any:
        """A unit that writes, run again as long as somebody is faster."""
        for _ in range(_TRIES):
            try:
                return await self._store.run(unit)
            except Conflict:
                continue
            except Away as error:
                raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error
        raise Refused(503, "busy", "others kept changing the same rows; try again")

    async def rolled_back(self, unit: Callable[[sa.Connection], Json]) -> Json:
        """What a unit shows that does its work in full, and of which nothing stays."""

        def shown(db: sa.Connection) -> None:
            raise TakenBack(unit(db))

        try:
            await self.run(shown)
        except TakenBack as back:
            return back.shown
        raise RuntimeError("a dry run must not commit")
