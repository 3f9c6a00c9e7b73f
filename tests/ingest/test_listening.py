"""Channels that fetch: whatever goes wrong with one, it is said, tried again in time, and costs no other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest

from channels.adapter import Misconfigured, Port, Unavailable
from channels.message import Position
from ingest.health.states import Retrying, Stopped
from ingest.intake.intake import Intake
from ingest.intake.listening import FIRST_PAUSE, LAST_PAUSE, MISCONFIGURED_PAUSE, Listening
from kernel.clock import Clock
from storage.schema import cursors
from storage.store import Store
from tests.ingest.parts import Parts, Plain, company, envelope, wire

WITHIN = 20
Attempt = Callable[[Port], Awaitable[None]]


class Toy(Plain):
    """A channel whose attempts to listen are the functions that it is given, one after the other; at last it waits for ever."""

    quiet_after = 5.0

    def __init__(self, name: str, *attempts: Attempt) -> None:
        super().__init__(name)
        self.attempts = list(attempts)
        self.done = asyncio.Event()

    def listens(self) -> bool:
        return True

    async def listen(self, port: Port) -> None:
        if self.attempts:
            await self.attempts.pop(0)(port)
        else:
            self.done.set()
            await asyncio.Event().wait()


@dataclass
class Watched:
    """Running listening tasks, the pauses that they took and the states in which they took them."""

    listening: Listening
    pauses: list[float] = field(default_factory=list)
    states: list[tuple[str, str | None]] = field(default_factory=list)


@asynccontextmanager
async def running(parts: Parts, *toys: Toy) -> AsyncIterator[Watched]:
    """Keep these listening over a store until all their attempts were made."""
    intake = Intake(parts.store, parts.journal, ZoneInfo("UTC"), lambda _envelopes, _accepted: None)
    watched: Watched

    async def pause(seconds: float) -> None:
        state = watched.listening.states[toys[0].name]
        watched.pauses.append(seconds)
        watched.states.append((state.condition, state.detail))
        await asyncio.sleep(0)

    adapters = {toy.name: toy for toy in toys}
    watched = Watched(
        Listening(parts.store, parts.journal, intake, adapters, Clock(), "https://example.com", pause=pause)
    )
    tasks = [asyncio.create_task(intake.run())]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(watched.listening.run()))
    try:
        async with asyncio.timeout(WITHIN):
            for toy in toys:
                await toy.done.wait()
            yield watched
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def failing(error: BaseException, times: int = 1, *, alive: bool = False) -> Sequence[Attempt]:
    async def attempt(port: Port) -> None:
        if alive:
            port.alive()
        raise error

    return [attempt] * times


@pytest.fixture
def parts(store: Store) -> Parts:
    document = company()
    document["channels"]["bot"] = {"kind": "plain", "source": None, "team": None}
    return wire(store, document)


async def test_pauses_grow_up_to_half_a_minute_and_never_end(parts: Parts) -> None:
    async with running(parts, Toy("site", *failing(Unavailable("away"), 1_100))) as watched:
        assert len(watched.pauses) == 1_100
        assert FIRST_PAUSE / 2 <= watched.pauses[0] <= FIRST_PAUSE
        assert all(LAST_PAUSE / 2 <= pause <= LAST_PAUSE for pause in watched.pauses[10:])
        assert watched.states[0] == ("retrying", "away")


async def test_a_channel_that_was_heard_begins_again_with_a_short_pause(parts: Parts) -> None:
    attempts = [*failing(Unavailable("away"), 8), *failing(Unavailable("gone"), alive=True)]
    async with running(parts, Toy("site", *attempts)) as watched:
        assert watched.pauses[7] > FIRST_PAUSE * 8
        assert watched.pauses[8] <= FIRST_PAUSE


async def test_a_channel_that_is_let_in_and_fails_each_time_does_not_knock_twice_a_second(parts: Parts) -> None:
    async with running(parts, Toy("site", *failing(Unavailable("the store is away"), 12, alive=True))) as watched:
        assert watched.pauses[0] <= FIRST_PAUSE
        assert all(pause >= LAST_PAUSE / 2 for pause in watched.pauses[8:])


async def test_the_provider_says_when_to_come_again_but_not_at_once(parts: Parts) -> None:
    attempts = [*failing(Unavailable("slow down", again_in=77.0)), *failing(Unavailable("now", again_in=0.0))]
    async with running(parts, Toy("site", *attempts)) as watched:
        assert watched.pauses == [77.0, FIRST_PAUSE]


async def test_what_a_person_must_mend_is_said_until_it_is_mended(parts: Parts) -> None:
    async def mended(port: Port) -> None:
        port.alive()
        toy.done.set()
        await asyncio.Event().wait()

    toy = Toy("site", *failing(Misconfigured("take the bot's present token"), 2), mended)
    async with running(parts, toy) as watched:
        assert watched.states == [("misconfigured", "take the bot's present token")] * 2
        assert watched.pauses == [MISCONFIGURED_PAUSE] * 2
        state = watched.listening.states["site"]
        assert (state.condition, state.detail) == ("listening", None)
        assert state.heard_at is not None


@pytest.mark.parametrize("error", [ValueError("a defect"), asyncio.CancelledError()], ids=["defect", "cancelled"])
async def test_a_defect_is_trouble_like_any_other(parts: Parts, error: BaseException) -> None:
    async with running(parts, Toy("site", *failing(error))) as watched:
        assert [condition for condition, _ in watched.states] == ["retrying"]


async def test_a_channel_that_returns_is_started_again(parts: Parts) -> None:
    async def at_once(_port: Port) -> None:
        return

    async with running(parts, Toy("site", at_once)) as watched:
        assert watched.states == [("retrying", "it stopped by itself")]


async def test_a_hung_channel_is_started_again_and_can_write_no_more(parts: Parts) -> None:
    ports: list[Port] = []

    async def hung(port: Port) -> None:
        ports.append(port)
        await asyncio.Event().wait()

    toy = Toy("site", hung)
    toy.quiet_after = 0.05  # type: ignore[misc] # of this one
    async with running(parts, toy) as watched:
        assert watched.states[0] == ("retrying", "no sign of life for 0 s")
        hanging = watched.listening.states["site"]
        assert isinstance(hanging.state, Retrying)
        assert (hanging.state.code, hanging.hung) == ("hung", 1)
        with pytest.raises(Unavailable, match="given up"):
            await ports[0].accept([envelope({"text": "late"})])
        ports[0].alive()
        assert watched.listening.states["site"].condition == "retrying"
    assert parts.outcomes() == []


async def test_one_channels_trouble_is_not_anothers(parts: Parts) -> None:
    taken = asyncio.Event()

    async def takes(port: Port) -> None:
        port.alive()
        await port.accept([envelope({"text": "hello"}, channel="bot")], Position("updates", "1", 5))
        taken.set()
        well.done.set()
        await asyncio.Event().wait()

    well, ill = Toy("bot", takes), Toy("site", *failing(Unavailable("away"), 50))
    async with running(parts, ill, well) as watched:
        assert taken.is_set()
        assert watched.listening.states["bot"].condition == "listening"
        assert well.attempts == []
    assert parts.outcomes() == [("pending", None)]


async def test_a_position_commits_with_its_envelopes_and_one_that_would_move_back_takes_neither(parts: Parts) -> None:
    read: list[Position | None] = []

    async def takes(port: Port) -> None:
        read.append(await port.position("updates"))
        await port.accept([envelope({"text": "one"})], Position("updates", "1", 7))
        read.append(await port.position("updates"))
        await port.accept([envelope({"text": "two"})], Position("updates", "1", 6))

    async with running(parts, Toy("site", takes)) as watched:
        assert read == [None, Position("updates", "1", 7)]
        assert watched.states[0][0] == "retrying"
        assert "would move back" in str(watched.states[0][1])
    assert parts.outcomes() == [("pending", None)]
    assert [row["position"] for row in parts.rows(cursors)] == [7]


async def test_a_new_era_begins_where_it_is_told(parts: Parts) -> None:
    async def takes(port: Port) -> None:
        await port.accept([envelope({"text": "one"})], Position("updates", "1", 900))
        await port.open_era(Position("updates", "2", 3))
        await port.accept([envelope({"text": "two"})], Position("updates", "2", 4))

    async with running(parts, Toy("site", takes)):
        pass
    assert [(row["era"], row["position"]) for row in parts.rows(cursors)] == [("2", 4)]


async def test_while_the_store_is_away_a_channel_waits(parts: Parts) -> None:
    async def takes(port: Port) -> None:
        await port.accept([envelope({"text": "one"})])

    intake = Intake(parts.store, parts.journal, ZoneInfo("UTC"), lambda _envelopes, _accepted: None)
    toy = Toy("site", takes)
    paused: list[str | None] = []
    listening: Listening

    async def pause(_seconds: float) -> None:
        paused.append(listening.states["site"].detail)
        await asyncio.sleep(0)

    listening = Listening(parts.store, parts.journal, intake, {"site": toy}, Clock(), pause=pause)
    task = asyncio.create_task(listening.run())
    async with asyncio.timeout(WITHIN):
        await toy.done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert isinstance(listening.states["site"].state, Stopped)
    assert paused == ["the store is away: the journal's writer is starting again"]


async def test_a_channel_knows_where_it_is_reached(parts: Parts) -> None:
    found: list[str] = []

    async def looks(port: Port) -> None:
        found.append(port.address)

    async with running(parts, Toy("site", looks)):
        assert found == ["https://example.com/in/site"]
