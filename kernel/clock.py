"""The one clock. Everything that needs the time is given it or a Clock; only this module asks the machine."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock:
    """Wall time in UTC. `advance` steps it for tests; the daemon offers that only with `--test-hooks`."""

    def __init__(self) -> None:
        self._offset = timedelta(0)
        self._stepped = asyncio.Event()

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Step the clock and wake whoever sleeps on it."""
        self._offset += by
        self._stepped.set()
        self._stepped = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        """Return when the clock shows `moment`, or as soon as somebody steps it."""
        stepped = self._stepped
        wait = (moment - self.now()).total_seconds()
        if wait <= 0:
            return
        with contextlib.suppress(TimeoutError):
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event.
            async with asyncio.timeout(wait):
                await stepped.wait()


def micros(moment: datetime) -> int:
    """An aware time as whole microseconds since 1970: how the store keeps it."""
    return (moment - EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """The opposite of `micros`."""
    return EPOCH + timedelta(microseconds=us)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with a Z, in whole seconds where it has no fraction: how the API shows a time."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
