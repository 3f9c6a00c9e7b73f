"""The measurements of PostgreSQL: end to end over what the database itself can do, the age of leads, and how a store grows."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench import daemon, measure
from bench.daemon import MANAGERS, Daemon
from bench.figure import Figure
from bench.postgresql import Server, naive_leads, one_commit_inserts
from bench.runs import Numbers, Plan, drained, drained_runs, half_known
from bench.runs import Server as Process
from bench.watch import watching


def end_to_end(server: Server, plan: Plan) -> list[Figure]:
    """Rows 2 and 3: leads a second, over one-commit inserts and over naive leads by pgbench, all on this server in this run."""
    inserts = one_commit_inserts(server, plan.runs, plan.seconds)
    naive = naive_leads(server, plan.runs, plan.seconds, plan.known, MANAGERS)
    notes: list[str] = []
    found = rates(server, plan, notes)
    return [
        Figure("postgresql_over_inserts", "leads/s", found, 0.25, 0.4, "higher", inserts.rates, [inserts.note, *notes]),
        Figure("postgresql_over_naive", "leads/s", found, 2.5, 4, "higher", naive.rates, [naive.note]),
    ]


def rates(server: Server, plan: Plan, notes: list[str]) -> list[float]:
    """Leads a second of each run, one process over known contacts."""
    with (
        server.copied(server.known(plan.known)) as url,
        daemon.serving(plan.folder, url) as product,
        watching(url) as watch,
    ):
        before = watch.count("contacts")
        found = drained_runs(plan, Process(product.process_id, product.port), watch, "priyom", notes, product)
        half_known(watch.count("contacts") - before, watch.count("leads"))
    return found


def received_to_assigned(server: Server, plan: Plan) -> list[Figure]:
    """Row 5: the age of leads at half load, one process over PostgreSQL."""

    @contextmanager
    def running() -> Iterator[Daemon]:
        with server.copied(server.known(plan.known)) as url, daemon.serving(plan.folder, url) as product:
            yield product

    return measure.ages_of(plan, running, "postgresql_received_to_assigned", (80, 50))


def growth(server: Server, plan: Plan) -> Figure:
    """Row 6: leads a second with many contacts known, over the same with few; a new copy of each store for every run, in turn."""
    rates: dict[int, list[float]] = {plan.few: [], plan.many: []}
    notes: list[str] = []
    for _ in range(plan.runs):
        for count, found in rates.items():
            with (
                server.copied(server.known(count)) as url,
                daemon.serving(plan.folder, url) as product,
                watching(url) as watch,
            ):
                process = Process(product.process_id, product.port)
                numbers = Numbers()
                # Each known contact comes once, so the fewest set how much can be sent.
                warm = drained(process, watch, numbers.after(0), plan.warm_up, plan, count)
                seconds = min(plan.seconds, max(0.1, (2 * plan.few - warm.leads - 1000) / (2 * warm.rate)))
                done = drained(process, watch, numbers.after(warm.leads), seconds, plan, count)
            found.append(done.rate)
            notes.append(f"{count:,} contacts: {done.note}")
    lost = f"rate lost from {plan.few:,} to {plan.many:,} contacts; the goal is a loss of 30 % at most, better 10 %"
    return Figure("growth", "leads/s", rates[plan.many], 0.7, 0.9, "higher", rates[plan.few], [lost, *notes])
