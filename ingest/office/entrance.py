"""Who comes in to the desk: one-time links, sessions, and what a person is. Tokens leave here once; the store has their hashes."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal, TypeVar

from desk.ports import Json, Refused, Visitor
from ingest.config.schema import Config
from kernel.clock import Clock, iso
from storage import sessions
from storage.sessions import Session
from storage.store import Away, Conflict, Store, Unit

DIRECTOR: Final = "director"
"""Who signs in where the configuration names no directors."""
LINK_LASTS: Final = timedelta(minutes=10)
FIRST_LINK_LASTS: Final = timedelta(days=1)
SESSION_LASTS: Final = timedelta(days=30)

R = TypeVar("R")


class StoreEntrance:
    """`desk.ports.Entrance` over the store. `config` gives the configuration in force."""

    def __init__(self, store: Store, clock: Clock, config: Callable[[], Config]) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    async def invite(self, person: str | None, *, first: bool = False) -> Json:
        """A link for a person, else for the first director: `{"url", "person", "until"}`. Raises Refused for a stranger."""
        config = self._config()
        named = person or next(iter(config.directors), DIRECTOR)
        if self._role(named) is None:
            there = ", ".join((*(config.directors or (DIRECTOR,)), *config.managers))
            raise Refused(422, "no_such_person", f"there is no {named!r}; there are {there}")
        now = self._clock.now()
        until = now + (FIRST_LINK_LASTS if first else LINK_LASTS)
        token = secrets.token_urlsafe(32)
        await self._run(lambda db: sessions.add_link(db, _hashed(token), named, now, until))
        return {"url": f"{config.http.address()}/login/{token}", "person": named, "until": iso(until)}

    async def invited(self, token: str) -> Visitor | None:
        """For whom a link is; None where it is not valid, or no longer. Does not use it up."""
        now = self._clock.now()
        person: str | None = await self._read(lambda db: sessions.link_person(db, _hashed(token), now))
        return None if person is None else self._known(person, None)

    async def enter(self, token: str) -> str | None:
        """Use a link up; the cookie of the new session, None where the link is not valid."""
        now = self._clock.now()
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)

        def unit(db: Any) -> str | None:
            person = sessions.use_link(db, _hashed(token), now)
            if person is None:
                return None
            sessions.open_session(db, _hashed(cookie), Session(person, csrf), now, now + SESSION_LASTS)
            return cookie

        return await self._run(unit)

    async def visitor(self, cookie: str) -> Visitor | None:
        """Whose session a cookie is; None where it is none, or of somebody whom the configuration no longer has."""
        now = self._clock.now()
        found: Session | None = await self._read(lambda db: sessions.session(db, _hashed(cookie), now))
        return None if found is None else self._known(found.person, found.csrf)

    async def leave(self, cookie: str) -> None:
        """End a session."""
        await self._run(lambda db: sessions.end_session(db, _hashed(cookie)))

    def _known(self, person: str, csrf: str | None) -> Visitor | None:
        role = self._role(person)
        return None if role is None else Visitor(person, role, self._title(person), csrf)

    def _role(self, person: str) -> Literal["director", "manager"] | None:
        """Whoever heads a team sees what directors see."""
        config = self._config()
        if person in (config.directors or (DIRECTOR,)):
            return "director"
        if person not in config.managers:
            return None
        return "director" if any(team.head == person for team in config.teams.values()) else "manager"

    def _title(self, person: str) -> str | None:
        config = self._config()
        found = config.directors.get(person) or config.managers.get(person)
        return None if found is None else found.name

    async def _read(self, unit: Unit[R]) -> R:
        try:
            return await self._store.read(unit)
        except Away as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error

    async def _run(self, unit: Unit[R]) -> R:
        try:
            return await self._store.run(unit)
        except (Away, Conflict) as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error


def _hashed(token: str) -> str:
    """Tokens are 32 random bytes, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
