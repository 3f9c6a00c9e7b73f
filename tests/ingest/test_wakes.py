"""Wake-ups between processes over a real Valkey: each is heard, few are sent, and whatever becomes of Valkey costs only them."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from structlog.testing import capture_logs

from ingest.wakes import jobs
from ingest.wakes.line import Line, pool_of
from ingest.wakes.wakes import TOPICS, Topic, Wakes, made
from tests.valkey import Valkey, running

SCOPE = b"a store"
QUEUE = "priyom:test"
SOON = 3.0
PATIENCE = 0.4
FOR_ONE: tuple[Topic, ...] = ("work", "send", "turn")


async def until(condition: Callable[[], object], within: float = SOON) -> None:
    """The only place of these tests that waits by looking again."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        await asyncio.sleep(0.002)


@dataclass
class Process:
    """What one process says and hears."""

    wakes: Wakes = field(default_factory=Wakes)
    heard: Counter[Topic] = field(default_factory=Counter)

    def hear(self, *topics: Topic) -> None:
        for topic in topics:
            self.wakes.hear(topic, lambda topic=topic: self.heard.update([topic]))  # type: ignore[misc] # a bound default


@contextlib.asynccontextmanager
async def process(url: str, *topics: Topic, up: bool = True, scope: bytes = SCOPE) -> AsyncIterator[Process]:
    """A process that sees to these topics, with its line up and nothing heard yet."""
    one = Process()
    one.hear(*topics)
    one.wakes.reach(Line(url, scope, one.wakes, patience=PATIENCE))
    task = asyncio.create_task(one.wakes.run())
    try:
        if up:
            await until(lambda: one.wakes.state == "up")
            one.heard.clear()
        yield one
    finally:
        task.cancel()
        began = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 1.5, "it does not end in time"


@contextlib.asynccontextmanager
async def arq(server: Valkey) -> AsyncIterator[ArqRedis]:
    redis = ArqRedis(pool_of(server.url), job_serializer=jobs.encoded)
    try:
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


def test_inside_one_process_a_word_is_a_call() -> None:
    one = Process(made(None, SCOPE))
    one.hear("work", "revision")
    for topic in TOPICS:
        one.wakes.say(topic)
        one.wakes.tell(topic)
    assert one.heard == {"work": 1, "revision": 1}
    assert one.wakes.state == "inside"


def test_without_redis_nothing_of_it_is_loaded() -> None:
    code = "import sys, ingest.daemon, ingest.wakes.wakes as w; w.made(None, b''); print(*sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not {"arq", "redis"} & set(done.stdout.split())


async def test_what_one_must_hear_is_heard_by_one_and_what_all_must_hear_by_all(redis_server: Valkey) -> None:
    url = redis_server.url
    async with process(url) as receiver, process(url, *TOPICS) as first, process(url, *TOPICS) as second:
        for topic in TOPICS:
            receiver.wakes.say(topic)
        await until(lambda: (first.heard + second.heard).total() >= len(FOR_ONE) + 4)
        for topic in FOR_ONE:
            assert first.heard[topic] + second.heard[topic] == 1
        for topic in ("revision", "changed"):
            assert (first.heard[topic], second.heard[topic]) == (1, 1)


async def test_who_sees_to_it_hears_his_own_word_once_and_the_others_only_what_is_for_all(redis_server: Valkey) -> None:
    async with process(redis_server.url, *TOPICS) as speaker, process(redis_server.url, *TOPICS) as other:
        for topic in TOPICS:
            speaker.wakes.say(topic)
        await until(lambda: other.heard["revision"] and other.heard["changed"])
        # Told to the others, so that whatever was on its way before has come.
        speaker.wakes.tell("revision")
        await until(lambda: other.heard["revision"] == 2)
        assert speaker.heard == dict.fromkeys(TOPICS, 1)
        assert not any(other.heard[topic] for topic in FOR_ONE)


async def test_stores_that_share_a_valkey_do_not_hear_each_other(redis_server: Valkey) -> None:
    url = redis_server.url
    async with process(url) as speaker, process(url, *TOPICS) as own, process(url, *TOPICS, scope=b"b") as stranger:
        for topic in TOPICS:
            speaker.wakes.say(topic)
        await until(lambda: len(own.heard) == len(TOPICS))
        assert not stranger.heard


