"""Two worker processes over one: how fast a full journal is worked off, PostgreSQL, in turn with each other."""

import contextlib
from typing import Final

import psycopg

from bench import daemon, machine
from bench.figure import Figure
from bench.load import Running
from bench.machine import Broken
from bench.postgresql import Server
from bench.runs import Numbers, Plan, finished
from bench.watch import now, watching

# The posts wait beside the journal until all workers are there, so that how long a process takes to start is not measured.
_ASIDE: Final = (
    "CREATE TABLE bench_journal AS SELECT * FROM journal",
    "CREATE TABLE bench_bodies AS SELECT * FROM bodies",
    "TRUNCATE journal, bodies",
    "VACUUM ANALYZE",
)
_BACK: Final = (
    "INSERT INTO bodies SELECT * FROM bench_bodies",
    "INSERT INTO journal SELECT * FROM bench_journal",
    "ANALYZE journal",
    "CHECKPOINT",
)


def two_workers(server: Server, plan: Plan) -> Figure:
    """Row 8: leads a second of two processes of the role `work`, over those of one; each run begins with the same journal."""
    template = _backlog(server, plan)
    values: list[float] = []
    floors: list[float] = []
    notes: list[str] = []
    for _ in range(plan.runs):
        for processes, rates in ((1, floors), (2, values)):
            with server.copied(template) as url:
                rate, note = _worked_off(url, processes, plan)
            rates.append(rate)
            notes.append(f"{processes} at work: {rate:,.0f} leads/s; {note}")
    return Figure("two_workers", "leads/s", values, 1.5, 1.75, "higher", floors, notes)


def _backlog(server: Server, plan: Plan) -> str:
    """A template with known contacts and posts, which a daemon whose worker was paused has taken in."""
    name = f"priyom_backlog_{plan.known}"
    with server.copied(server.known(plan.known)) as url:
        with daemon.serving(plan.folder, url) as product, watching(url) as watch:
            product.pause()
            numbers = Numbers()
            first = numbers.after(0)
            while watch.pending() < plan.backlog:
                first = numbers.after(Running(product.port, plan.seconds, first, known=plan.known).result().requests)
        _run(url, _ASIDE)
        server.rename(url, name)
    return name


def _run(url: str, statements: tuple[str, ...]) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as db:
        for statement in statements:
            db.execute(statement.encode())


def _worked_off(url: str, processes: int, plan: Plan) -> tuple[float, str]:
    """Leads a second from the word to the last of them."""
    with watching(url) as watch, contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(daemon.serving(plan.folder, url, roles="work", name=f"worker-{number}"))
            for number in range(processes)
        ]
        for worker in workers:
            worker.pause()
        _run(url, _BACK)
        waiting = watch.pending()
        before = _used(workers)
        began = now()
        for worker in workers:
            worker.resume()
        seconds = finished(watch, plan.within) - began
        used = _used(workers) - before
        leads = watch.leads(0)
        if len(leads) != waiting or any(owner is None for _, _, owner in leads):
            raise Broken(f"{waiting} posts made {len(leads)} leads, or not all of them have an owner")
        return waiting / seconds, f"{waiting:,} posts; cores used: workers {used / seconds:.2f}"


def _used(workers: list[daemon.Daemon]) -> float:
    return sum(machine.processor_time(worker.process_id) for worker in workers) if machine.PROC.exists() else 0.0
