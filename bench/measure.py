"""The measurements of the embedded default, in the order in which they build on each other."""

import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import client, daemon, known, machine, naive
from bench.daemon import Daemon
from bench.figure import Figure
from bench.load import CONNECTIONS, Load, Running
from bench.machine import Broken
from bench.watch import MICROS, Place, Watch, now, watching


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `folder` keeps templates, stores and logs; times in seconds."""

    folder: Path
    runs: int = 3
    seconds: float = 4.0
    warm_up: float = 1.0
    idle: float = 10.0
    known: int = 100_000
    within: float = 60.0

    @classmethod
    def quick(cls, folder: Path) -> "Plan":
        """One run of a blink each: its figures mean nothing."""
        return cls(folder, runs=1, seconds=0.2, warm_up=0.1, idle=0.2, known=4_000)


class Numbers:
    """Numbers for requests, so that no run repeats the senders of another on the same store."""

    def __init__(self) -> None:
        self._next = 0

    def after(self, requests: int) -> int:
        """The first number of a run, given how many requests the one before sent."""
        self._next += requests + requests % 2 + 2 * CONNECTIONS  # wrk hangs up without counting its last requests
        return self._next


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load."""

    process_id: int
    port: int


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
        with watching(product.database) as watch:
            warm = Running(product.port, plan.warm_up, numbers.after(0)).result()
            Running(floor.port, plan.warm_up, 0).result()
            first = numbers.after(warm.requests)
            for _ in range(plan.runs):
                with machine.busy(floor.process_id) as busy:
                    load = Running(floor.port, plan.seconds, 0).result()
                floors.append(load.rate)
                if load.client > 0.9:
                    notes.append("the client used a whole core, so it may be what limits the floor")
                notes.append(_told("floor", load, busy))
                before = watch.pending()
                with machine.busy(product.process_id) as busy:
                    load = Running(product.port, plan.seconds, first).result()
                values.append(load.rate)
                notes.append(_told("priyom", load, busy))
                _stored(watch.pending() - before, load)
                first = numbers.after(load.requests)
    return Figure("acceptance", "posts/s", values, 0.6, 0.8, "higher", floors, notes)


def _stored(rows: int, load: Load) -> None:
    """What was answered is in the journal. wrk leaves without hearing its last answers, so there may be a few more."""
    if rows < load.requests:
        raise Broken(f"{load.requests} posts were accepted, but {rows} are in the journal")


def _told(what: str, load: Load, busy: machine.Busy) -> str:
    others = max(0.0, busy.all - busy.server - load.client)
    return (
        f"{what} {load.rate:,.0f}/s, latency p50 {load.p50:.1f} p99 {load.p99:.1f} ms; cores used: "
        f"server {busy.server:.2f}, client {load.client:.2f}, the rest of the machine {others:.2f}"
    )


def end_to_end(plan: Plan) -> Figure:
    """Row 4: leads a second from the first receipt to the last lead that another process can see, over the naive design."""
    notes: list[str] = []
    values = _drained_product(plan, notes)
    floors = _drained_naive(plan, notes)
    return Figure("end_to_end", "leads/s", values, 11, 20, "higher", floors, notes)


def _drained_product(plan: Plan, notes: list[str]) -> list[float]:
    template = known.template(plan.folder, plan.known)
    with daemon.running(plan.folder, template) as product, watching(product.database) as watch:
        before = watch.count("contacts")
        server = Server(product.process_id, product.port)
        values = _drained(plan, server, watch, "priyom", notes, product)
        _half_known(watch.count("contacts") - before, len(watch.leads(Place(0, 0))))
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
        with watching(store, naive.QUERIES) as watch:
            return _drained(plan, Server(process.pid, port), watch, "naive", notes)


