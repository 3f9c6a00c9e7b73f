"""Two worker processes over one: how fast a full journal is worked off, PostgreSQL, in turn with each other."""

import contextlib
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import daemon, machine
from bench.figure import Figure
from bench.load import Running
from bench.machine import ROOT, Broken
from bench.postgresql import Server
from bench.runs import Numbers, Plan, finished
from bench.watch import now, watching

_READY_WITHIN: Final = 30.0


def two_workers(server: Server, plan: Plan) -> Figure:
    """Row 8: leads a second of two processes, over those of one; each run begins with the same full journal."""
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
    """A template with known contacts and a journal full of posts, which a daemon whose worker was paused has taken in."""
    name = f"priyom_backlog_{plan.known}"
    with server.copied(server.known(plan.known)) as url:
        with daemon.serving(plan.folder, url) as product, watching(url) as watch:
            product.pause()
            numbers = Numbers()
            first = numbers.after(0)
            while watch.pending() < plan.backlog:
                first = numbers.after(Running(product.port, plan.seconds, first, known=plan.known).result().requests)
        server.rename(url, name)
    return name


def _worked_off(url: str, processes: int, plan: Plan) -> tuple[float, str]:
    """Leads a second from the word to the last of them."""
    config = plan.folder / "worker.yaml"
    config.write_text(daemon.configuration(machine.free_port(), url), encoding="utf-8")
    with watching(url) as watch, contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker(config, plan.folder, number)) for number in range(processes)]
        waiting = watch.pending()
        before = sum(machine.processor_time(worker.pid) for worker in workers) if machine.PROC.exists() else 0.0
        began = now()
        for worker in workers:
            _say(worker)
        seconds = finished(watch, plan.within) - began
        used = sum(machine.processor_time(worker.pid) for worker in workers) - before if machine.PROC.exists() else 0.0
        leads = watch.leads(0)
        if len(leads) != waiting or any(owner is None for _, _, owner in leads):
            raise Broken(f"{waiting} posts made {len(leads)} leads, or not all of them have an owner")
        return waiting / seconds, f"{waiting:,} posts; cores used: workers {used / seconds:.2f}"


@contextlib.contextmanager
def _worker(config: Path, folder: Path, number: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker that is ready to begin."""
    with (folder / f"worker-{number}.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            cwd=ROOT,
        )
        try:
            _until_ready(worker)
            yield worker
        finally:
            with contextlib.suppress(OSError):
                _say(worker)
            try:
                worker.wait(_READY_WITHIN)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _until_ready(worker: "subprocess.Popen[bytes]") -> None:
    assert worker.stdout is not None  # noqa: S101 - it was asked for
    give_up = time.monotonic() + _READY_WITHIN
    while select.select([worker.stdout], [], [], max(0.0, give_up - time.monotonic()))[0]:
        line = worker.stdout.readline()
        if line.strip() == b"ready":
            return
        if not line:
            break
    raise Broken("a worker did not start; its log is beside the bench's store")


def _say(worker: "subprocess.Popen[bytes]") -> None:
    assert worker.stdin is not None  # noqa: S101 - it was asked for
    worker.stdin.write(b"\n")
    worker.stdin.flush()
