"""`make test`: format, lint, types, import contracts, and the tests. Everything runs; the exit code tells.

One step more than there are cores runs at once, the longest first, since a test that waits needs no core. The tests are several
processes, each with a database server and ports of its own; only that of the pure packages is measured for coverage, which would
slow all the others. What they write lies in memory where there is room: no test pulls the plug, so none needs a disk.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "-rs"]
PURE = ("dedup", "routing")
COVERAGE = [
    *(f"--cov={package}" for package in PURE),
    "--cov-branch",
    "--cov-report=term-missing:skip-covered",
    "--cov-fail-under=100",
]
PROBING = "tests/ingest/test_probing.py"
"""Runs where messengers are tested: to import their libraries takes longer than its tests."""
OF_INGEST = sorted({str(path) for path in Path("tests/ingest").glob("test_*.py")} - {PROBING})
APART = {"tests/daemon", "tests/ingest", "tests/test_bench.py", *(f"tests/{package}" for package in PURE)}
OTHER = sorted(
    {str(file.parent) for file in Path("tests").glob("*/test_*.py")} | {*map(str, Path("tests").glob("test_*.py"))}
)
STEPS: tuple[tuple[str, list[str | Path]], ...] = (
    ("tests of the daemon", [*PYTEST, "tests/daemon"]),
    ("tests of ingest and bench", [*PYTEST, *OF_INGEST[1::2], "tests/test_bench.py"]),
    ("more tests of ingest", [*PYTEST, *OF_INGEST[::2]]),
    ("other tests", [*PYTEST, *(path for path in OTHER if path not in APART), PROBING]),
    ("types", [sys.executable, "-m", "mypy"]),
    ("tests of dedup and routing", [*PYTEST, *(f"tests/{package}" for package in PURE), *COVERAGE]),
    ("imports", [HERE / "lint-imports", "--no-cache"]),
    ("lint", [HERE / "ruff", "check", "--quiet", "."]),
    ("format", [HERE / "ruff", "format", "--check", "--quiet", "."]),
)
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM = 4 * 1024**3
FROM_THE_SYSTEM = {"chromium": "the browser tests", "dovecot": "the tests against Dovecot"}


def main() -> int:
    """Run every step and say which failed."""
    for program, what in FROM_THE_SYSTEM.items():
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed, so {what} do not run")
    with tempfile.TemporaryDirectory(prefix="priyom", dir=_place()) as folder:
        # PostgreSQL runs as somebody else where we are root, and has to come by here.
        Path(folder).chmod(0o755)
        with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as at_once:
            running = [(name, at_once.submit(_run, name, command, folder)) for name, command in STEPS]
            failed = [name for name, step in running if not step.result()]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _place() -> Path | None:
    """Where temporary files go; None: where the system has them."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


def _run(name: str, command: Sequence[object], folder: str) -> bool:
    """Run a step to its end and print what it said, whole; whether it succeeded."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        words = [str(word) for word in command]
        done = subprocess.run(words, check=False, stdout=output, stderr=subprocess.STDOUT, env=_environment(folder))
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    outcome = "ok" if done.returncode == 0 else "FAILED"
    sys.stdout.write(f"{said}{name}: {outcome} ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.flush()
    return done.returncode == 0


def _environment(folder: str) -> dict[str, str]:
    """Ours, in which compiled code is kept: every process would otherwise compile the same modules again."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"TMPDIR": folder}


if __name__ == "__main__":
    sys.exit(main())