def _drained(
    plan: Plan, server: Server, watch: Watch, what: str, notes: list[str], product: Daemon | None = None
) -> list[float]:
    numbers = Numbers()
    first = numbers.after(0)
    values = []
    for run in range(plan.runs + 1):
        place = watch.place()
        with machine.busy(server.process_id) as busy:
            load = Running(server.port, plan.seconds if run else plan.warm_up, first).result()
            ended = _finished(watch, plan.within)
        made = watch.leads(place)
        _assigned(made, load.requests)
        first = numbers.after(len(made))
        if run:
            values.append(len(made) / (ended - watch.began(place)))
            notes.append(f"{_told(what, load, busy)}; {values[-1]:,.0f} leads/s")
        if product is not None and run < plan.runs:
            _sent(product, plan.within)
    return values


def _finished(watch: Watch, within: float) -> float:
    """When nothing is pending any more."""
    give_up = time.monotonic() + within
    while watch.pending():
        if time.monotonic() > give_up:
            raise Broken(f"{watch.pending()} envelopes are still pending after {within:.0f} s")
        time.sleep(0.02)
    return now()


def _assigned(made: list[tuple[int, int, int | None]], requests: int) -> None:
    """Every request made a lead that has an owner."""
    if len(made) < requests or any(owner is None for _, _, owner in made):
        owned = sum(owner is not None for _, _, owner in made)
        raise Broken(f"{requests} requests made {len(made)} leads, {owned} of them with an owner")


def _half_known(new: int, made: int) -> None:
    """Half of the leads belong to contacts that were there before. Else the numbers measure something else."""
    if abs(new - made / 2) > made / 50:
        raise Broken(f"{made} leads made {new} new contacts; it should be half as many")


def _sent(product: Daemon, within: float) -> None:
    """Let the notices of a run leave before the next one begins."""
    give_up = time.monotonic() + within
    while product.unsent() and time.monotonic() < give_up:
        time.sleep(0.2)


def received_to_assigned(plan: Plan, rate: float) -> list[Figure]:
    """Row 5: at `rate`, the age of a lead when another process can first read it with its owner."""
    middles, tails, notes = [], [], []
    numbers = Numbers()
    first = numbers.after(0)
    template = known.template(plan.folder, plan.known)
    with daemon.running(plan.folder, template) as product, watching(product.database) as watch:
        for run in range(plan.runs + 1):
            with machine.busy(product.process_id) as busy:
                running = Running(product.port, plan.seconds if run else plan.warm_up, first, rate=rate)
                ages = _seen(watch, running, plan.within)
                load = running.result()
            _complete(ages, load.requests)
            first = numbers.after(load.requests)
            if run:
                middles.append(client.measured(ages, 0.5))
                tails.append(client.measured(ages, 0.99))
                notes.append(f"{_told('priyom', load, busy)}; assigned p50 {middles[-1]:.1f} p99 {tails[-1]:.1f} ms")
    return [
        Figure("received_to_assigned_p50", "ms", middles, 50, 25, "lower"),
        Figure("received_to_assigned_p99", "ms", tails, 50, 25, "lower", notes=notes),
    ]


def _seen(watch: Watch, running: Running, within: float) -> "array[float]":
    """The age in seconds of each lead at the moment when it could be read here, until the load is over and settled."""
    ages = array("d")
    place = watch.place()
    version = watch.version()
    give_up = time.monotonic() + within
    while True:
        # Asked before the last look, so that what the last commit brought is still looked at.
        settled = running.over() and watch.pending() == 0
        if watch.version() != version:
            version = watch.version()
            made = watch.leads(place)
            seen = now()
            ages.extend(seen - received / MICROS for _, received, owner in made if owner is not None)
            place = Place(place.envelope, max((lead for lead, _, _ in made), default=place.lead))
        if settled:
            return ages
        if time.monotonic() > give_up:
            raise Broken(f"{watch.pending()} envelopes are still pending after {within:.0f} s")
        time.sleep(0.0005)


def _complete(ages: "array[float]", requests: int) -> None:
    if len(ages) != requests:
        raise Broken(f"{requests} requests, but {len(ages)} leads were seen with an owner")


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
