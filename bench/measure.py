"""The measurements of the embedded default: one process over a SQLite file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Final

from bench import client, daemon, known, machine, naive
from bench.daemon import Daemon
from bench.figure import Figure
from bench.load import Load, Running
from bench.machine import Broken
from bench.runs import Numbers, Plan, Server, aged, drained_runs, half_known, told
from bench.watch import watching

WHERE_GOALS_WERE_SET: Final = 16_354
"""Posts a second of the empty handler on the machine on which the goals in milliseconds were set."""


@contextmanager
def empty(plan: Plan) -> Iterator[Server]:
    """The handler that does nothing."""
    port = machine.free_port()
    with machine.process([sys.executable, "-m", "bench.empty", str(port)], plan.folder, "empty") as process:
        machine.until_ready(process, port, "/readyz")
        yield Server(process.pid, port)


def acceptance(plan: Plan) -> Figure:
    """Row 1: posts that are committed to the journal, over posts that are answered at once; run by run in turn."""
    values: list[float] = []
    floors: list[float] = []
    notes: list[str] = []
    numbers = Numbers()
    with empty(plan) as floor, daemon.running(plan.folder) as product:
        product.pause()
        with watching(product.url) as watch:
            warm = Running(product.port, plan.warm_up, numbers.after(0)).result()
            Running(floor.port, plan.warm_up, 0).result()
            first = numbers.after(warm.requests)
            for _ in range(plan.runs):
                with machine.busy(floor.process_id) as busy:
                    load = Running(floor.port, plan.seconds, 0).result()
                floors.append(load.rate)
                if load.client > 0.9:
                    notes.append("the client used a whole core, so it may be what limits the floor")
                notes.append(f"floor {told(load, busy)}")
                before = watch.pending()
                with machine.busy(product.process_id) as busy:
                    load = Running(product.port, plan.seconds, first).result()
                values.append(load.rate)
                notes.append(f"priyom {told(load, busy)}")
                _stored(watch.pending() - before, load)
                first = numbers.after(load.requests)
    return Figure("acceptance", "posts/s", values, 0.6, 0.8, "higher", floors, notes)


def _stored(rows: int, load: Load) -> None:
    """What was answered is in the journal. wrk leaves without hearing its last answers, so there may be a few more."""
    if rows < load.requests:
        raise Broken(f"{load.requests} posts were accepted, but {rows} are in the journal")


def end_to_end(plan: Plan) -> Figure:
    """Row 4: leads a second from the first receipt to the last lead that another process can see, over the naive design."""
    notes: list[str] = []
    values = drained_product(plan, notes)
    floors = _drained_naive(plan, notes)
    return Figure("end_to_end", "leads/s", values, 11, 20, "higher", floors, notes)


def drained_product(plan: Plan, notes: list[str]) -> list[float]:
    """Leads a second of each run, over known contacts."""
    template = known.template(plan.folder, plan.known)
    with daemon.running(plan.folder, template) as product, watching(product.url) as watch:
        before = watch.count("contacts")
        server = Server(product.process_id, product.port)
        values = drained_runs(plan, server, watch, "priyom", notes, product)
        half_known(watch.count("contacts") - before, watch.count("leads"))
    return values


def _drained_naive(plan: Plan, notes: list[str]) -> list[float]:
    store = plan.folder / "naive.db"
    for old in plan.folder.glob("naive.db*"):
        old.unlink()
    store.write_bytes(naive.template(plan.folder, plan.known).read_bytes())
    port = machine.free_port()
    command = [sys.executable, "-m", "bench.naive", str(port), str(store)]
    with machine.process(command, plan.folder, "naive") as process:
        machine.until_ready(process, port, "/readyz")
        with watching(f"sqlite:///{store}", naive.QUERIES) as watch:
            return drained_runs(plan, Server(process.pid, port), watch, "naive", notes)


def received_to_assigned(plan: Plan) -> list[Figure]:
    """Row 5: at half load, the age of a lead when another process can first read it with its owner."""
    template = known.template(plan.folder, plan.known)
    return ages_of(plan, lambda: daemon.running(plan.folder, template), "received_to_assigned", (50, 25))


def ages_of(
    plan: Plan, running: Callable[[], AbstractContextManager[Daemon]], name: str, goals: tuple[float, float]
) -> list[Figure]:
    """The median and the last percent of the ages of leads at half load; `goals` in milliseconds: must and aim.

    Each run has a full load before it, of which it is the half: a machine's speed may change by half within minutes. Both have
    a product of their own, started by `running`, so that neither meets what the other has left to do.
    """
    middles, tails = [], []
    notes: list[str] = []
    for _ in range(plan.runs):
        with empty(plan) as floor:
            speed = Running(floor.port, plan.warm_up, 0).result().rate
        with running() as product, watching(product.url) as watch:
            server = Server(product.process_id, product.port)
            (full,) = drained_runs(replace(plan, runs=1), server, watch, "full load:", notes, product)
        with running() as product, watching(product.url) as watch:
            server = Server(product.process_id, product.port)
            numbers = Numbers()
            warm = aged(server, watch, numbers.after(0), plan.warm_up, full / 2, plan)
            seen = aged(server, watch, numbers.after(warm.requests), plan.seconds, full / 2, plan)
        middles.append(client.measured(seen.ages, 0.5))
        tails.append(client.measured(seen.ages, 0.99))
        notes.append(f"half load: {seen.note}; assigned p50 {middles[-1]:.1f} p99 {tails[-1]:.1f} ms")
        notes.append(
            f"the empty handler before: {speed:,.0f}/s; {WHERE_GOALS_WERE_SET:,}/s where the goals in milliseconds were set"
        )
    return [
        Figure(f"{name}_p50", "ms", middles, *goals, "lower"),
        Figure(f"{name}_p99", "ms", tails, *goals, "lower", notes=notes),
    ]


def footprint(plan: Plan) -> list[Figure]:
    """What a user feels before there is any load. Memory and processor time only where there is /proc."""
    starts, memories, processors = [], [], []
    for run in range(plan.runs):
        with daemon.running(plan.folder) as product:
            starts.append(product.seconds)
            if run == plan.runs - 1 and machine.PROC.exists():
                with machine.busy(product.process_id) as busy:
                    time.sleep(plan.idle)
                memories.append(machine.memory(product.process_id))
                processors.append(100 * busy.server)
    figures = [
        Figure("start_to_ready", "s", starts, 3, 3, "lower", notes=["an empty folder to /readyz, the schema included"]),
        Figure("help", "s", [daemon.help_seconds() for _ in range(plan.runs)], 0.4, 0.4, "lower"),
    ]
    if memories:
        figures.append(Figure("idle_memory", "MB", memories, 120, 120, "lower"))
        figures.append(Figure("idle_cpu", "% of a core", processors, 1, 1, "lower"))
    return figures
