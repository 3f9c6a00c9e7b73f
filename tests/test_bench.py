"""`make bench` for a blink: every measurement works and its safeguards hold. The figures mean nothing here."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest

from bench import day, febrl, matching, measure, namesakes, payload
from bench.__main__ import run
from bench.chart import chart
from bench.client import Broken as BrokenAnswer
from bench.client import Load, status_of
from bench.figure import Figure, table
from bench.load import checked
from bench.machine import Broken
from bench.people import World
from bench.postgresql import Server as ServerOfBench
from bench.postgresql import naive_leads, one_commit_inserts
from bench.runs import Plan
from bench.watch import BLOCK, PRIYOM, New, Place, Watch, watching
from tests.postgres import Missing, Server

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
    figures = [measure.acceptance(plan), measure.end_to_end(plan), *measure.received_to_assigned(plan)]
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


# --- past one file ---


def test_pgbench_says_what_the_database_can_do_and_a_template_has_whom_the_load_knows(postgresql: Server) -> None:
    server = ServerOfBench(postgresql.url("").rstrip("/"), "test")
    assert min(one_commit_inserts(server, 1, 0.1).rates) > 0
    assert min(naive_leads(server, 1, 0.1, contacts=10, managers=3).rates) > 0
    with server.copied(server.known(50)) as url, watching(url) as watch:
        assert (watch.count("contacts"), watch.count("keys"), watch.pending()) == (50, 100, 0)
        assert watch.place() == Place(0, 0, 0)


def test_what_is_missing_is_skipped_and_what_breaks_does_not_end_the_run() -> None:
    def missing() -> list[Figure]:
        raise Missing("no such server")

    def broken() -> list[Figure]:
        raise Broken("no answer")

    fine = Figure("f", "1/s", [1], 0, 1, "higher")
    parts = {"missing": missing, "broken": broken, "fine": lambda: [fine]}
    assert run(parts, ["missing", "broken", "fine"]) == (
        [fine],
        ["skipped: missing: no such server", "broken: broken: no answer"],
        True,
    )


class _Blocks(Watch):
    """A store whose leads two processes write in blocks of their own."""

    def __init__(self) -> None:
        super().__init__(PRIYOM)
        self.rows: list[int] = []

    def _all(self, query: str, *parameters: int) -> list[Any]:
        if query == PRIYOM.last:
            return [(0, max(self.rows, default=0), len(self.rows))]
        return [(number, 0, 1) for number in sorted(self.rows) if parameters[0] < number <= parameters[1]]

    def version(self) -> object:
        return len(self.rows)

    def close(self) -> None:
        """Nothing is open."""


def test_leads_of_two_processes_are_each_seen_once_whoever_is_ahead() -> None:
    store = _Blocks()
    store.rows = [BLOCK - 5]
    new = New(store)
    seen: list[int] = []
    for written in ([BLOCK + 3], [BLOCK - 2, 2 * BLOCK + 1], [BLOCK + 9, 2 * BLOCK + 4, BLOCK], []):
        store.rows += written
        seen += [number for number, _, _ in new.look()]
    assert sorted(seen) == sorted(store.rows[1:])


def test_the_chart_is_an_image_with_a_row_for_each_goal() -> None:
    figures = [Figure("fast & good", "1/s", [9], 0.6, 0.8, "higher", [10]), Figure("slow", "ms", [60], 50, 25, "lower")]
    root = ET.fromstring(chart(figures, "a <machine>"))  # noqa: S314 - our own
    texts = "".join(root.itertext())
    assert "fast & good" in texts
    assert "a <machine>" in texts
    bars = [one.get("class") for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == ["ground", "track", "met", "track", "missed"]


# --- people ---


def test_made_up_people_are_the_same_each_time_and_come_in_their_own_order() -> None:
    approaches = World(200).approaches()
    assert approaches == World(200).approaches()
    assert {approach.person for approach in approaches} == set(range(200))
    assert any("." in approach.name for approach in approaches)
    assert all(approach.phones or approach.emails for approach in approaches)


def test_matching_is_measured_by_pairs_of_approaches_and_of_contacts() -> None:
    quality = matching.measure(150)
    assert quality.joins.found >= quality.joins.right > 0.5 * quality.joins.true
    assert quality.quiet.precision >= quality.joins.precision
    assert 0 < quality.named.right <= quality.suggested.right <= quality.suggested.true


def test_febrls_records_of_one_number_are_one_person(tmp_path: Path) -> None:
    rows = (
        "rec-1-org, Ludmila, Petrunina, Perth",
        "rec-1-dup-0, Ludmila, Petrunin, Perth",
        "rec-2-org, Ann, Shawcross, Kew",
    )
    (tmp_path / "dataset1.csv").write_text("\n".join(("rec_id, given_name, surname, suburb", *rows)), encoding="utf-8")
    (figure,) = febrl.figures(tmp_path)
    assert figure.name == "febrl1_f1"
    assert "of 1)" in figure.notes[0]
    with pytest.raises(Missing):
        febrl.figures(tmp_path / "elsewhere")


# --- a day ---


def test_a_day_has_as_many_contacts_as_asked_for_and_most_before_noon() -> None:
    number = day.steps(10_000)
    assert (len(number), sum(number)) == (288, 10_000)
    assert sum(number[:144]) > 5_000


def test_what_a_day_lost_or_gave_unfairly_is_told() -> None:
    fair = {"team0": {f"m{n}": 3 + n % 2 for n in range(10)}}
    lived = day.Day({"a", "b"}, memory=[90.0] * 24)
    assert day.faults(lived, day.Looked({"a": "created", "b": "attached"}, fair, {}), 2, balanced=True) == []
    unfair = {"team0": {f"m{n}": 3 + n % 3 for n in range(10)}}
    grown = day.Day({"a", "b", "c"}, memory=[90.0] * 20 + [110.0] * 4)
    told = day.faults(grown, day.Looked({"a": "created", "b": "pending"}, unfair, {}), 4, balanced=False)
    assert [line.split()[-1] for line in told[:2]] == ["given", "journal"]
    assert len(told) == 7
