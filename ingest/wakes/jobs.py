"""Wake-ups of which one process is enough, as jobs of arq: at most two of a topic wait, however many processes say it.

A job does nothing but wake the parts of the process that gets it, so it is done within a millisecond, and one that runs twice
costs a look. A second id of each topic is there because arq drops what is said under the id of a job that runs: what is said
then may have come too late for that job, and waits under the other id for its turn.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC
from typing import Any, Final

import orjson
from arq import cron
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.typing import WorkerCoroutine
from arq.worker import Function, Worker, func

from ingest.bells import Bells, Topic

POLL: Final = 0.01
"""Seconds between two looks for a job. arq's own half second would be the latency of every lead."""
PLACES: Final = 2
AGAIN: Final = 0.01
JOB_WITHIN: Final = 1.0
"""Seconds. arq holds the id of a job whose worker died for so long and ten seconds more."""
EXPIRES: Final = 60.0
"""Seconds after which a job that nobody fetched is nothing any more: who comes later looks by himself."""
SWEEP: Final = frozenset(range(0, 60, 5))
"""Seconds of each minute at which one worker looks for what was left by those who died before they could say so."""


def encoded(job: dict[str, Any]) -> bytes:
    """A job as JSON; what is not JSON in it, an exception perhaps, as its type."""
    return orjson.dumps(job, default=lambda other: type(other).__name__)


async def enqueue(redis: ArqRedis, queue: str, topic: Topic) -> None:
    """Return when a job of `topic` waits that began to wait now or begins to run later than now. Raises RedisError, OSError."""
    while True:
        for place in range(PLACES):
            job = f"{queue}:{topic}:{place}"
            if await redis.enqueue_job(topic, _job_id=job, _queue_name=queue, _expires=EXPIRES):
                return
            if await _waits(redis, queue, job):
                return
        await asyncio.sleep(AGAIN)


async def _waits(redis: ArqRedis, queue: str, job: str) -> bool:
    """Whether a job is queued and not begun, both at one instant: then whatever is committed by now is there when it runs."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zscore(queue, job)
        pipe.exists(in_progress_key_prefix + job)
        score, running = await pipe.execute()
    return score is not None and not running


def worker(redis: ArqRedis, queue: str, bells: Bells, topics: Collection[Topic]) -> Worker:
    """A worker that rings for these topics. Its `main` raises RedisError and OSError, and so do its jobs.

    Its `close` is not for us: that speaks to Redis again, which may be gone or hang, and raises what it finds.
    """
    return Worker(
        [_job(bells, topic) for topic in topics],
        cron_jobs=[cron(_sweep(bells, topics), name=f"{queue}:sweep", second=set(SWEEP), timeout=JOB_WITHIN)],
        redis_pool=redis,
        queue_name=queue,
        handle_signals=False,
        poll_delay=POLL,
        keep_result=0,
        job_timeout=JOB_WITHIN,
        health_check_interval=60,
        job_serializer=encoded,
        job_deserializer=orjson.loads,
        timezone=UTC,
        log_results=False,
    )


def _job(bells: Bells, topic: Topic) -> Function:
    async def wake(*_: Any, **__: Any) -> None:
        bells.heard(topic)

    return func(wake, name=topic)


def _sweep(bells: Bells, topics: Collection[Topic]) -> WorkerCoroutine:
    async def sweep(*_: Any, **__: Any) -> None:
        for topic in topics:
            bells.heard(topic)

    return sweep
