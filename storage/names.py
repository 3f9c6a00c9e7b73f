"""Numbers for the names in the YAML: channels, teams and managers are rows, so that a rename keeps what hangs on them."""

from collections.abc import Mapping

import sqlalchemy as sa

from storage.schema import channels, managers, teams


class Index:
    """One table of names, read when somebody asks for a name or number that is not known here yet."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._present: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def refresh(self, db: sa.Connection) -> None:
        """Read the table again: after a new revision was applied. What is in hand under an old name is still found by it."""
        pairs = db.execute(sa.select(self._table.c.name, self._table.c.id)).all()
        self._present = {name: number for name, number in pairs}
        self._numbers = self._numbers | self._present
        self._names = {number: name for name, number in pairs}

    def number(self, db: sa.Connection, name: str) -> int:
        """The number of a name. Raises KeyError for one that was never configured."""
        if name not in self._numbers:
            self.refresh(db)
        return self._numbers[name]

    def name(self, db: sa.Connection, number: int) -> str:
        """The name of a number that the store holds."""
        if number not in self._names:
            self.refresh(db)
        return self._names[number]

    def name_or_none(self, db: sa.Connection, number: int | None) -> str | None:
        """`name` for a column that may be empty."""
        return None if number is None else self.name(db, number)

    def all(self, db: sa.Connection) -> Mapping[str, int]:
        """Every name with its number."""
        self.refresh(db)
        return self._present


class Names:
    """The three tables of names of one store."""

    def __init__(self) -> None:
        self.channels = Index(channels)
        self.teams = Index(teams)
        self.managers = Index(managers)

    def refresh(self, db: sa.Connection) -> None:
        """Read all three again."""
        for index in (self.channels, self.teams, self.managers):
            index.refresh(db)
