"""The age of leads where two processes meet through Redis: one receives, another works, over PostgreSQL."""

import contextlib
from collections.abc import Iterator

from bench import daemon, measure
from bench.daemon import Daemon
from bench.figure import Figure
from bench.postgresql import Server
from bench.runs import Plan
from tests import valkey


@contextlib.contextmanager
def _both(server: Server, plan: Plan) -> Iterator[Daemon]:
    """The process that receives, beside one that works."""
    with server.copied(server.known(plan.known)) as url, valkey.running() as redis:

        def configured(port: int, url: str) -> str:
            return f'{daemon.configuration(port, url)}redis: {{url: "{redis.url}"}}\n'

        with (
            daemon.serving(plan.folder, url, roles="work", name="worker", configured=configured),
            daemon.serving(
                plan.folder, url, roles="receive,listen,desk", name="receiver", configured=configured
            ) as door,
        ):
            yield door


def received_to_assigned(server: Server, plan: Plan) -> list[Figure]:
    """Row 5 at half of the leads a second that both together make, through a Valkey of our own. Raises tests.valkey.Missing."""
    return measure.ages_of(plan, lambda: _both(server, plan), "redis_received_to_assigned", (80, 50))
