"""Wake-ups between processes over a real Valkey: each is heard, few are sent, and whatever becomes of Valkey costs only them."""

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from structlog.testing import capture_logs

from channels.adapter import Misconfigured, Unavailable
from ingest.bells import Bells, Topic
from ingest.wakes import jobs
from ingest.wakes.line import FOR_ALL, FOR_ONE, PATIENCE, TOPICS, Line, pool_of
from ingest.wakes.probing import probe
from tests.daemon.process import until
from tests.smtp import Certificate, certificate
from tests.valkey import Valkey, running

SCOPE = b"a store"
QUEUE = "priyom:test"
SOON = 3.0
SHORT = 0.4
ENDS_WITHIN = 1.5


class Process:
    """What one process rings and hears."""

    def __init__(self, url: str, works: bool, scope: bytes, patience: float) -> None:
        self.bells = Bells()
        self.heard: Counter[Topic] = Counter()
        self.line = Line(url, scope, self.bells, works=works, patience=patience)
        self.bells.carried_by(self.line.tell)
        for topic in TOPICS if works else FOR_ALL:
            self.bells.of(topic).heard_by(lambda topic=topic: self.heard.update([topic]))  # type: ignore[misc] # a bound default

    def ring(self, topic: Topic) -> None:
        self.bells.of(topic)()


@contextlib.asynccontextmanager
async def process(
    server: Valkey,
    *,
    works: bool = False,
    up: bool = True,
    scope: bytes = SCOPE,
    url: str = "",
    patience: float = PATIENCE,
) -> AsyncIterator[Process]:
    """A process with its line up and nothing heard yet."""
    one = Process(url or server.url, works, scope, patience)
    task = asyncio.create_task(one.line.run())
    try:
        if up:
            await until(lambda: one.line.is_up)
            one.heard.clear()
        yield one
    finally:
        task.cancel()
        began = time.monotonic()
        _, running = await asyncio.wait({task}, timeout=SOON)
        assert not running
        assert time.monotonic() - began < ENDS_WITHIN


@contextlib.asynccontextmanager
async def arq(server: Valkey) -> AsyncIterator[ArqRedis]:
    redis = ArqRedis(pool_of(server.url), job_serializer=jobs.encoded)
    try:
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


def test_whoever_has_no_redis_loads_nothing_of_it() -> None:
    """Only this room imports it, and the room itself is imported where Redis is configured: in a function."""
    root = Path(__file__).parents[2]
    packages = ("kernel", "channels", "dedup", "routing", "storage", "desk", "ingest")
    modules = [path for package in packages for path in (root / package).rglob("*.py") if path.parent.name != "wakes"]
    at_the_start = re.compile(r"^(?:from|import) (?:arq|redis|ingest\.wakes)\b", re.MULTILINE)
    anywhere = re.compile(r"^\s*(?:from|import) (?:arq|redis)\b", re.MULTILINE)
    texts = {path: path.read_text(encoding="utf-8") for path in modules}
    assert len(texts) > 200
    assert not [path for path, text in texts.items() if at_the_start.search(text) or anywhere.search(text)]


async def test_what_one_must_hear_is_heard_by_one_and_what_all_must_hear_by_all(redis_server: Valkey) -> None:
    async with (
        process(redis_server) as receiver,
        process(redis_server, works=True) as first,
        process(redis_server, works=True) as second,
    ):
        for topic in TOPICS:
            receiver.ring(topic)
        await until(lambda: (first.heard + second.heard).total() >= len(FOR_ONE) + 2)
        assert all(first.heard[topic] + second.heard[topic] == 1 for topic in FOR_ONE)
        assert first.heard["changed"] == second.heard["changed"] == 1
        assert not receiver.heard


async def test_who_works_is_rung_here_and_asks_others_only_for_help(redis_server: Valkey) -> None:
    async with process(redis_server, works=True) as worker, process(redis_server) as desk, arq(redis_server) as redis:
        for topic in TOPICS:
            worker.ring(topic)
        await until(lambda: desk.heard["changed"])
        assert worker.heard == dict.fromkeys(FOR_ONE, 1)
        assert not await redis.keys(f"{job_key_prefix}*:work:*")
        worker.bells.work.elsewhere()
        # There is nobody else, so it comes back.
        await until(lambda: worker.heard["work"] == 2)


