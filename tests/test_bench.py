"""`make bench` for a blink: every measurement works and its safeguards hold. The figures mean nothing here."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from bench import measure, namesakes, payload
from bench.client import Broken as BrokenAnswer
from bench.client import Load, status_of
from bench.figure import Figure, table
from bench.load import checked
from bench.machine import Broken
from bench.runs import Plan

ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\nServer: x\r\n\r\n{"id": "1"}'
STALL = 0.15


def test_every_other_sender_is_known_and_no_run_of_a_plan_repeats_one() -> None:
    people = [payload.sender(number) for number in range(2 * payload.KNOWN)]
    assert len(set(people)) == len(people)
    assert sum(person < payload.KNOWN for person in people) == payload.KNOWN


@pytest.mark.parametrize("number", [0, 1, 2 * payload.KNOWN - 1])
def test_a_post_has_300_bytes_and_says_who_sends_it(number: int) -> None:
    body = payload.body(number)
    assert len(body) == payload.SIZE
    said = json.loads(body)
    person = payload.sender(number)
    assert "+7" + "".join(filter(str.isdigit, said["phone"]))[1:] == payload.phone(person)
    assert said["email"] == payload.email(person)


def test_an_answer_is_read_with_its_last_byte_and_not_before() -> None:
    assert [status_of(ANSWER[:end]) for end in range(len(ANSWER))] == [None] * len(ANSWER)
    assert status_of(ANSWER) == 202


def test_an_answer_of_unknown_length_is_not_guessed_at() -> None:
    with pytest.raises(BrokenAnswer):
        status_of(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n")


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _served(handler: Handler) -> AsyncIterator[int]:
    """The port of a server; it has let go of all its connections when the block is over."""
    tasks: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await handler(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*tasks)


async def test_a_stall_is_counted_for_every_request_that_was_due_in_it() -> None:
    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stall = STALL
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(payload.SIZE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), stall)
            stall = 0
            writer.write(ANSWER)

    async with _served(answer_late) as port:
        load = Load(port, "/in/site", 0)
        await load.run(connections=1, seconds=STALL / 3, rate=1_000)
    assert len(load.latencies) > 10
    assert min(load.latencies) > STALL / 2


async def test_a_server_that_hangs_up_ends_the_run_with_an_error() -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with _served(hang_up) as port:
        with pytest.raises(BrokenAnswer):
            await Load(port, "/in/site", 0).run(connections=2, seconds=5, rate=None)


def test_a_figure_says_which_goal_its_ratio_or_value_reaches() -> None:
    faster = Figure("f", "1/s", [50, 70, 60], 0.5, 0.8, "higher", [100, 90, 110])
    assert (faster.ratio, faster.verdict) == (0.6, "must")
    assert Figure("f", "ms", [20], 50, 25, "lower").verdict == "aim"
    assert Figure("f", "ms", [51], 50, 25, "lower").verdict == "MISSED"


def test_refusals_are_no_rate() -> None:
    assert checked('{"requests": 10, "refused": 0}')["requests"] == 10
    for told in ('{"requests": 10, "refused": 1}', '{"requests": 0, "refused": 0}'):
        with pytest.raises(Broken):
            checked(told)


def test_names_with_a_typing_error_are_found_among_others(tmp_path: Path) -> None:
    slowest, one, two = namesakes.figures(tmp_path, 400, queries=40)
    assert slowest.value > 0
    assert one.value >= 0.9
    assert two.value <= 1


def test_every_figure_is_measured(tmp_path: Path) -> None:
    plan = Plan.quick(tmp_path)
    figures = [measure.acceptance(plan), measure.end_to_end(plan), *measure.received_to_assigned(plan, 100)]
    figures += measure.footprint(plan)
    names = [figure.name for figure in figures]
    assert names[:6] == [
        "acceptance",
        "end_to_end",
        "received_to_assigned_p50",
        "received_to_assigned_p99",
        "start_to_ready",
        "help",
    ]
    for figure in figures:
        assert set(figure.json()) == {"name", "value", "unit", "floor", "ratio", "must", "aim", "better"}
        assert figure.value > 0 or figure.name == "idle_cpu"
    assert all(name in table(figures) for name in names)
