"""Whom notices are for: managers and directors of the configuration in force, and the language that each of them reads."""

from datetime import datetime
from zoneinfo import ZoneInfo

from ingest.config.schema import Director, Manager
from ingest.current import Current
from kernel.texts import Language


class People:
    """Everybody who can be told something, by the name that the configuration gives him."""

    def __init__(self, current: Current) -> None:
        self._current = current

    def _person(self, name: str) -> Manager | Director | None:
        config = self._current.config
        return config.managers.get(name) or config.directors.get(name)

    def language(self, name: str) -> Language:
        """What he reads: his own language, else the company's."""
        person = self._person(name)
        return (person.language if person is not None else None) or self._current.config.language

    def title(self, name: str | None) -> str:
        """What people read for his name; who is gone from the configuration is called by the name itself."""
        person = None if name is None else self._person(name)
        return (name or "") if person is None else person.name

    def zone(self, name: str) -> ZoneInfo:
        """The zone in whose time he is told when something is due."""
        person = self._person(name)
        own = person.timezone if isinstance(person, Manager) else None
        return ZoneInfo(own or self._current.config.timezone)

    def at(self, name: str, moment: datetime) -> str:
        """A time as he reads it."""
        return moment.astimezone(self.zone(name)).strftime("%d.%m.%Y %H:%M")
