"""Tells whoever pressed a button or sent a command what came of it: at once, best effort, and never twice."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog

from channels.adapter import Adapter, Misconfigured, Unavailable
from channels.telegram.courier import Courier
from channels.telegram.trouble import Undeliverable
from ingest.reactions.presses import Reply

MOST: Final = 1_000
"""Replies that wait; who presses after so many others learns of it by the edited message alone."""

log = structlog.get_logger("priyom.replying")


class Replying:
    """Replies on their way. `hand_over` is for the worker, `run` is kept alive by the daemon."""

    def __init__(self, adapters: Mapping[str, Adapter[Any]]) -> None:
        self._adapters = adapters
        self._waiting: asyncio.Queue[Reply] = asyncio.Queue(MOST)

    def hand_over(self, replies: Iterable[Reply]) -> None:
        """Tell these, whose effects are committed."""
        for reply in replies:
            if not self._waiting.full():
                self._waiting.put_nowait(reply)

    async def run(self) -> None:
        """Tell until cancelled, several at a time, so that none waits for another's slow answer."""
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(self._tell_on())

    async def _tell_on(self) -> None:
        while True:
            await self._tell(await self._waiting.get())

    async def _tell(self, reply: Reply) -> None:
        adapter = self._adapters.get(reply.channel)
        courier = getattr(adapter, "courier", None)
        if not isinstance(courier, Courier):
            return
        try:
            if reply.query is not None:
                await courier.answer(reply.query, reply.text)
            else:
                await courier.post(reply.chat, reply.text)
        except (Unavailable, Misconfigured, Undeliverable) as error:
            log.info("a press was not answered", action="press.unanswered", channel=reply.channel, error=str(error))