async def test_stores_that_share_a_valkey_do_not_hear_each_other(redis_server: Valkey) -> None:
    async with (
        process(redis_server) as receiver,
        process(redis_server, works=True) as own,
        process(redis_server, works=True, scope=b"another store") as stranger,
    ):
        for topic in TOPICS:
            receiver.ring(topic)
        await until(lambda: len(own.heard) == len(TOPICS))
        assert not stranger.heard


async def test_a_thousand_words_are_a_few_jobs(redis_server: Valkey) -> None:
    async with process(redis_server) as receiver, process(redis_server, works=True) as worker:
        for _ in range(1_000):
            receiver.ring("work")
            receiver.ring("changed")
        await until(lambda: worker.heard["work"] and worker.heard["changed"])
        receiver.ring("changed")
        await until(lambda: worker.heard["changed"] == 2)
        assert worker.heard["work"] <= 2


async def test_no_word_is_lost_that_is_said_while_the_worker_looks(redis_server: Valkey) -> None:
    """The worker has looked, its job is not over, and then something is committed and said: that must wake it again."""
    looks = 0
    async with process(redis_server) as receiver, process(redis_server, works=True) as worker:

        def look() -> None:
            nonlocal looks
            looks += 1
            receiver.ring("work")

        worker.bells.work.heard_by(look)
        receiver.ring("work")
        for number in range(1, 30):
            await until(lambda number=number: looks > number, within=2.0)  # type: ignore[misc] # a bound default


async def test_what_is_said_while_its_job_runs_waits_under_the_other_id(redis_server: Valkey) -> None:
    async with arq(redis_server) as redis:
        await jobs.enqueue(redis, QUEUE, "work")
        await redis.set(f"{in_progress_key_prefix}{QUEUE}:work:0", b"1")
        await jobs.enqueue(redis, QUEUE, "work")
        assert await redis.zrange(QUEUE, 0, -1) == [f"{QUEUE}:work:0".encode(), f"{QUEUE}:work:1".encode()]
        # One waits: nothing more is needed, however often it is said.
        await jobs.enqueue(redis, QUEUE, "work")
        assert await redis.zcard(QUEUE) == 2


async def test_while_both_ids_run_a_word_waits_until_one_is_free(redis_server: Valkey) -> None:
    async with arq(redis_server) as redis:
        for place in range(jobs.PLACES):
            job = f"{QUEUE}:work:{place}"
            await redis.enqueue_job("work", _job_id=job, _queue_name=QUEUE)
            await redis.set(in_progress_key_prefix + job, b"1")
        said = asyncio.create_task(jobs.enqueue(redis, QUEUE, "work"))
        done, _ = await asyncio.wait({said}, timeout=0.05)
        assert not done
        await redis.delete(f"{in_progress_key_prefix}{QUEUE}:work:1", f"{job_key_prefix}{QUEUE}:work:1")
        await redis.zrem(QUEUE, f"{QUEUE}:work:1")
        async with asyncio.timeout(SOON):
            await said


async def test_a_valkey_that_dies_is_told_once_and_when_it_is_back_everything_is_looked_at(
    redis_server: Valkey,
) -> None:
    with capture_logs() as logs:
        async with process(redis_server) as receiver, process(redis_server, works=True) as worker:
            redis_server.kill()
            await until(lambda: receiver.line.is_up is worker.line.is_up is False)
            for topic in TOPICS:
                receiver.ring(topic)
                worker.ring(topic)
            assert worker.heard == dict.fromkeys(FOR_ONE, 1)
            worker.heard.clear()
            redis_server.start()
            await until(lambda: receiver.line.is_up is worker.line.is_up is True)
            await until(lambda: len(worker.heard) == len(TOPICS))
            worker.heard.clear()
            receiver.ring("work")
            await until(lambda: worker.heard["work"])
    told = [line["event"] for line in logs if line["action"] == "wakes.away"]
    assert len(told) == 2


