"""`make bench`: every figure, as a table for people and in var/bench.json for programs. Exit code 1 where a `must` is missed."""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

import orjson

from bench import load, machine, measure, namesakes
from bench.figure import Figure, table
from bench.machine import Broken
from bench.measure import Plan

RESULTS: Final = Path("var/bench.json")
NAMES: Final = 100_000


def figures_of(plan: Plan) -> list[Figure]:
    """All measurements of the embedded default, in turn. Raises Broken."""
    accepted = measure.acceptance(plan)
    ended = measure.end_to_end(plan)
    assigned = measure.received_to_assigned(plan, ended.value / 2)
    alike = namesakes.figures(plan.folder, min(NAMES, plan.known))
    return [accepted, ended, *assigned, *measure.footprint(plan), *alike]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="runs of a blink, to see that everything works")
    parser.add_argument("--out", type=Path, default=RESULTS, help=f"the file to write ({RESULTS})")
    parser.add_argument(
        "--names", type=int, metavar="N", help=f"only who has a name like whose, among N names ({NAMES:,})"
    )
    asked = parser.parse_args()
    folder = asked.out.parent.resolve() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        if asked.names is None:
            figures = figures_of(Plan.quick(folder) if asked.quick else Plan(folder))
        else:
            figures = namesakes.figures(folder, asked.names)
    except Broken as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    asked.out.write_bytes(orjson.dumps([figure.json() for figure in figures], option=orjson.OPT_INDENT_2))
    print(machine.described())
    print(f"load by {load.named()}; {time.monotonic() - began:.0f} s\n")
    print(table(figures))
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
