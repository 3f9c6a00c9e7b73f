"""Long polling: `getUpdates` waits at Telegram until there is something, and is told what we have by the next one's `offset`.

An offset acknowledges every update before it, and Telegram forgets those. So a batch is committed together with its offset,
and only the call after that carries it: what dies in between is delivered again and known by its name.

Numbers of updates grow by one, and start anew anywhere after a week without updates. An offset from before would then hide the
new ones for ever: so the first call of a process, and one in every hour of silence, carries none, which means "from the
earliest that you were not told of" (https://core.telegram.org/bots/api#getupdates).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from channels.adapter import Misconfigured, Port
from channels.message import Envelope, Position
from channels.telegram.trouble import Conflicting
from channels.telegram.updates import WANTED

if TYPE_CHECKING:
    from channels.telegram.bot_api import BotApi

SOURCE: Final = "updates"
WAIT: Final = 25
"""Seconds that Telegram holds a call back while there is nothing."""
SILENCE: Final = timedelta(hours=1)
FAR: Final = 1_000
"""Numbers that lie further back than this are no repeated delivery (a hundred at most), but a new era."""
PATIENCE: Final = 3
"""Conflicts in a row before a person is asked: after a restart our own last call may still hang there."""

Envelop = Callable[[dict[str, Any]], Envelope]


class Polling:
    """The polling of one bot. Lives as long as its channel, since conflicts are counted over attempts."""

    def __init__(self) -> None:
        self._conflicts = 0

    async def run(self, api: "BotApi", port: Port, envelop: Envelop) -> None:
        """Poll for ever. Raises Unavailable, Misconfigured."""
        try:
            await self._run(api, port, envelop)
        except Conflicting as error:
            self._conflicts += 1
            if self._conflicts < PATIENCE:
                raise
            raise Misconfigured(str(error), error.russian) from error

    async def _run(self, api: "BotApi", port: Port, envelop: Envelop) -> None:
        # The configuration says polling, and a webhook would keep every update from us.
        await api.stop_webhook()
        offset: int | None = None
        heard_at = port.now()
        while True:
            updates = await api.updates(offset, WAIT, WANTED)
            self._conflicts = 0
            port.alive()
            if updates:
                offset = await _take(port, updates, envelop)
                heard_at = port.now()
            elif port.now() - heard_at >= SILENCE:
                offset, heard_at = None, port.now()


async def _take(port: Port, updates: Sequence[dict[str, Any]], envelop: Envelop) -> int:
    """Commit a batch with the position that covers it; the offset that acknowledges it."""
    numbers = [int(update["update_id"]) for update in updates]
    known = await port.position(SOURCE)
    if known is None:
        known = Position(SOURCE, "1", 0)
    elif max(numbers) < known.position - FAR:
        known = Position(SOURCE, str(int(known.era) + 1), min(numbers) - 1)
        await port.open_era(known)
    reached = Position(SOURCE, known.era, max(known.position, *numbers))
    await port.accept([envelop(update) for update in updates], reached)
    return max(numbers) + 1
