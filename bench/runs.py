"""One run under load, whatever serves and wherever it stores: how fast leads are made, how old they are when they can be read."""

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.daemon import Daemon
from bench.load import CONNECTIONS, Load, Running
from bench.machine import Broken
from bench.watch import MICROS, Lead, New, Watch, now


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `folder` keeps templates, stores and logs; times in seconds."""

    folder: Path
    runs: int = 3
    seconds: float = 4.0
    warm_up: float = 1.0
    idle: float = 10.0
    known: int = 100_000
    few: int = 10_000
    many: int = 1_000_000
    backlog: int = 12_000
    names: int = 100_000
    people: int = 20_000
    within: float = 60.0

    @classmethod
    def quick(cls, folder: Path) -> "Plan":
        """One run of a blink each: its figures mean nothing."""
        return cls(
            folder,
            runs=1,
            seconds=0.2,
            warm_up=0.1,
            idle=0.2,
            known=4_000,
            few=1_000,
            many=4_000,
            backlog=300,
            names=1_000,
            people=400,
        )


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


@dataclass(frozen=True, slots=True)
class Drained:
    """A run at full load: leads a second from the first receipt to the last lead, how many it made, and what to tell of it."""

    rate: float
    leads: int
    note: str


def drained(server: Server, watch: Watch, first: int, seconds: float, plan: Plan, known: int | None = None) -> Drained:
    """Load a server, and wait until it has worked everything off. Raises Broken."""
    place = watch.place()
    with machine.busy(server.process_id) as busy:
        load = Running(server.port, seconds, first, known=plan.known if known is None else known).result()
        ended = finished(watch, plan.within)
    made = watch.leads(place.lead)
    _assigned(made, load.requests)
    rate = len(made) / (ended - watch.began(place))
    return Drained(rate, len(made), f"{told(load, busy)}; {rate:,.0f} leads/s")


def drained_runs(
    plan: Plan, server: Server, watch: Watch, what: str, notes: list[str], product: Daemon | None = None
) -> list[float]:
    """A run to warm up and as many more as the plan says, on one store; leads a second of each."""
    numbers = Numbers()
    first = numbers.after(0)
    rates = []
    for run in range(plan.runs + 1):
        done = drained(server, watch, first, plan.seconds if run else plan.warm_up, plan)
        first = numbers.after(done.leads)
        if run:
            rates.append(done.rate)
            notes.append(f"{what} {done.note}")
        if product is not None and run < plan.runs:
            _sent(product, plan.within)
    return rates


def finished(watch: Watch, within: float) -> float:
    """When nothing is pending any more."""
    give_up = time.monotonic() + within
    while watch.waits():
        if time.monotonic() > give_up:
            raise Broken(f"{watch.pending()} envelopes are still pending after {within:.0f} s")
        time.sleep(0.02)
    return now()


def _assigned(made: Sequence[Lead], requests: int) -> None:
    """Every request made a lead that has an owner."""
    if len(made) < requests or any(owner is None for _, _, owner in made):
        owned = sum(owner is not None for _, _, owner in made)
        raise Broken(f"{requests} requests made {len(made)} leads, {owned} of them with an owner")


def half_known(new: int, made: int) -> None:
    """Half of the leads belong to contacts that were there before. Else the numbers measure something else."""
    if abs(new - made / 2) > made / 50:
        raise Broken(f"{made} leads made {new} new contacts; it should be half as many")


def _sent(product: Daemon, within: float) -> None:
    """Let the notices of a run leave before the next one begins."""
    give_up = time.monotonic() + within
    while product.unsent() and time.monotonic() < give_up:
        time.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Aged:
    """A run at a given rate: the ages in seconds of its leads when they could be read, and what to tell of it."""

    ages: "array[float]"
    requests: int
    note: str


def aged(server: Server, watch: Watch, first: int, seconds: float, rate: float, plan: Plan) -> Aged:
    """Send at `rate`, and look for leads until all are there. Raises Broken."""
    with machine.busy(server.process_id) as busy:
        running = Running(server.port, seconds, first, rate=rate, known=plan.known)
        ages = _seen(watch, running.over, plan.within + seconds)
        load = running.result()
    if len(ages) != load.requests:
        raise Broken(f"{load.requests} requests, but {len(ages)} leads were seen with an owner")
    return Aged(ages, load.requests, told(load, busy))


def _seen(watch: Watch, over: Callable[[], bool], within: float) -> "array[float]":
    """The age in seconds of each lead at the moment when it could be read here, until the load is over and settled."""
    ages = array("d")
    new = New(watch)
    version = watch.version()
    give_up = time.monotonic() + within
    while True:
        # Asked before the last look, so that what the last commit brought is still looked at.
        settled = over() and not watch.waits()
        latest = watch.version()
        if latest != version or settled:
            version = latest
            made = new.look()
            seen = now()
            ages.extend(seen - received / MICROS for _, received, owner in made if owner is not None)
        if settled:
            return ages
        if time.monotonic() > give_up:
            raise Broken(f"{watch.pending()} envelopes are still pending after {within:.0f} s")
        time.sleep(watch.pause)


def told(load: Load, busy: machine.Busy) -> str:
    """A run's rate and latency, and who used the processors."""
    others = max(0.0, busy.all - busy.server - load.client)
    return (
        f"{load.rate:,.0f}/s, latency p50 {load.p50:.1f} p99 {load.p99:.1f} ms; cores used: "
        f"server {busy.server:.2f}, client {load.client:.2f}, the rest of the machine {others:.2f}"
    )
