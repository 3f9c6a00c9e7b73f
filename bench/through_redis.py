"""The age of leads where two processes meet through Redis: one receives, another works, over PostgreSQL."""

from bench.figure import Figure
from bench.postgresql import Server
from bench.runs import Plan
from tests.postgres import Missing


def needed() -> None:
    """Raises Missing while the daemon runs in one process only."""
    raise Missing("roles over several processes are not built in this version")


def received_to_assigned(server: Server, plan: Plan, rate: float) -> list[Figure]:
    """Row 5, through Redis."""
    raise NotImplementedError
