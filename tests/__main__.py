"""`make test`: format, lint, types, import contracts, then the tests. Everything runs; the exit code tells."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.executable).parent
STEPS = (
    ("format", [HERE / "ruff", "format", "--check", "--quiet", "."]),
    ("lint", [HERE / "ruff", "check", "--quiet", "."]),
    ("types", [sys.executable, "-m", "mypy"]),
    ("imports", [HERE / "lint-imports", "--no-cache"]),
    (
        "tests",
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--cov=dedup",
            "--cov=routing",
            "--cov-branch",
            "--cov-report=term-missing:skip-covered",
            "--cov-fail-under=100",
        ],
    ),
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
        print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
        if code != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
