"""The short way in: whatever is everyday comes to exactly what aiohttp's way makes of it, and nothing else is let in by it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.webform.page import mark
from ingest.intake import door as door_module
from ingest.intake.door import Door, Doorway
from ingest.intake.everyday import everyday
from ingest.intake.room import Room
from storage.schema import journal
from tests.daemon.process import until
from tests.ingest.parts import NOW
from tests.ingest.stand import HELLO, MOST, SECRET, Stand, Stores, anonymous, answer, closed, enumerated, post

ADDRESSES = {b"POST /in/site HTTP/1.1": "site"}

MARKED = mark(SECRET, "site", NOW)
BODIES = st.sampled_from(
    [
        HELLO,
        b'{"name": "Boris", "submission_id": "7"}',
        orjson.dumps({"_form": MARKED, "name": "x", "website": "spam", "consent": "on"}),
        orjson.dumps({"_form": MARKED, "name": "x"}),
        '{"name": "Николай \\u0000 \\ud83d"}'.encode(),
        b"\xef\xbb\xbf{}",
        b"[1]",
        b"{broken",
        b'{"name": "\xd0"}',
        b"\0",
        b"",
        b"name=Anna&phone=%2B79161234567",
        f"_form={MARKED}&name=Anna".encode(),
        f"_form={MARKED}&consent=on&name=Anna".encode(),
        b"test=test",
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nAnna\r\n--b--',
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            [
                "application/json",
                "Application/JSON ; charset=utf-8",
                "text/plain",
                "multipart/form-data; boundary=b",
                "application/x-www-form-urlencoded",
                "application/x-www-form-urlencoded; charset=nonsense",
            ]
        ),
        "Idempotency-Key": st.sampled_from(["one", "two", " one ", "\t", "x" * 300]),
        "Origin": st.sampled_from(["https://example.com", "https://example.org"]),
        "Accept": st.sampled_from(["text/html,*/*;q=0.8", "application/json"]),
        "Referer": st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
        "X-Forwarded-For": st.sampled_from(["198.51.100.1", "6.6.6.6, 198.51.100.1", "127.0.0.1"]),
        "Connection": st.sampled_from(["keep-alive", "Keep-Alive"]),
    },
)


@settings(max_examples=20, deadline=None)
@given(posts=st.lists(st.tuples(BODIES, HEADERS), min_size=1, max_size=8))
def test_both_ways_give_the_same_envelopes_and_the_same_answers(
    template: Path, tmp_path_factory: pytest.TempPathFactory, posts: list[tuple[bytes, dict[str, str]]]
) -> None:
    everydays = [post(body, *headers.items()) for body, headers in posts]
    # A name that the door does not know leaves the request to aiohttp, and means nothing to anybody.
    longer = [post(body, *headers.items(), ("X_Long", "way")) for body, headers in posts]
    assert all(everyday(data, ADDRESSES, MOST) for data in everydays)
    assert not any(everyday(data, ADDRESSES, MOST) for data in longer)

    async def told(stores: Stores, pieces: Sequence[bytes]) -> list[Any]:
        async with Stand(stores.new()).open() as stand:
            answers = await stand.sent(*pieces)
            ids = {accepted.id: f"id {number}" for number, accepted in enumerated(stand.taken)}
            shown = [(status, headers, anonymous(body, ids)) for status, headers, body in answers]
            envelopes = [replace(one, received_at=NOW) for one, _ in stand.taken]
            return [shown, envelopes, [a.duplicate for _, a in stand.taken], stand.refused()]

    with Stores(template, tmp_path_factory.mktemp("ways")) as stores:
        assert asyncio.run(told(stores, everydays)) == asyncio.run(told(stores, longer))


@pytest.mark.parametrize(
    "data",
    [
        post()[:-1],
        post() + b"x",
        post() + post(),
        post().replace(b"POST", b"GET"),
        post().replace(b"POST", b"post"),
        post().replace(b"1.1", b"1.0"),
        post().replace(b"/in/site", b"/in/site?utm_source=x"),
        post().replace(b"/in/site", b"/in/site/tail"),
        post().replace(b"/in/site", b"/in/other"),
        post().replace(b"/in/site", b"http://x/in/site"),
        post().replace(b"Host: x\r\n", b""),
        post().replace(b"Host: x\r\n", b"Host : x\r\n"),
        post().replace(b"Host: x\r\n", b"Host: x\r\n folded\r\n"),
        post().replace(b"Host: x\r\n", b"Host: x\nA: b\r\n"),
        post().replace(b"Host: x", b"Host: \xd0\xb6"),
        post().replace(b"Length: ", b"Length: +"),
        post().replace(b"Length: ", b"Length: 0"),
        post().replace(b"Content-Length", b"Content-Size"),
        post().replace(b"\r\n", b"\n"),
        post(HELLO, ("content-length", str(len(HELLO)))),
        post(HELLO, ("Transfer-Encoding", "chunked")),
        post(HELLO, ("Transfer-Encoding", "identity")),
        post(HELLO, ("Content-Encoding", "gzip")),
        post(HELLO, ("Connection", "close")),
        post(HELLO, ("Connection", "Upgrade")),
        post(HELLO, ("Upgrade", "h2c")),
        post(HELLO, ("Expect", "100-continue")),
        post(HELLO, ("Cookie", "a=1"), ("Cookie", "b=2")),
        post(HELLO, ("X-Long", "x" * 8_000)),
        post(b"x" * (MOST + 1)),
        b"",
    ],
)
def test_what_is_at_all_unusual_is_aiohttps(data: bytes) -> None:
    assert everyday(post(), ADDRESSES, MOST) is not None
    assert everyday(data, ADDRESSES, MOST) is None


async def held(stand: Stand) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose everyday post is being committed."""
    stand.gate.shut()
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
    writer.write(post())
    await asyncio.to_thread(stand.gate.entered.wait, 20)
    return reader, writer


