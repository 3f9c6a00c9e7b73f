"""A community's way to VK: its API, opened for as long as somebody speaks, each call aside of the loop and with a deadline."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import SecretStr

from channels.vk.aside import aside

if TYPE_CHECKING:
    from channels.vk.api import Answer, Api, Session

WITHIN: Final = 30.0
"""Seconds for one call, whatever it waits for: a name to be found, a connection, an answer that drips."""
WAIT: Final = 25
"""Seconds that VK holds a poll back while there is nothing, https://dev.vk.com/ru/api/bots-long-poll/getting-started."""
FILE_WITHIN: Final = 120.0

R = TypeVar("R")


class Connection:
    """One community. Nothing is imported and nothing is opened before it is used. `within`: seconds for a call."""

    def __init__(
        self, group: int, token: SecretStr | None, api_base: str | None, version: str, within: float = WITHIN
    ) -> None:
        self._group = group
        self._token = token
        self._api_base = api_base
        self._version = version
        self._within = within

    @asynccontextmanager
    async def opened(self) -> "AsyncIterator[Speaking]":
        """The API for one who speaks: a call of his that hangs holds up nobody else's."""
        api = await aside(self._make, WITHIN)
        try:
            yield Speaking(api, self._group, self._within)
        finally:
            api.close()

    def _make(self) -> "Api":
        module: Any = import_module("channels.vk.api")
        token = None if self._token is None else self._token.get_secret_value()
        made: Api = module.Api(token, self._api_base, self._version)
        return made


class Speaking:
    """The methods that we use, one after the other. Raises what `Api` raises, and Unavailable for whatever takes too long."""

    def __init__(self, api: "Api", group: int, within: float) -> None:
        self._api = api
        self._group = group
        self._within = within

    async def session(self) -> "Session":
        """Begin to poll."""
        return await self._call(lambda: self._api.session(self._group))

    async def community(self) -> str:
        """The community's name."""
        return await self._call(lambda: self._api.community(self._group))

    async def polls(self) -> bool:
        """Whether the long poll is on and tells of new messages."""
        return await self._call(lambda: self._api.polls(self._group))

    async def rights(self) -> frozenset[str]:
        """What the key may do, by VK's names."""
        return await self._call(self._api.rights)

    async def callbacks(self) -> dict[str, tuple[str, str]]:
        """The servers of the Callback API by address: how they are, and their secret keys."""
        return await self._call(lambda: self._api.callbacks(self._group))

    async def check(self, session: "Session", ts: int) -> "Answer":
        """The events after `ts`, as soon as there is one."""
        return await self._call(lambda: self._api.check(session, ts, WAIT), WAIT)

    async def conversations(self, offset: int, count: int) -> list[dict[str, Any]]:
        """A page of conversations, the one with the latest message first."""
        return await self._call(lambda: self._api.conversations(self._group, offset, count))

    async def history(self, peer: int, offset: int, count: int) -> list[dict[str, Any]]:
        """A page of one conversation's messages, the latest first."""
        return await self._call(lambda: self._api.history(self._group, peer, offset, count))

    async def say(self, peer: str, text: str, number: int, quoted: int | None) -> None:
        """Send a message; `number` makes it one, however often it is sent."""
        await self._call(lambda: self._api.say(peer, text, number, quoted))

    async def name(self, user: str) -> str | None:
        """What somebody calls himself."""
        return await self._call(lambda: self._api.name(user))

    async def file(self, address: str, most: int) -> bytes:
        """A file, of up to `most` bytes."""
        return await self._call(lambda: self._api.file(address, most, FILE_WITHIN), FILE_WITHIN)

    async def _call(self, call: Callable[[], R], more: float = 0) -> R:
        return await aside(call, self._within + more)