async def test_a_thousand_words_are_a_few_jobs(redis_server: Valkey) -> None:
    async with process(redis_server.url) as receiver, process(redis_server.url, "work", "changed") as worker:
        for _ in range(1_000):
            receiver.wakes.say("work")
            receiver.wakes.say("changed")
        await until(lambda: worker.heard["work"] and worker.heard["changed"])
        receiver.wakes.say("changed")
        await until(lambda: worker.heard["changed"] == 2)
        assert worker.heard["work"] <= 2


async def test_no_word_is_lost_whatever_the_worker_is_doing(redis_server: Valkey) -> None:
    """The worker reads what is committed when it is woken; a commit that is said after that must wake it again."""
    committed = seen = 0

    def look() -> None:
        nonlocal seen
        seen = committed

    def all_seen() -> bool:
        return seen == committed

    worker = Process()
    worker.wakes.hear("work", look)
    async with process(redis_server.url) as first, process(redis_server.url) as second:
        worker.wakes.reach(Line(redis_server.url, SCOPE, worker.wakes))
        task = asyncio.create_task(worker.wakes.run())
        try:
            await until(lambda: worker.wakes.state == "up")
            for number in range(120):
                committed += 1
                (first if number % 3 else second).wakes.say("work")
                for _ in range(number % 40):
                    await asyncio.sleep(0)
                if number % 4 == 0:
                    await until(all_seen, within=2.0)
            await until(all_seen, within=2.0)
        finally:
            task.cancel()
            await asyncio.wait({task})


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
        async with process(redis_server.url) as receiver, process(redis_server.url, *TOPICS) as worker:
            redis_server.kill()
            await until(lambda: receiver.wakes.state == worker.wakes.state == "away")
            for topic in TOPICS:
                receiver.wakes.say(topic)
                worker.wakes.say(topic)
            assert worker.heard == dict.fromkeys(TOPICS, 1)
            worker.heard.clear()
            redis_server.start()
            await until(lambda: receiver.wakes.state == worker.wakes.state == "up")
            await until(lambda: len(worker.heard) == len(TOPICS))
            worker.heard.clear()
            receiver.wakes.say("work")
            await until(lambda: worker.heard["work"])
    told = [line["event"] for line in logs if line["action"] == "wakes.away"]
    assert len(told) == 2


async def test_a_valkey_that_is_not_there_yet_is_told_once_and_found_when_it_comes(redis_server: Valkey) -> None:
    redis_server.kill()
    with capture_logs() as logs:
        async with process(redis_server.url, *TOPICS, up=False) as worker:
            await until(lambda: logs)
            assert worker.wakes.state == "away"
            redis_server.start()
            await until(lambda: worker.wakes.state == "up")
    assert [line["action"] for line in logs] == ["wakes.away", "wakes.up"]


async def test_an_emptied_valkey_costs_what_was_on_its_way_and_nothing_after(redis_server: Valkey) -> None:
    async with process(redis_server.url) as receiver, process(redis_server.url, *TOPICS) as worker:
        for _ in range(5):
            receiver.wakes.say("work")
            redis_server.empty()
            worker.heard.clear()
            receiver.wakes.say("work")
            await until(lambda: worker.heard["work"])
        assert worker.wakes.state == "up"


async def test_a_valkey_that_hangs_is_away_and_holds_nobody_up(redis_server: Valkey) -> None:
    async with process(redis_server.url, *TOPICS) as worker, process(redis_server.url) as receiver:
        redis_server.freeze()
        try:
            receiver.wakes.say("work")
            await until(lambda: receiver.wakes.state == worker.wakes.state == "away")
            redis_server.thaw()
            await until(lambda: receiver.wakes.state == worker.wakes.state == "up")
            worker.heard.clear()
            # Ends while nobody answers: what `process` measures.
            receiver.wakes.say("work")
            redis_server.freeze()
        except BaseException:
            redis_server.thaw()
            raise
    redis_server.thaw()


async def test_a_password_is_shown_nowhere() -> None:
    with running(password="pass-of-valkey") as server, capture_logs() as logs:
        async with process(server.url, "work") as worker, process(server.url) as receiver:
            receiver.wakes.say("work")
            await until(lambda: worker.heard["work"])
        wrong = server.url.replace("pass-of-valkey", "another")
        async with process(wrong, "work", up=False) as worker:
            await until(lambda: [line for line in logs if line["action"] == "wakes.away"])
            assert worker.wakes.state == "away"
    assert logs[-1]["error"] == "AuthenticationError"
    assert "pass-of-valkey" not in str(logs)
    assert "another" not in str(logs)
