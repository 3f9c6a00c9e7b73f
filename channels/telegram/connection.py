"""A bot's way to Telegram: opened by whoever speaks first, and closed when the last one is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from channels.telegram.bot_api import BotApi


class Connection:
    """One bot. Nothing is imported and nothing is opened before it is used."""

    def __init__(self, token: SecretStr, api_base: str | None = None, proxy: str | None = None) -> None:
        self._token = token
        self._api_base = api_base
        self._proxy = proxy
        self._made: BotApi | None = None
        self._importing = asyncio.Lock()
        self._speaking = 0

    @asynccontextmanager
    async def opened(self) -> "AsyncIterator[BotApi]":
        """The Bot API, for as long as anybody is inside."""
        self._speaking += 1
        try:
            yield await self._api()
        finally:
            self._speaking -= 1
            if not self._speaking and self._made is not None:
                await self._made.close()

    async def _api(self) -> "BotApi":
        async with self._importing:
            if self._made is None:
                # The library takes seconds to import; the loop goes on meanwhile.
                module = await asyncio.to_thread(import_module, "channels.telegram.bot_api")
                self._made = module.BotApi(self._token.get_secret_value(), self._api_base, self._proxy)
            return self._made