async def test_nothing_is_answered_before_its_commit_and_answers_come_in_the_order_of_their_requests(
    stores: Stores,
) -> None:
    async with Stand(stores.new()).open() as stand:
        reader, writer = await held(stand)
        writer.write(b"GET /form/site HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"[]", ("Content-Type", "application/json")))
        assert (await stand.sent(b"GET /in/nobody HTTP/1.1\r\nHost: x\r\n\r\n"))[0][0] == 404
        stand.gate.open.set()
        assert [(await answer(reader))[0] for _ in range(3)] == [202, 200, 422]
        await closed(writer)


async def test_what_a_sender_who_hung_up_had_sent_stays(stores: Stores) -> None:
    async with Stand(stores.new()).open() as stand:
        _, writer = await held(stand)
        writer.transport.abort()
        await closed(writer)
        stand.gate.open.set()
        assert (await stand.sent(post(b'{"name": "Boris"}')))[0][0] == 202
        assert stand.parts.count(journal) == 2


async def test_who_is_being_answered_when_the_daemon_stops_hears_it(stores: Stores) -> None:
    stand = Stand(stores.new())
    async with stand.open():
        reader, writer = await held(stand)
        opening = asyncio.get_running_loop().call_later(0.05, stand.gate.open.set)
    assert (await answer(reader))[0] == 202
    opening.cancel()
    await closed(writer)


async def test_without_its_writer_the_journal_is_away_on_this_way_too(stores: Stores) -> None:
    stand = Stand(stores.new())
    async with stand.open():
        stand.intake._running = False
        ((status, headers, body),) = await stand.sent(post(HELLO, ("Origin", "https://example.com")))
        assert (status, headers["Retry-After"], orjson.loads(body)["error"]["code"]) == (503, "1", "store_away")
        assert headers["Access-Control-Allow-Origin"] == "https://example.com"


async def test_a_client_who_sends_nothing_more_still_hears_his_answer(stores: Stores) -> None:
    async with Stand(stores.new()).open() as stand:
        reader, writer = await held(stand)
        writer.write_eof()
        await stand.sent(b"GET /in/nobody HTTP/1.1\r\nHost: x\r\n\r\n")  # by now the loop has seen it
        stand.gate.open.set()
        assert (await answer(reader))[0] == 202
        assert await asyncio.wait_for(reader.read(), 20) == b""
        await closed(writer)


class Reader(asyncio.Protocol):
    """What aiohttp would be given."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.met: list[asyncio.BaseTransport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.met.append(transport)

    def data_received(self, data: bytes) -> None:
        self.data.append(data)


class Wire(asyncio.Transport):
    """A connection on which what is sent comes at once, even while it should wait."""

    def __init__(self, peer: tuple[str, int] | None = ("127.0.0.1", 1)) -> None:
        super().__init__({"peername": peer})
        self.written = asyncio.Event()

    def write(self, _data: Any) -> None:
        self.written.set()

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """It has no say."""

    def resume_reading(self) -> None:
        """It has no say."""


async def listening(runner: web.AppRunner, stand: Stand) -> Doorway:
    """A doorway that is open."""
    doorway = Doorway(runner, stand.gateway, "127.0.0.1", 0, most=MOST)
    await doorway.start()
    return doorway


@asynccontextmanager
async def a_door(stand: Stand) -> AsyncIterator[tuple[Door, Wire, Reader]]:
    """A connection that was just made, and both sides of it."""
    inner, wire = Reader(), Wire()
    async with stand.open():
        runner = web.AppRunner(web.Application())
        await runner.setup()
        door = Door(inner, await listening(runner, stand))
        door.connection_made(wire)
        yield door, wire, inner
        await runner.cleanup()


async def test_what_comes_before_an_answer_is_aiohttps_in_one_piece_and_so_is_all_that_follows(stores: Stores) -> None:
    stand = Stand(stores.new())
    async with a_door(stand) as (door, wire, inner):
        stand.gate.shut()
        for piece in (post(), b"GET /form", b"/site HTTP/1.1\r\n\r\n"):
            door.data_received(piece)
        assert inner.data == []
        stand.gate.open.set()
        await asyncio.wait_for(wire.written.wait(), 20)
        door.data_received(post())
        assert inner.data == [b"GET /form/site HTTP/1.1\r\n\r\n", post()]


async def test_a_client_who_does_not_read_his_answers_is_left_to_aiohttp(stores: Stores) -> None:
    async with a_door(Stand(stores.new())) as (door, _, inner):
        door.pause_writing()
        door.data_received(post())
        assert inner.data == [post()]


async def test_what_comes_after_the_door_was_shut_is_aiohttps_and_one_answer_ends_the_waiting(stores: Stores) -> None:
    stand = Stand(stores.new())
    async with a_door(stand) as (door, wire, inner):
        stand.gate.shut()
        door.data_received(post())
        shutting = asyncio.ensure_future(door._doorway.stop())
        stand.gate.open.set()
        await asyncio.wait_for(shutting, 20)
        assert wire.written.is_set()
        door.data_received(post())
        assert inner.data == [post()]


async def test_a_connection_leaves_the_short_way_before_aiohttp_takes_it_for_idle(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    aiohttps = cast("Any", runner.server)()
    assert aiohttps.keepalive_timeout - 60 > door_module._SHORT_FOR
    await runner.cleanup()
    monkeypatch.setattr(door_module, "_SHORT_FOR", -1.0)
    async with a_door(Stand(stores.new())) as (door, _, inner):
        door.data_received(post())
        door.data_received(post())
        assert inner.data == [post(), post()]


async def test_a_client_who_is_gone_before_he_was_seen_is_nobodys_trouble(stores: Stores) -> None:
    async with a_door(Stand(stores.new())) as (seen, _, _):
        inner, wire = Reader(), Wire(None)
        door = Door(inner, seen._doorway)
        door.connection_made(wire)
        door.connection_lost(None)
        assert inner.met == [wire]


async def test_a_body_that_is_not_encoded_as_it_says_is_its_senders_fault_and_no_error_of_ours(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stand(stores.new()).open() as stand:
        (status, _, body), *_ = await stand.sent(post(HELLO, ("Content-Encoding", "gzip")))
        assert (status, orjson.loads(body)["error"]["code"]) == (400, "unreadable")
        (status, headers, _), *_ = await stand.sent(post().replace(b"POST", b"PUT"))
        assert (status, headers["Allow"]) == (405, "POST")
    assert not caplog.records


async def test_bodies_that_are_still_arriving_share_one_room(stores: Stores) -> None:
    room = Room(600)
    async with Stand(stores.new(), room).open() as stand:
        begun, rest = b'{"name": "' + b"A" * 400, b'"}'
        head = post(begun + rest).removesuffix(begun + rest)
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        writer.write(head + begun)
        await until(lambda: room.left < 300)
        (refused,) = await stand.sent(head + begun)
        assert (refused[0], refused[1]["Retry-After"], orjson.loads(refused[2])["error"]["code"]) == (503, "1", "busy")
        writer.write(rest)
        assert (await answer(reader))[0] == 202
        await closed(writer)
        assert (room.left, len(stand.taken)) == (600, 1)


async def test_a_multipart_has_its_share_of_the_room_too(stores: Stores) -> None:
    room = Room(300)
    async with Stand(stores.new(), room).open() as stand:
        for size, status in ((200, 202), (400, 503), (200, 202)):
            form = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"A" * size + b"\r\n--b--\r\n"
            chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(form), form)
            head = b"Host: x\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
            (told,) = await stand.sent(b"POST /in/site HTTP/1.1\r\n" + head + chunked)
            assert (told[0], room.left) == (status, 300)
