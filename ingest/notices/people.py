"""Whom notices are for: managers and directors of the configuration in force, and the language that each of them reads."""

from datetime import datetime
from zoneinfo import ZoneInfo

from ingest.config.current import Current
from ingest.config.policy import policy
from ingest.config.schema import Config, Director, Manager
from ingest.notices.choices import Choices
from kernel.texts import Language
from routing.hours import parse_hours, quiet_until
from routing.policy import Policy


class People:
    """Everybody who can be told something, by the name that the configuration gives him."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._compiled: tuple[Config, Policy] | None = None

    def _person(self, name: str) -> Manager | Director | None:
        config = self._current.config
        return config.managers.get(name) or config.directors.get(name)

    def knows(self, name: str) -> bool:
        """Whether he is in the configuration still."""
        return self._person(name) is not None

    def language(self, name: str) -> Language:
        """What he reads: his own language, else the company's."""
        person = self._person(name)
        return (person.language if person is not None else None) or self._current.config.language

    def title(self, name: str | None) -> str:
        """What people read for his name; who is gone from the configuration is called by the name itself."""
        person = None if name is None else self._person(name)
        return (name or "") if person is None else person.name

    def owns(self, name: str, address: str) -> bool:
        """Whether this is the mail address that he is told at."""
        person = self._person(name)
        return person is not None and person.email is not None and person.email.lower() == address.lower()

    def zone(self, name: str) -> ZoneInfo:
        """The zone in whose time he is told when something is due."""
        person = self._person(name)
        own = person.timezone if isinstance(person, Manager) else None
        return ZoneInfo(own or self._current.config.timezone)

    def quiet_until(self, name: str, now: datetime) -> datetime | None:
        """Until when he is not to be disturbed: not beyond the beginning of his shift, for then he is at work."""
        quiet = self._current.config.notices.quiet
        if quiet is None:
            return None
        manager = self._policy().managers.get(name)
        if manager is not None and manager.hours.open_at(now, manager.zone):
            return None
        until = quiet_until(now, parse_hours(quiet), self.zone(name))
        begins = None if manager is None else manager.hours.next_change(now, manager.zone)
        return until if until is None or begins is None else min(until, begins)

    def _policy(self) -> Policy:
        config = self._current.config
        if self._compiled is None or self._compiled[0] is not config:
            self._compiled = (config, policy(config))
        return self._compiled[1]

    def choices(self, name: str | None) -> Choices:
        """What a person can do about a lead from a message, in his language; None: in the company's."""
        config = self._current.config
        language = config.language if name is None else self.language(name)
        titles = {manager: person.name for manager, person in config.managers.items()}
        reasons = config.reasons
        return Choices(reasons.get("disqualified", ()), titles, language, reasons.get("declined", ()))

    def company_zone(self) -> ZoneInfo:
        """The zone of the company's day."""
        return ZoneInfo(self._current.config.timezone)

    def lead_address(self, uid: str) -> str:
        """Where a lead is seen on the desk."""
        return f"{self.address()}/leads/{uid}"

    def address(self) -> str:
        """What links to this installation start with."""
        return self._current.config.http.address()

    def at(self, name: str, moment: datetime) -> str:
        """A time as he reads it."""
        return moment.astimezone(self.zone(name)).strftime("%d.%m.%Y %H:%M")
