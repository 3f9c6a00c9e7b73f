"""`make test`: format, lint, types, import contracts, and the tests. Everything runs; the exit code tells.

As many steps run at once as there are cores, the longest first. The tests are several processes, each with a database server and
ports of its own; only that of the pure packages is measured for coverage, which would slow all the others.
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
PYTEST = [sys.executable, "-m", "pytest", "-q"]
PURE = ("dedup", "routing")
COVERAGE = [
    *(f"--cov={package}" for package in PURE),
    "--cov-branch",
    "--cov-report=term-missing:skip-covered",
    "--cov-fail-under=100",
]
APART = ("tests/daemon", "tests/test_bench.py", "tests/ingest", *(f"tests/{package}" for package in PURE))
STEPS: tuple[tuple[str, list[str | Path]], ...] = (
    ("tests of the daemon", [*PYTEST, "tests/daemon", "tests/test_bench.py"]),
    ("tests of ingest", [*PYTEST, "tests/ingest"]),
    ("other tests", [*PYTEST, *(f"--ignore={path}" for path in APART)]),
    ("types", [sys.executable, "-m", "mypy"]),
    ("tests of dedup and routing", [*PYTEST, *(f"tests/{package}" for package in PURE), *COVERAGE]),
    ("imports", [HERE / "lint-imports", "--no-cache"]),
    ("lint", [HERE / "ruff", "check", "--quiet", "."]),
    ("format", [HERE / "ruff", "format", "--check", "--quiet", "."]),
)
FROM_THE_SYSTEM = {"chromium": "the browser tests", "dovecot": "the tests against Dovecot"}


def main() -> int:
    """Run every step and say which failed."""
    for program, what in FROM_THE_SYSTEM.items():
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed, so {what} do not run")
    with ThreadPoolExecutor(os.cpu_count()) as at_once:
        running = [(name, at_once.submit(_run, name, command)) for name, command in STEPS]
        failed = [name for name, step in running if not step.result()]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, command: Sequence[object]) -> bool:
    """Run a step to its end and print what it said, whole; whether it succeeded."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        words = [str(word) for word in command]
        done = subprocess.run(words, check=False, stdout=output, stderr=subprocess.STDOUT, env=_environment())
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    outcome = "ok" if done.returncode == 0 else "FAILED"
    sys.stdout.write(f"{said}{name}: {outcome} ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.flush()
    return done.returncode == 0


def _environment() -> dict[str, str]:
    """Ours, in which compiled code is kept: a hundred daemons would otherwise compile the same modules again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    sys.exit(main())
