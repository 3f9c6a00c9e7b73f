"""Posts that a process of its own reads: the same answers, nothing acknowledged that is not stored, and no more than it may do."""

import asyncio
import marshal
import os
import pickle
import resource
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from channels.adapter import Rejected
from channels.message import Accepted
from channels.webform import Adapter, Config
from channels.webform.page import mark
from ingest.intake.front import Door, Front
from ingest.intake.fronting import Fronting
from ingest.intake.gateway import Post
from ingest.intake.line import Line, packed, unpacked
from kernel.clock import Clock
from storage.schema import journal
from storage.store import Store
from tests.channels.subjects import Subject, every
from tests.daemon.process import until
from tests.ingest.parts import envelope
from tests.ingest.stand import HELLO, MOST, SECRET, Answer, Stand, Stores, anonymous, answer, closed, enumerated, post

LOOK = b"GET /in/site HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /in/site HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
FIRST = post(b'{"name": "first"}')


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.new()


class Fronted(Stand):
    """A stand with a front before it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.fronting: Fronting = Fronting(self.gateway, most=MOST, enough=1_000, ends_within=20)

    async def ready(self) -> int:
        """Start a front; its process id."""
        self.fronting.begin()

        async def pid() -> int:
            return self.fronting.pid or 0

        return await until(pid)

    @property
    def fronted(self) -> int:
        """The posts that the present front has brought."""
        front = self.fronting._front
        return 0 if front is None else front.posts

    @asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection that had its first answer, and so goes to the front with its second post."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(FIRST)
        assert (await answer(reader))[0] == 202
        yield reader, writer
        await closed(writer)


async def asked(client: tuple[asyncio.StreamReader, asyncio.StreamWriter], piece: bytes) -> Answer:
    reader, writer = client
    writer.write(piece)
    return await answer(reader)


# By the true clock, which is the front's.
MARKED = mark(SECRET, "site", datetime.now(UTC))
CONVERSATIONS: Sequence[Sequence[bytes]] = [
    [
        post(b'{"name": "Boris"}', ("Idempotency-Key", "one"), ("Origin", "https://example.com")),
        post(b'{"name": "Boris"}', ("Idempotency-Key", "one")),
        post(b'{"name": "Vera"}', ("Idempotency-Key", "one"), ("Accept", "text/html,*/*;q=0.8")),
        post(orjson.dumps({"_form": MARKED, "name": "x"}), ("Origin", "https://example.com")),
        post(b"{broken", ("Content-Type", "application/json")),
        post(b"name=Anna", ("X-Forwarded-For", "198.51.100.1, 127.0.0.1")),
        LOOK,
        post(),
    ],
    [post(), CHUNKED, post()],
    [post(), post(b"x" * (MOST + 1), ("Content-Type", "application/json"))],
    [post(), post(HELLO, ("X_Long", "way")), LOOK],
    [post(), post(HELLO, ("Connection", "close"))],
]


async def test_whatever_is_said_over_a_front_hears_what_it_hears_without_one(stores: Stores) -> None:
    told = []
    for kind in (Fronted, Stand):
        made = kind(stores.new())
        made.gateway._clock = Clock()
        async with made.open() as stand:
            if isinstance(stand, Fronted):
                await stand.ready()
            answers = [await stand.sent(FIRST, *conversation) for conversation in CONVERSATIONS]
            ids = {accepted.id: f"id {number}" for number, accepted in enumerated(stand.taken)}
            shown = [(status, headers, anonymous(body, ids)) for one in answers for status, headers, body in one]
            envelopes = [(e.identity, e.body, dict(e.meta), e.digest, a.duplicate, a.conflict) for e, a in stand.taken]
            told.append([shown, envelopes, stand.refused()])
            if isinstance(stand, Fronted):
                assert stand.fronted == 8
    assert told[0] == told[1]


async def test_a_front_that_is_killed_costs_no_answered_post_and_the_daemon_goes_on_by_itself(store: Store) -> None:
    async with Fronted(store).open() as stand:
        assert isinstance(stand, Fronted)
        pid = await stand.ready()
        async with stand.client() as first, stand.client() as second:
            assert (await asked(first, post()))[0] == 202
            stand.gate.shut()
            second[1].write(post(b'{"name": "in vain"}'))
            await asyncio.to_thread(stand.gate.entered.wait, 20)
            os.kill(pid, signal.SIGKILL)
            for reader, _ in (first, second):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                    await asyncio.wait_for(reader.readexactly(1), 20)
            stand.gate.open.set()
            assert (await stand.sent(post(), post()))[1][0] == 202
        assert stand.parts.count(journal) == 6
        assert stand.fronting.pid is None
        stand.fronting._not_before = 0.0
        assert await stand.ready() != pid
        async with stand.client() as again:
            assert (await asked(again, post()))[0] == 202
            assert stand.fronted == 1


async def test_a_front_that_hangs_is_killed_and_what_it_was_given_breaks_instead_of_waiting_for_ever(
    store: Store,
) -> None:
    stand = Fronted(store)
    stand.fronting = Fronting(stand.gateway, most=MOST, enough=1_000, asked_every=0.05)
    async with stand.open():
        pid = await stand.ready()
        async with stand.client() as client:
            assert (await asked(client, post()))[0] == 202
            os.kill(pid, signal.SIGSTOP)
            client[1].write(post())
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await asyncio.wait_for(client[0].readexactly(1), 20)
        assert stand.fronting.pid is None
        assert (await stand.sent(post(), post()))[1][0] == 202


async def test_after_a_reload_nothing_is_judged_by_what_was_before_and_no_connection_is_lost(store: Store) -> None:
    async with Fronted(store).open() as stand:
        assert isinstance(stand, Fronted)
        await stand.ready()
        async with stand.client() as idle, stand.client() as busy:
            assert (await asked(idle, post()))[0] == 202
            stand.gate.shut()
            busy[1].write(post())
            await asyncio.to_thread(stand.gate.entered.wait, 20)
            changed = Adapter(
                "site", Config(kind="webform", origins=("https://new.example",)), secret=SECRET, language="ru"
            )
            stand.gateway._adapters["site"] = changed  # type: ignore[index] # a mapping of the test's own
            renewing = asyncio.create_task(stand.fronting.renew())
            stand.gate.open.set()
            await asyncio.wait_for(renewing, 20)
            assert (await answer(busy[0]))[0] == 202
            for client in (idle, busy):
                _, headers, _ = await asked(client, post(HELLO, ("Origin", "https://new.example")))
                assert headers["Access-Control-Allow-Origin"] == "https://new.example"
            await stand.ready()
            _, headers, _ = await asked(idle, post(HELLO, ("Origin", "https://new.example")))
            assert headers["Access-Control-Allow-Origin"] == "https://new.example"
            assert stand.fronted == 1


async def test_who_is_being_answered_by_a_front_when_the_daemon_stops_hears_it(store: Store) -> None:
    stand = Fronted(store)
    async with stand.open():
        await stand.ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        writer.write(post())
        assert (await answer(reader))[0] == 202
        stand.gate.shut()
        writer.write(post())
        await asyncio.to_thread(stand.gate.entered.wait, 20)
        opening = asyncio.get_running_loop().call_later(0.05, stand.gate.open.set)
    assert (await answer(reader))[0] == 202
    opening.cancel()
    await closed(writer)
    assert stand.fronting.pid is None


async def test_many_posts_within_a_second_start_a_front_and_quiet_ends_it(store: Store) -> None:
    stand = Fronted(store)
    stand.fronting = Fronting(stand.gateway, most=MOST, enough=4)
    async with stand.open():
        for _ in range(4):
            await stand.sent(post())  # who comes for one post only would have nothing of a front
        await stand.sent(*[post()] * 4)
        assert stand.fronting._front is None
        await stand.sent(*[post()] * 2)
        front = stand.fronting._front
        assert front is not None
        stand.fronting._look(front)
        assert stand.fronting._front is None
        await asyncio.wait_for(front._gone.wait(), 20)


async def test_without_its_writer_the_journal_is_away_over_a_front_too(store: Store) -> None:
    async with Fronted(store).open() as stand:
        assert isinstance(stand, Fronted)
        await stand.ready()
        async with stand.client() as client:
            stand.intake._running = False
            status, headers, body = await asked(client, post(HELLO, ("Origin", "https://example.com")))
            assert (status, headers["Retry-After"], orjson.loads(body)["error"]["code"]) == (503, "1", "store_away")
            assert headers["Access-Control-Allow-Origin"] == "https://example.com"
            assert stand.refused() == ['priyom_refused_total{channel="site",code="store_away"} 1.0']
            stand.intake._running = True
            assert (await asked(client, post()))[0] == 202


async def test_of_posts_that_came_together_one_that_the_store_refuses_costs_only_itself(store: Store) -> None:
    # No number of SQLite's is so large.
    poison = replace(envelope({}), format=2**70)
    came = [[envelope({"a": 1})], [poison], [envelope({"a": 2}), envelope({"a": 3})]]
    told: dict[int, tuple[Sequence[Accepted], Rejected | None]] = {}
    async with Stand(store).open() as stand:
        posts = [Post(number, "site", envelopes) for number, envelopes in enumerate(came)]
        stand.gateway.enter(posts, lambda number, *result: told.update({number: result}))

        async def all_told() -> bool:
            return len(told) == len(came)

        await until(all_told)
        assert [len(accepted) for accepted, _ in told.values()] == [1, 0, 2]
        assert [refusal and refusal.status for _, refusal in told.values()] == [None, 500, None]
        assert stand.refused() == ['priyom_refused_total{channel="site",code="internal"} 1.0']
        assert stand.parts.count(journal) == 3


@pytest.mark.parametrize("subject", every(), ids=lambda one: one.name)
def test_a_front_makes_of_a_channel_and_its_posts_what_the_daemon_does(subject: Subject) -> None:
    adapter = subject.make()
    orders = pickle.dumps((type(adapter), adapter.name, adapter.config, adapter.secret, adapter.language))
    kind, name, config, secret, language = pickle.loads(orders)  # noqa: S301 - made above
    again = kind(name, config, secret=secret, language=language)
    for request in subject.requests():
        envelopes = list(adapter.receive(request))
        assert [unpacked(marshal.loads(marshal.dumps(packed(one)))) for one in again.receive(request)] == envelopes  # noqa: S302 - made here


async def test_a_line_keeps_the_order_of_messages_and_of_the_connections_that_travel_with_them() -> None:
    heard: list[Any] = []
    ended = asyncio.Event()
    ours, theirs = socket.socketpair()
    line = Line(ours, lambda *_: None, lambda: None)
    connections = [socket.socketpair() for _ in range(4)]
    sent = [b"x" * 300_000, b"", b"y" * 200_000, b"z"]
    for (mine, _), data in zip(connections, sent, strict=True):
        line.say("plain", [data[:7], None, 7])
        line.say("back", data, connection=mine.fileno())
    assert line.clogged
    line.close()
    other = Line(theirs, lambda *told: heard.append(told), ended.set)
    await asyncio.wait_for(ended.wait(), 20)
    assert other.clogged is False
    assert [message[1] for message, _ in heard[1::2]] == sent
    for (mine, far), (_, connection) in zip(connections, heard[1::2], strict=True):
        mine.close()
        connection.sendall(b"!")
        connection.close()
        assert far.recv(2) == b"!"
        far.close()


async def test_who_reads_no_answer_does_not_keep_a_front_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.intake.front.UNREAD", 0.05)
    ours, theirs = socket.socketpair()
    front, ended = Front(theirs), asyncio.Event()
    line = Line(ours, lambda *_: None, ended.set)
    mine, far = socket.socketpair()
    loop = asyncio.get_running_loop()
    door = Door(front, post()[:-1])  # nothing whole: it would go back
    monkeypatch.setattr(door, "data_received", lambda _data: None)
    await loop.connect_accepted_socket(lambda: door, mine)
    door.answer(b"x" * 10_000_000)
    line.say("end")
    await asyncio.wait_for(ended.wait(), 20)
    assert front.over.is_set()
    far.close()


async def test_a_message_over_which_its_hearer_fell_is_not_heard_again_and_keeps_none_behind_it() -> None:
    heard: list[str] = []
    ours, theirs = socket.socketpair()
    line = Line(ours, lambda *_: None, lambda: None)

    def hear(message: tuple[Any, ...], _connection: socket.socket | None) -> None:
        heard.append(message[0])
        if message[0] == "bad":
            raise ValueError("bad")

    ended = asyncio.Event()
    fallen = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda *_: fallen.set())
    Line(theirs, hear, ended.set)
    for said in ("first", "bad", "behind"):
        line.say(said)
    await asyncio.wait_for(fallen.wait(), 20)
    line.say("last")
    line.close()
    await asyncio.wait_for(ended.wait(), 20)
    assert heard == ["first", "bad", "behind", "last"]


async def test_a_line_that_lost_a_connection_breaks_rather_than_take_the_next_for_it() -> None:
    heard: list[Any] = []
    broken = asyncio.Event()
    ours, theirs = socket.socketpair()
    line = Line(ours, lambda *_: None, lambda: None)
    Line(theirs, lambda *told: heard.append(told), broken.set)
    mine, far = socket.socketpair()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    try:
        # No more than are open now: what the line sends is there already, and cannot be received.
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, most[1]))
        line.say("back", b"", connection=mine.fileno())
        await asyncio.wait_for(broken.wait(), 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert heard == []
    line.close()
    mine.close()
    far.close()
