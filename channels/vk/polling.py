"""Long polling: VK keeps the events of a community for a while, numbered, and is asked for those after the last that we have.

The number (`ts`) is committed together with its events, and only then asked on from; a restart goes on where it was. Numbers go
on over keys, which VK changes every hour or so, and may start anew: a lower one opens a new era. Where VK has events no more
(`failed` 1 and 3), the messages among them are read from the conversations; nothing else of the gap is to be had.
https://dev.vk.com/ru/api/bots-long-poll/getting-started
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from channels.adapter import Port, Unavailable
from channels.message import Envelope, Position
from channels.vk.catching_up import missed
from channels.vk.events import said_at
from channels.vk.trouble import Denied

if TYPE_CHECKING:
    from channels.vk.connection import Speaking

EVENTS: Final = "events"
MESSAGES: Final = "messages"
"""The source whose position is when the last message that we have was sent, in seconds of VK's clock."""
PAGE: Final = 200
MARK_EVERY: Final = 60
"""Seconds of messages after which that time is noted again; a gap is read from so much earlier."""
PATIENCE: Final = 3
"""Failures in a row, each answered by what it asks for, before we pause."""
FAILED_HISTORY, FAILED_KEY = 1, 2

log = structlog.get_logger("priyom.channels.vk")


class Envelop(Protocol):
    """Makes an envelope of an event, or of a message that was read again."""

    def __call__(self, event: dict[str, Any], *, caught_up: bool = False) -> Envelope: ...  # noqa: D102


class Polling:
    """One attempt to poll one community."""

    def __init__(self, speaking: "Speaking", port: Port, envelop: Envelop, channel: str) -> None:
        self._speaking = speaking
        self._port = port
        self._envelop = envelop
        self._channel = channel
        self._marked = 0

    async def run(self) -> None:
        """Poll for ever. Raises Unavailable, Misconfigured."""
        session = await self._speaking.session()
        self._port.alive()
        reached = await self._begin(session.ts)
        failures = 0
        while True:
            answer = await self._speaking.check(session, reached.position)
            self._port.alive()
            if answer.failed == FAILED_HISTORY and answer.ts is not None:
                reached = await self._over_gap(reached, answer.ts)
            elif answer.failed:
                session = await self._speaking.session()
                if answer.failed != FAILED_KEY or session.ts < reached.position:
                    reached = await self._over_gap(reached, session.ts)
            elif answer.ts is not None:
                reached = await self._take(reached, answer.ts, answer.events)
            failures = failures + 1 if answer.failed else 0
            if failures >= PATIENCE:
                raise Unavailable(f"VK ends every session at once (failed {answer.failed})")

    async def _begin(self, ts: int) -> Position:
        """Where to go on from. The first time, from now: what was there before is none of ours."""
        marked = await self._port.position(MESSAGES)
        self._marked = int(self._port.now().timestamp()) if marked is None else marked.position
        if marked is None:
            await self._port.accept([], Position(MESSAGES, "1", self._marked))
        reached = await self._port.position(EVENTS)
        if reached is None:
            reached = Position(EVENTS, "1", ts)
            await self._port.accept([], reached)
        elif ts < reached.position:
            reached = await self._over_gap(reached, ts)
        return reached

    async def _take(self, reached: Position, ts: int, events: Sequence[dict[str, Any]]) -> Position:
        """Commit events, and with the last of them the number that covers them all."""
        pages = [events[start : start + PAGE] for start in range(0, len(events), PAGE)] or [()]
        if ts < reached.position:
            # The numbers began anew with these, and no conversation says again what is no message.
            for page in pages:
                await self._port.accept([self._envelop(event) for event in page])
            return await self._over_gap(reached, ts)
        following = Position(EVENTS, reached.era, ts)
        for page in pages[:-1]:
            await self._port.accept([self._envelop(event) for event in page])
        if pages[-1] or following != reached:
            await self._port.accept([self._envelop(event) for event in pages[-1]], following)
        await self._mark(max(map(said_at, events), default=0))
        return following

    async def _over_gap(self, reached: Position, ts: int) -> Position:
        """Take in the messages that VK has no events of any more, and only then go on from `ts`."""
        latest = 0
        try:
            async for events in missed(self._speaking, self._marked - MARK_EVERY):
                self._port.alive()
                await self._port.accept([self._envelop(event, caught_up=True) for event in events])
                latest = max(latest, *map(said_at, events))
        except Denied as error:
            # To stand still would lose what comes from now on as well.
            log.warning("a gap could not be read", action="vk.gap_lost", channel=self._channel, code=error.code)
        if ts < reached.position:
            following = Position(EVENTS, str(int(reached.era) + 1), ts)
            await self._port.open_era(following)
        else:
            following = Position(EVENTS, reached.era, ts)
            await self._port.accept([], following)
        await self._mark(latest)
        return following

    async def _mark(self, latest: int) -> None:
        if latest >= self._marked + MARK_EVERY:
            await self._port.accept([], Position(MESSAGES, "1", latest))
            self._marked = latest
