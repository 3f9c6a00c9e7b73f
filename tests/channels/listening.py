"""A channel that listens, and a port that keeps what it is given as the journal does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from channels.adapter import Adapter, Misconfigured, Unavailable
from channels.message import Accepted, Envelope, Position

WITHIN: Final = 20
NOW: Final = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


@dataclass
class Port:
    """The port of a listening channel. Refuses a position that goes back within its era; `refuse` are raised once each."""

    address: str = "https://leads.example.com/in/channel"
    kept: dict[str, Envelope] = field(default_factory=dict)
    reached: dict[str, Position] = field(default_factory=dict)
    eras: list[Position] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    repeats: int = 0
    lives: int = 0
    moment: datetime = NOW
    refuse: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = asyncio.Condition()

    async def accept(self, envelopes: Sequence[Envelope], position: Position | None = None) -> list[Accepted]:
        """Keep them, each once."""
        if envelopes and self.refuse:
            raise self.refuse.pop()
        if position is not None:
            self._check(self.reached.get(position.name), position)
        names = [str(e.identity or e.digest.hex()) for e in envelopes]
        answers = [Accepted(name, duplicate=name in self.kept) for name in names]
        self.repeats += sum(answer.duplicate for answer in answers)
        self.kept |= dict(zip(names, envelopes, strict=True))
        self.pages.append(len(envelopes))
        await self._set(position)
        return answers

    def _check(self, before: Position | None, position: Position) -> None:
        if before is not None:
            assert position.era == before.era
            assert position.position >= before.position

    async def _set(self, position: Position | None) -> None:
        if position is not None:
            self.reached[position.name] = position
        async with self.changed:
            self.changed.notify_all()

    async def position(self, name: str) -> Position | None:
        """How far a cursor has come."""
        return self.reached.get(name)

    async def open_era(self, position: Position) -> None:
        """A cursor begins anew."""
        self.eras.append(position)
        await self._set(position)

    def alive(self) -> None:
        """The channel hears its provider."""
        self.lives += 1

    def now(self) -> datetime:
        """The time, which stands."""
        return self.moment

    async def until(self, condition: Callable[[], Any]) -> None:
        """Return when `condition` is true, looking whenever something was kept."""
        async with asyncio.timeout(WITHIN), self.changed:
            await self.changed.wait_for(condition)


@asynccontextmanager
async def listening(adapter: Adapter[Any], port: Port) -> AsyncIterator["asyncio.Task[None]"]:
    """A channel that listens while the block runs."""
    task = asyncio.create_task(adapter.listen(port))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def failure(adapter: Adapter[Any], port: Port, *secrets: str) -> Exception:
    """What listening ends with; its words hold none of these secrets."""
    with pytest.raises((Unavailable, Misconfigured)) as caught:
        async with asyncio.timeout(WITHIN):
            await adapter.listen(port)
    for secret in secrets:
        assert secret not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    return caught.value
