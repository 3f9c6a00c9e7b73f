"""The age of leads where two processes meet through Redis: one receives, another works, over PostgreSQL."""

from bench import daemon, measure
from bench.figure import Figure
from bench.postgresql import Server
from bench.runs import Plan
from tests import valkey


def received_to_assigned(server: Server, plan: Plan, rate: float) -> list[Figure]:
    """Row 5 at `rate`, through a Valkey of our own. Raises tests.valkey.Missing."""
    with server.copied(server.known(plan.known)) as url, valkey.running() as redis:

        def configured(port: int, url: str) -> str:
            return f'{daemon.configuration(port, url)}redis: {{url: "{redis.url}"}}\n'

        with (
            daemon.serving(plan.folder, url, roles="work", name="worker", configured=configured),
            daemon.serving(
                plan.folder, url, roles="receive,listen,desk", name="receiver", configured=configured
            ) as door,
        ):
            return measure.ages_of(plan, door, rate, "redis_received_to_assigned", (80, 50))