async def test_a_valkey_that_is_not_there_yet_is_told_once_and_found_when_it_comes(redis_server: Valkey) -> None:
    redis_server.kill()
    with capture_logs() as logs:
        async with process(redis_server, works=True, up=False) as worker:
            await until(lambda: logs)
            assert not worker.line.is_up
            redis_server.start()
            await until(lambda: worker.line.is_up)
    assert [line["action"] for line in logs] == ["wakes.away", "wakes.up"]


async def test_an_emptied_valkey_costs_what_was_on_its_way_and_nothing_after(redis_server: Valkey) -> None:
    async with process(redis_server) as receiver, process(redis_server, works=True) as worker:
        for _ in range(5):
            receiver.ring("work")
            redis_server.empty()
            worker.heard.clear()
            receiver.ring("work")
            await until(lambda: worker.heard["work"])
        assert worker.line.is_up


# A pipeline whose UNWATCH nobody answers stays open in redis-py, which closes it itself when it is collected, and says so.
@pytest.mark.filterwarnings("ignore:Unclosed client session:ResourceWarning")
async def test_a_valkey_that_hangs_is_away_and_holds_nobody_up(redis_server: Valkey) -> None:
    async with (
        process(redis_server, works=True, patience=SHORT) as worker,
        process(redis_server, patience=SHORT) as receiver,
    ):
        redis_server.freeze()
        try:
            receiver.ring("work")
            await until(lambda: receiver.line.is_up is worker.line.is_up is False)
            redis_server.thaw()
            await until(lambda: receiver.line.is_up is worker.line.is_up is True)
            worker.heard.clear()
            # Ends while nobody answers: what `process` measures.
            receiver.ring("work")
            redis_server.freeze()
        except BaseException:
            redis_server.thaw()
            raise
    redis_server.thaw()


async def test_a_password_is_shown_nowhere() -> None:
    with running(password="pass-of-valkey") as server, capture_logs() as logs:
        async with process(server, works=True) as worker, process(server) as receiver:
            receiver.ring("work")
            await until(lambda: worker.heard["work"])
        wrong = server.url.replace("pass-of-valkey", "another")
        async with process(server, works=True, up=False, url=wrong) as worker:
            await until(lambda: [line for line in logs if line["action"] == "wakes.away"])
            assert not worker.line.is_up
    assert logs[-1]["error"] == "AuthenticationError"
    assert "pass-of-valkey" not in str(logs)
    assert "another" not in str(logs)


async def test_a_trial_says_what_answers_and_what_is_wrong_without_the_password() -> None:
    with running(password="pass-of-valkey") as server:
        assert (await probe(server.url)).said.startswith("it answers: valkey ")
        with pytest.raises(Misconfigured, match="refuses the user or the password"):
            await probe(server.url.replace("pass-of-valkey", "another"))
        with pytest.raises(Unavailable, match="does not answer") as refused:
            await probe(server.url.replace("redis:", "rediss:"))
        assert "pass-of-valkey" not in str(refused.value)
        gone = server.url
    with pytest.raises(Unavailable, match=r"does not answer \(ConnectionError\)"):
        await probe(gone)


@contextlib.asynccontextmanager
async def encrypted(server: Valkey, made: Certificate) -> AsyncIterator[int]:
    """A port before a server that speaks TLS."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(4096):
                writer.write(part)
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(relay(reader, inner_writer), relay(inner_reader, writer))

    listening = await asyncio.start_server(connected, ["127.0.0.1"], 0, ssl=made.server)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def test_over_tls_it_must_be_whom_the_address_names(redis_server: Valkey, tmp_path: Path) -> None:
    made = certificate(tmp_path)
    async with encrypted(redis_server, made) as port:
        trusted = f"rediss://localhost:{port}/0?ssl_ca_certs={made.file}"
        assert (await probe(trusted)).said.startswith("it answers")
        with pytest.raises(Unavailable, match="does not answer"):
            await probe(trusted.replace("localhost", "127.0.0.2"))
        with pytest.raises(Unavailable, match="does not answer"):
            await probe(f"rediss://localhost:{port}/0")
