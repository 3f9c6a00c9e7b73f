"""`make bench`: every figure, as a table for people, in var/bench.json for programs and as bars in var/bench.svg.

Exit code 1 where a `must` is missed or a part broke. What cannot be measured here is skipped with a line that says why.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg

from bench import (
    chart,
    febrl,
    load,
    machine,
    matching,
    measure,
    namesakes,
    past_one_file,
    postgresql,
    through_redis,
    workers,
)
from bench.figure import Figure, table
from bench.machine import Broken
from bench.runs import Plan
from tests import postgres, valkey

RESULTS: Final = Path("var/bench.json")
FULL: Final = 5_000_000


class Bench:
    """The parts of a run, which share one database server."""

    def __init__(self, plan: Plan, address: str | None) -> None:
        self._plan = plan
        self._address = address
        self._stack = contextlib.ExitStack()
        self._server: postgresql.Server | None = None
        self.versions: dict[str, str | int | None] = {}

    def close(self) -> None:
        """Stop the database, if one was started."""
        self._stack.close()

    def parts(self) -> Mapping[str, Callable[[], list[Figure]]]:
        """Every part by its name, in the order in which they run."""
        plan = self._plan
        return {
            "acceptance": lambda: [measure.acceptance(plan)],
            "end_to_end": lambda: [measure.end_to_end(plan)],
            "latency": lambda: measure.received_to_assigned(plan),
            "footprint": lambda: measure.footprint(plan),
            "namesakes": lambda: namesakes.figures(plan.folder, plan.names),
            "postgresql": lambda: past_one_file.end_to_end(self._postgresql(), plan),
            "postgresql_latency": lambda: past_one_file.received_to_assigned(self._postgresql(), plan),
            "growth": lambda: [past_one_file.growth(self._postgresql(), plan)],
            "workers": lambda: [workers.two_workers(self._postgresql(), plan)],
            "redis_latency": lambda: through_redis.received_to_assigned(self._postgresql(), plan),
            "matching": lambda: matching.figures(plan.people),
            "febrl": febrl.figures,
        }

    def _postgresql(self) -> postgresql.Server:
        if self._server is None:
            self._server = self._stack.enter_context(postgresql.running(self._address))
            self.versions["PostgreSQL"] = self._server.version
        return self._server


def run(parts: Mapping[str, Callable[[], list[Figure]]], names: Sequence[str]) -> tuple[list[Figure], list[str], bool]:
    """The figures of these parts, what was skipped and why, and whether a part broke."""
    figures: list[Figure] = []
    skipped: list[str] = []
    broken = False
    for name in names:
        began = time.monotonic()
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        try:
            figures += parts[name]()
        except (postgres.Missing, valkey.Missing) as why:
            skipped.append(f"skipped: {name}: {why}")
            print(f" {skipped[-1]}", file=sys.stderr)
        except (Broken, psycopg.Error, OSError) as why:
            broken = True
            skipped.append(f"broken: {name}: {why}")
            print(f" {skipped[-1]}", file=sys.stderr)
        else:
            print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    return figures, skipped, broken


def main() -> int:
    names = list(Bench(Plan(Path()), None).parts())
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="runs of a blink, to see that everything works")
    parser.add_argument("--full", action="store_true", help=f"`growth` with {FULL:,} contacts instead of a million")
    parser.add_argument("--only", metavar="PARTS", help=f"some parts, by commas: {','.join(names)}")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is measured (3)")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, help=f"the file to write ({RESULTS}); others lie beside it"
    )
    parser.add_argument(
        "--postgresql", metavar="URL", help="a server to use, without a database's name; left out: the wheel's"
    )
    parser.add_argument("--names", type=int, metavar="N", help="`namesakes` among N names")
    asked = parser.parse_args()
    chosen = names if asked.only is None else asked.only.split(",")
    chosen = ["namesakes"] if asked.names is not None and asked.only is None else chosen
    for name in chosen:
        if name not in names:
            parser.error(f"there is no part {name!r}; there are {', '.join(names)}")
    folder = asked.out.parent.resolve() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with contextlib.closing(Bench(_plan(asked, folder), asked.postgresql)) as bench:
        figures, skipped, broken = run(bench.parts(), chosen)
        known = machine.facts() | bench.versions
    _write(asked.out, figures, skipped, known, time.monotonic() - began)
    print(machine.described(known))
    print(f"load by {load.named()}; {time.monotonic() - began:.0f} s\n")
    print(table(figures))
    print(*skipped, sep="\n")
    return int(broken or any(figure.verdict == "MISSED" for figure in figures))


def _plan(asked: argparse.Namespace, folder: Path) -> Plan:
    plan = Plan.quick(folder) if asked.quick else Plan(folder)
    plan = replace(plan, many=FULL) if asked.full else plan
    plan = replace(plan, names=asked.names) if asked.names else plan
    return replace(plan, runs=asked.runs) if asked.runs else plan


def _write(
    out: Path, figures: list[Figure], skipped: list[str], known: dict[str, str | int | None], seconds: float
) -> None:
    out.write_bytes(orjson.dumps([figure.json() for figure in figures], option=orjson.OPT_INDENT_2))
    more: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "machine": known,
        "load": load.named(),
        "skipped": skipped,
        "figures": {figure.name: figure.runs() for figure in figures},
    }
    beside = out.with_name(f"{out.stem}-machine.json")
    beside.write_bytes(orjson.dumps(more, option=orjson.OPT_INDENT_2))
    cores, python = known["cores"], known["Python"]
    below = f"{cores} cores, Python {python}, {more['at'][:10]}; medians of the runs"
    out.with_suffix(".svg").write_text(chart.chart(figures, below), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
