"""What streams are told: everything that changed since they looked last, once, no more often than a screen can use."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.assembly import assemble
from ingest.office.changes import KEPT, NAMED, Changes
from storage.journal import Result
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, company, wire

CONFIG = "channels: {site: {kind: webform}}\nmanagers: {anna: {name: Анна}}\nteams: {sales: {managers: [anna]}}\n"


@pytest.fixture
def changes(store: Store) -> Changes:
    return Changes(store, pause=0.0)


async def told(stream: AsyncIterator[Sequence[dict[str, Any]]]) -> list[tuple[str, str | None, int | None]]:
    """The next delivery, without its places."""
    events = await asyncio.wait_for(anext(stream), 5)
    return [(event["kind"], event["id"], event["version"]) for event in events]


RESET = [("reset", None, None)]


async def test_a_stream_begins_with_a_reset_and_then_tells_each_thing_once(changes: Changes) -> None:
    changes.publish("lead", "a", 1)
    stream = changes.follow(None)
    assert await told(stream) == RESET
    changes.publish("lead", "a", 2)
    changes.publish("manager", "anna", 5)
    changes.publish("lead", "a", 3)
    assert await told(stream) == [("lead", "a", 3), ("manager", "anna", 5)]


async def test_who_comes_back_is_told_what_he_missed_and_a_stranger_begins_anew(changes: Changes) -> None:
    stream = changes.follow(None)
    (begun,) = await anext(stream)
    changes.publish("leads")
    assert await told(changes.follow(begun["event"])) == [("leads", None, None)]
    for foreign in ("", "other-0", f"{begun['event']}9", "x", f"{begun['event'].partition('-')[0]}-x"):
        assert await told(changes.follow(foreign)) == RESET


async def test_who_fell_behind_further_than_the_ring_reaches_begins_anew(changes: Changes) -> None:
    stream = changes.follow(None)
    await anext(stream)
    for number in range(KEPT + 1):
        changes.publish("lead", str(number), 1)
    assert await told(stream) == RESET
    changes.publish("leads")
    assert await told(stream) == [("leads", None, None)]


async def test_a_batch_is_told_by_what_its_leads_are_called_outside(changes: Changes, store: Store) -> None:
    parts = wire(store, company())
    results = parts.take({"phones": ["8 912 345-67-81"]}, {"phones": ["8 912 345-67-82"]}, at=NOW)
    stream = changes.follow(None)
    await anext(stream)
    changes.settled(results)
    wanted = [("lead", str(parts.lead(r.lead)["uid"]), int(parts.lead(r.lead)["version"])) for r in results]
    assert sorted(await told(stream)) == sorted(wanted)


@pytest.mark.parametrize(
    "results",
    [
        [Result(1, "handled", None)],
        [Result(1, "ignored", "repeat")],
        [Result(number, "created", None, lead=number) for number in range(NAMED + 1)],
    ],
    ids=["signal", "ignored", "many"],
)
async def test_a_batch_that_names_none_or_too_many_says_look_at_all(changes: Changes, results: list[Result]) -> None:
    stream = changes.follow(None)
    await anext(stream)
    changes.settled(results)
    assert await told(stream) == [("leads", None, None)]


async def test_two_streams_are_told_the_same_and_both_end_with_the_process(changes: Changes) -> None:
    streams = [changes.follow(None), changes.follow(None)]
    for stream in streams:
        await anext(stream)
    waiting = [asyncio.ensure_future(told(stream)) for stream in streams]
    await asyncio.sleep(0)
    changes.publish("manager", "anna", 2)
    assert await asyncio.gather(*waiting) == [[("manager", "anna", 2)]] * 2
    ending = [asyncio.ensure_future(told(stream)) for stream in streams]
    await asyncio.sleep(0)
    changes.close()
    ended = await asyncio.gather(*ending, return_exceptions=True)
    assert [type(one) for one in ended] == [StopAsyncIteration] * 2


async def test_what_people_do_is_told_with_its_id_and_version(store: Store, tmp_path: Path) -> None:
    assembled = await assemble(configured(tmp_path, CONFIG), store, at_clock(NOW))
    parts = wire(store)
    (result,) = parts.take({"phones": ["8 912 345-67-81"]}, at=NOW)
    uid = str(parts.lead(result.lead)["uid"])
    stream = assembled.core.changes.follow(None)
    await anext(stream)
    shown = await assembled.serving.office.leads.act(uid, "accept", {"manager": "anna"}, "irina")
    assert await told(stream) == [("lead", uid, shown["version"])]
    shown = await assembled.serving.office.managers.set_available("anna", available=False, actor="irina")
    assert await told(stream) == [("manager", "anna", shown["version"])]
