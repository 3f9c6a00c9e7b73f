"""The messages of a gap: from the conversations that have changed since, each read back to the last message that we have.

What is known already is known by its place in its conversation, so a message that is read twice is one interaction. Only
messages can be read again; forms that were sent in a gap, and leave to write, cannot.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import structlog

from channels.vk.events import CHATS, is_ours
from channels.vk.trouble import Denied

if TYPE_CHECKING:
    from channels.vk.connection import Speaking

PAGE: Final = 200
"""The most that VK gives at once."""
MOST_CONVERSATIONS: Final = 2_000
MOST_MESSAGES: Final = 1_000
"""Of one conversation."""

log = structlog.get_logger("priyom.channels.vk")

Json = dict[str, Any]


async def missed(speaking: "Speaking", since: int) -> AsyncIterator[list[Json]]:
    """Events for the messages sent at `since` (seconds of VK's clock) or later, a page of one conversation at a time.

    Raises Unavailable, Misconfigured; Denied where no conversation may be read. One that may not costs only itself.
    """
    async for peer in _changed(speaking, since):
        try:
            async for events in _said(speaking, peer, since):
                yield events
        except Denied as error:
            log.warning("a conversation could not be read", action="vk.gap_cut", code=error.code)


async def _said(speaking: "Speaking", peer: int, since: int) -> AsyncIterator[list[Json]]:
    for offset in range(0, MOST_MESSAGES, PAGE):
        page = await speaking.history(peer, offset, PAGE)
        new = [_event(message) for message in page if _date(message) >= since]
        if new:
            yield new[::-1]
        if len(new) < len(page) or len(page) < PAGE:
            return
    log.warning("a gap was not read whole", action="vk.gap_cut", messages=MOST_MESSAGES)


async def _changed(speaking: "Speaking", since: int) -> AsyncIterator[int]:
    """The peers, people only, of the conversations whose last message is of that time or later."""
    for offset in range(0, MOST_CONVERSATIONS, PAGE):
        page = await speaking.conversations(offset, PAGE)
        for item in page:
            peer = item["conversation"]["peer"]["id"]
            if 0 < peer < CHATS and _date(item.get("last_message")) >= since:
                yield peer
        if len(page) < PAGE or all(_date(item.get("last_message")) < since for item in page):
            return
    log.warning("a gap was not read whole", action="vk.gap_cut", conversations=MOST_CONVERSATIONS)


def _date(message: Json | None) -> int:
    date = (message or {}).get("date")
    return date if isinstance(date, int) else 0


def _event(message: Json) -> Json:
    """A message as its event would have brought it."""
    kind = "message_reply" if is_ours(message) else "message_new"
    return {"type": kind, "object": message if is_ours(message) else {"message": message}}
