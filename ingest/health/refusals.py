"""Deliveries that were refused, counted in a row for each channel; the first that is taken ends the row."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ingest.health.states import Refusing

_CONTENT: Final = frozenset({400, 401, 403, 415, 422})
"""Refusals of what was sent. Others are of the moment (503), or of nobody who means this channel (404, 405)."""


class Refusals:
    """The rows of this process. A restart forgets them, and the next delivery begins anew."""

    def __init__(self) -> None:
        self._runs: dict[str, Refusing] = {}
        self._taken: dict[str, datetime] = {}

    def refused(self, channel: str, status: int, code: str, now: datetime) -> None:
        """One more."""
        if status not in _CONTENT:
            return
        run = self._runs.get(channel)
        begun = Refusing(now, now, 1, code)
        self._runs[channel] = begun if run is None else replace(run, latest=now, count=run.count + 1, code=code)

    def taken(self, channels: Iterable[str], now: datetime) -> None:
        """Deliveries of these were taken in."""
        for channel in channels:
            self._taken[channel] = now
            self._runs.pop(channel, None)

    def taken_elsewhere(self, channel: str, at: datetime) -> None:
        """A delivery was taken in by another process, which ends a row that is older."""
        run = self._runs.get(channel)
        if run is not None and run.latest < at:
            del self._runs[channel]

    def latest_taken(self, channel: str) -> datetime | None:
        """When this process last took one in."""
        return self._taken.get(channel)

    def forget(self) -> None:
        """The configuration has changed: what was refused by the old one says nothing of it."""
        self._runs.clear()

    def run(self, channel: str) -> Refusing | None:
        """The present row of a channel, None where its last delivery was taken."""
        return self._runs.get(channel)
