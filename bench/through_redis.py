"""The age of leads where two processes meet through Redis: one receives, another works, over PostgreSQL."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from bench import daemon, measure
from bench.daemon import Daemon
from bench.figure import Figure
from bench.postgresql import Server
from bench.runs import Plan, drained_runs
from bench.runs import Server as Process
from bench.watch import watching
from tests import valkey


@contextlib.contextmanager
def _both(server: Server, plan: Plan) -> Iterator[tuple[str, Daemon]]:
    """The store, and the process that receives."""
    with server.copied(server.known(plan.known)) as url, valkey.running() as redis:

        def configured(port: int, url: str) -> str:
            return f'{daemon.configuration(port, url)}redis: {{url: "{redis.url}"}}\n'

        with (
            daemon.serving(plan.folder, url, roles="work", name="worker", configured=configured),
            daemon.serving(
                plan.folder, url, roles="receive,listen,desk", name="receiver", configured=configured
            ) as door,
        ):
            yield url, door


def received_to_assigned(server: Server, plan: Plan) -> list[Figure]:
    """Row 5 at half of the leads a second that both together make, through a Valkey of our own. Raises tests.valkey.Missing."""
    notes: list[str] = []
    with _both(server, plan) as (url, door), watching(url) as watch:
        process = Process(door.process_id, door.port)
        (rate,) = drained_runs(replace(plan, runs=1), process, watch, "priyom through Redis", notes, door)
    with _both(server, plan) as (_, door):
        p50, p99 = measure.ages_of(plan, door, lambda _: rate / 2, "redis_received_to_assigned", (80, 50))
    return [p50, replace(p99, notes=[*notes, *p99.notes])]
