"""The line to other processes over Redis, which keeps itself up: what one must hear is a job, what all must hear is published.

arq gives a job to one worker, so what every process must hear goes beside it, by Redis' own publish and subscribe. Neither keeps
anything that is not in the store: Redis may be slow, hang, be emptied or be gone, and what was not heard is found by the sweeps.
Whenever the line comes up, this process behaves as if it had heard everything.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Collection
from typing import Final, get_args

import structlog
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.asyncio.client import PubSub

from ingest.bells import Bells, Topic
from ingest.wakes import jobs
from kernel.ids import uuid7

TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)
FOR_ALL: Final[tuple[Topic, ...]] = ("changed",)
"""What every process must hear; of the others one is enough."""
FOR_ONE: Final = tuple(topic for topic in TOPICS if topic not in FOR_ALL)
PATIENCE: Final = 2.0
"""Seconds for any command: whoever does not answer by then hangs. After half of it without a word, Redis is asked for one."""
CLOSE_WITHIN: Final = 0.3
CALLS: Final = 5
CALL_AGAIN: Final = 0.1
PACE: Final = 0.01
"""Seconds between two wake-ups of one topic; the second covers all that was said meanwhile."""
PACES: Final[dict[Topic, float]] = {"changed": 0.2}
FIRST_PAUSE: Final = 0.1
LAST_PAUSE: Final = 5.0
STEADY: Final = 10.0
"""Seconds. A line that was up for so long is tried again at once; one that keeps falling, with growing pauses."""

log = structlog.get_logger("priyom.wakes")


class Line:
    """One process's line. `run` is for the supervisor; `tell` sets a flag, whatever Redis does.

    `scope` is the same in all processes over one store and nowhere else. `works`: what one must hear, this process may.
    """

    def __init__(self, url: str, scope: bytes, bells: Bells, *, works: bool, patience: float = PATIENCE) -> None:
        self._url = url
        self._patience = patience
        self._scope = "priyom:" + hashlib.blake2b(scope, digest_size=8, person=b"wakes").hexdigest()
        self._bells = bells
        self._works = works
        self._name = uuid7().encode()
        self._told = {topic: asyncio.Event() for topic in TOPICS}
        self._is_up = False
        # arq tells of every job, and of every attempt to reach Redis; what matters of that is told here.
        logging.getLogger("arq").setLevel(logging.ERROR)

    @property
    def is_up(self) -> bool:
        """Whether the others can be reached now."""
        return self._is_up

    def tell(self, topic: Topic) -> None:
        """Have it told to one of them, or to all where it is for all."""
        self._told[topic].set()

    async def run(self) -> None:
        """Keep the line up until cancelled. Its state is in the log once for each change."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        silent = False
        while True:
            began = loop.time()
            try:
                await self._hold()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, work goes on without it
                if self._is_up or not silent:
                    log.warning(
                        "Redis is away; work is found by the sweeps", action="wakes.away", error=type(error).__name__
                    )
                silent = True
            finally:
                self._is_up = False
            if loop.time() - began > STEADY:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _hold(self) -> None:
        """Be up until something fails. Raises whatever that was."""
        redis = ArqRedis(pool_of(self._url, self._patience), job_serializer=jobs.encoded)
        try:
            async with asyncio.timeout(2 * self._patience):
                listening = redis.pubsub()
                await listening.subscribe(self._scope)
                await listening.get_message(timeout=self._patience)
            self._greet()
            await self._speak(redis, listening)
        finally:
            await _closed(redis)

    async def _speak(self, redis: ArqRedis, listening: PubSub) -> None:
        """Hear and tell until the first of it fails. Not a group of tasks: that would wait for whoever is deaf to its end."""
        worker = jobs.worker(redis, self._scope, self._bells, FOR_ONE) if self._works else None
        work = [self._listen(listening), *(self._pass_on(redis, topic) for topic in TOPICS)]
        tasks = {asyncio.create_task(one) for one in (work if worker is None else [worker.main(), *work])}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            if worker is not None:
                worker.allow_pick_jobs = False
                tasks |= set(worker.tasks.values())
            await _ended(tasks)

    def _greet(self) -> None:
        """What was said while nobody could be heard is not known, so it counts as said."""
        self._is_up = True
        log.info("wake-ups between processes work", action="wakes.up")
        for topic in TOPICS:
            self._bells.heard(topic)

    async def _listen(self, listening: PubSub) -> None:
        """Hear what is for all, and be sure that it would be heard: an idle connection may be dead for minutes unnoticed."""
        asked = False
        while True:
            message = await listening.get_message(ignore_subscribe_messages=True, timeout=self._patience / 2)
            if message is None and asked:
                raise TimeoutError
            asked = message is None
            if message is None:
                await listening.ping()
            elif message["type"] == "message":
                sender, _, topic = message["data"].partition(b" ")
                self._hear(sender, topic.decode())

    def _hear(self, sender: bytes, said: str) -> None:
        """A word from another process: its own it has heard already, and those of a later version it may not know."""
        topic = next((topic for topic in TOPICS if topic == said), None)
        if topic is not None and sender != self._name:
            self._bells.heard(topic)

    async def _pass_on(self, redis: ArqRedis, topic: Topic) -> None:
        """Tell the others what this process says: one word at a time, and after a pause one for all that was said meanwhile."""
        told = self._told[topic]
        while True:
            await told.wait()
            told.clear()
            try:
                if topic in FOR_ALL:
                    await redis.publish(self._scope, self._name + b" " + topic.encode())
                else:
                    await jobs.enqueue(redis, self._scope, topic)
            except BaseException:
                told.set()
                raise
            await asyncio.sleep(PACES.get(topic, PACE))


def pool_of(url: str, patience: float = PATIENCE) -> ConnectionPool:
    """Connections that never hang for ever, and that know whom they speak to where that is encrypted."""
    more = {"ssl_check_hostname": True} if url.startswith("rediss:") else {}
    return ConnectionPool.from_url(url, socket_timeout=patience, socket_connect_timeout=patience, **more)


async def _ended(tasks: "Collection[asyncio.Task[None]]") -> None:
    """End tasks that may be anywhere in the libraries of others: what did not hear it is told again, and left at last."""
    running = set(tasks)
    for _ in range(CALLS):
        for task in running:
            task.cancel()
        if running:
            _, running = await asyncio.wait(running, timeout=CALL_AGAIN)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()


async def _closed(redis: ArqRedis) -> None:
    """Close all connections, whatever they were doing and however the other side takes it."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_WITHIN):
            await redis.aclose(close_connection_pool=True)
