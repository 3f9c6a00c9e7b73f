"""The sending side of a bot: messages with buttons, their edits, and the few words that answer a press."""

from collections.abc import Sequence
from html import escape
from typing import Final

from channels.telegram.connection import Connection

LONGEST: Final = 4000
"""UTF-16 units of a message, of which Telegram takes 4096 (https://core.telegram.org/bots/api#sendmessage)."""


class Courier:
    """Speaks as one bot. Chats and messages are Telegram's ids as text, `buttons` pairs of text and data, one a line.

    Everything raises Unavailable (try again, `again_in` where Telegram says when), Misconfigured, or Undeliverable: never.
    A text is plain; `title` stands above it in bold.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._name: str | None = None

    async def post(self, chat: str, text: str, buttons: Sequence[tuple[str, str]] = (), title: str = "") -> str:
        """Send a message; by what it is edited afterwards."""
        async with self._connection.opened() as api:
            return await api.post(chat, _html(title, text), buttons)

    async def say(self, chat: str, text: str, *, answers: int | None = None, business: str | None = None) -> None:
        """Say something as it is written, in answer to the message of that number, for that business account."""
        async with self._connection.opened() as api:
            await api.say(chat, text, answers, business)

    async def edit(
        self, chat: str, ref: str, text: str, buttons: Sequence[tuple[str, str]] = (), title: str = ""
    ) -> None:
        """Let a message that was sent say this, with these buttons. Alerts nobody."""
        async with self._connection.opened() as api:
            await api.edit(chat, ref, _html(title, text), buttons)

    async def answer(self, query: str, text: str) -> None:
        """Show a few words to whoever pressed a button, and end his waiting."""
        async with self._connection.opened() as api:
            await api.answer(query, text)

    async def name(self) -> str:
        """The bot's user name, for links to it; asked for once."""
        if self._name is None:
            async with self._connection.opened() as api:
                self._name = await api.name()
        return self._name

    async def file(self, file_id: str, most: int) -> bytes:
        """A file that somebody sent to the bot, of up to `most` bytes."""
        async with self._connection.opened() as api:
            return await api.file(file_id, most)


def _html(title: str, text: str) -> str:
    kept = _cut(text, LONGEST - _length(title))
    return "\n".join(filter(None, (f"<b>{escape(title)}</b>" if title else "", escape(kept))))


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, most: int) -> str:
    if _length(text) <= most:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: max(most - 1, 0) * 2].decode("utf-16-le", "ignore") + "…"
