"""`make prove`: try to break every promise on this machine, and say how often that was tried and what broke.

Exit code 0 where nothing is broken, 1 where something is, 2 where it could not be tried.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from prove import report, trial
from prove.daemons import Lost
from prove.sabotage import SABOTAGES
from prove.trial import Outcome
from tests.postgres import Missing

STORES: Final = ("sqlite", "postgresql")
HOMEWARD: Final = 40.0
"""Seconds of the time given that are kept for bringing everything home and judging."""
SABOTAGED: Final = 12.0
MINUTE: Final = 60.0


def main() -> int:
    """Read the arguments; try, and report."""
    parser = argparse.ArgumentParser(prog="python -m prove", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long, the judging included (2)")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--store", choices=("both", *STORES), default="both")
    parser.add_argument(
        "--sabotage", choices=("all", *SABOTAGES), help="break this promise on purpose: the kit must notice"
    )
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    stores = STORES if asked.store == "both" else (asked.store,)
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="prove"))
    try:
        if asked.sabotage is not None:
            return _sabotaged(folder, asked.sabotage, seed, () if asked.store == "both" else stores)
        return _tried(folder, seed, stores, asked.minutes * MINUTE)
    except (Lost, Missing) as why:
        print(f"prove: {why}", file=sys.stderr)
        return 2


def _tried(folder: Path, seed: int, stores: tuple[str, ...], seconds: float) -> int:
    """The kit over the product as it is."""
    print(f"seed {seed}, {seconds / MINUTE:g} minutes, {' and '.join(stores)}; in {folder}", flush=True)
    outcomes = asyncio.run(_all(folder, seed, stores, max(seconds - HOMEWARD, seconds / 4)))
    print("\n".join(report.happened(outcomes)))
    print()
    print(report.table(outcomes))
    broken = report.broken(outcomes)
    if broken:
        print(f"\nbroken, for example (again with SEED={seed}; the stores and logs stay in {folder}):")
        print("\n".join(report.examples(outcomes)))
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.summary(outcomes))
    return int(broken > 0)


async def _all(folder: Path, seed: int, stores: tuple[str, ...], seconds: float, sabotage: str = "") -> list[Outcome]:
    """All stores at one time."""
    folders = [folder / (f"{sabotage}-{store}" if sabotage else store) for store in stores]
    for one in folders:
        one.mkdir()
    # Whoever ends the kit ends its daemons with it.
    asked = asyncio.current_task()
    if asked is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.cancel)
    ticking = asyncio.create_task(_tick()) if not sabotage else None
    patience = SABOTAGED if sabotage else trial.PATIENCE
    try:
        trials = zip(folders, stores, strict=True)
        return await asyncio.gather(
            *(trial.run(own, store, seed, seconds, sabotage, patience) for own, store in trials)
        )
    finally:
        if ticking is not None:
            ticking.cancel()


async def _tick() -> None:
    """A line a minute, so that nobody thinks that it hangs."""
    began = time.monotonic()
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(MINUTE)
            print(f"  {(time.monotonic() - began) / MINUTE:.0f} min", flush=True)


def _sabotaged(folder: Path, wanted: str, seed: int, stores: tuple[str, ...]) -> int:
    """Each promise broken on purpose, one after the other, on its own store or these. Exit code 1 where the kit did not notice."""
    names = list(SABOTAGES) if wanted == "all" else [wanted]
    unnoticed = 0
    for name in names:
        sabotage = SABOTAGES[name]
        began = time.monotonic()
        outcomes = asyncio.run(_all(folder, seed, stores or (sabotage.store,), SABOTAGED, name))
        signs = [said for one in outcomes for said in trial.caught(sabotage, one.verdicts)]
        unnoticed += not signs
        took = f"{time.monotonic() - began:3.0f} s"
        on = " and ".join(one.store for one in outcomes)
        print(f"{name:22}{sabotage.promise:>3}  {on:11}{took}  seen {len(signs):>5} times", flush=True)
        print(f"{'':27}{next(iter(signs), 'NOT NOTICED')[:150]}", flush=True)
    if unnoticed:
        print(f"the stores and logs stay in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"sabotages {len(names)} unnoticed {unnoticed}")
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
