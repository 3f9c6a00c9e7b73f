"""`make test`: format, lint, types, import contracts, then the tests. Everything runs; the exit code tells."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
COVERAGE = [
    "--cov=dedup",
    "--cov=routing",
    "--cov-branch",
    "--cov-report=term-missing:skip-covered",
    "--cov-fail-under=100",
]
STEPS = (
    ("format", [HERE / "ruff", "format", "--check", "--quiet", "."]),
    ("lint", [HERE / "ruff", "check", "--quiet", "."]),
    ("types", [sys.executable, "-m", "mypy"]),
    ("imports", [HERE / "lint-imports", "--no-cache"]),
)
SIDE_BY_SIDE = (
    ("tests", [*PYTEST, "--ignore=tests/daemon", "--ignore=tests/test_bench.py", *COVERAGE]),
    ("tests of the daemon", [*PYTEST, "tests/daemon", "tests/test_bench.py"]),
)
FROM_THE_SYSTEM = {"chromium": "the browser tests", "dovecot": "the tests against Dovecot"}


def main() -> int:
    """Run every step and say which failed."""
    for program, what in FROM_THE_SYSTEM.items():
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed, so {what} do not run")
    failed = []
    for name, command in STEPS:
        began = time.monotonic()
        code = subprocess.run([str(part) for part in command], check=False).returncode
        failed += _told(name, code, began)
    failed += _side_by_side()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _side_by_side() -> list[str]:
    """The tests in two processes at once, which is what a machine of two cores has; what they print comes afterwards, whole."""
    began = time.monotonic()
    failed = []
    with contextlib.ExitStack() as stack:
        running = []
        for name, command in SIDE_BY_SIDE:
            output = stack.enter_context(tempfile.TemporaryFile())
            running.append((name, output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)))
        for name, output, process in running:
            code = process.wait()
            output.seek(0)
            sys.stdout.write(output.read().decode("utf-8", "replace"))
            failed += _told(name, code, began)
    return failed


def _told(name: str, code: int, began: float) -> list[str]:
    print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return [] if code == 0 else [name]


if __name__ == "__main__":
    sys.exit(main())
