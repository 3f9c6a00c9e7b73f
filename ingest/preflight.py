"""Before anything else is imported: whether this Python, this SQLite and our own packages what the product needs."""

import importlib.util
import sqlite3
import sys
from pathlib import Path

PACKAGES = ("kernel", "channels", "dedup", "routing", "storage", "desk", "ingest")
PYTHON = (3, 11)
SQLITE = (3, 35)


def problems() -> list[str]:
    """One sentence for each thing that would make the product fail later in a way that is harder to read."""
    found = []
    if sys.version_info < PYTHON:
        found.append(f"priyom needs Python {PYTHON[0]}.{PYTHON[1]} or newer; this is {sys.version.split()[0]}")
    if sqlite3.sqlite_version_info < SQLITE:
        found.append(f"priyom needs SQLite {SQLITE[0]}.{SQLITE[1]} or newer; this Python has {sqlite3.sqlite_version}")
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        place = None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent.parent
        if place != home:
            found.append(
                f"the package {name!r} comes from {place or 'nowhere'}, not from priyom in {home}; "
                "run priyom in an environment of its own (make install)"
            )
    return found
