"""Processes of the product, forked off one that has imported all of it: hundreds of starts in a few minutes on a small machine.

From then on each is a process like any other, with an environment, arguments, pipes and an end of its own.
"""

import multiprocessing
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any, Final, Protocol

import channels
import ingest
import storage

ROOT: Final = Path(__file__).parents[1]
_FORKS: Final = multiprocessing.get_context("forkserver")
_PACKAGES: Final = (channels, ingest, storage)
_LATE: Final = (
    "prove.__main__",
    "prove.sabotage",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
)


class Child:
    """A process of the product. `out` and `err` are what it says, until it has ended."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        """`arguments`: those of `prove.launch`."""
        reading, writing = zip(os.pipe(), os.pipe(), strict=True)
        _FORKS.set_forkserver_preload([*_modules(), *_LATE])
        self._process: ForkServerProcess = _FORKS.Process(
            target=_live, args=(arguments, dict(environment), *(_Given(one) for one in writing))
        )
        try:
            self._process.start()
        finally:
            for one in writing:
                os.close(one)
        self.out: IO[bytes] = os.fdopen(reading[0], "rb")
        self.err: IO[bytes] = os.fdopen(reading[1], "rb")
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative where a signal ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """As `kill` does; nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class _Detachable(Protocol):
    def detach(self) -> int: ...


class _Given:
    """A file descriptor on its way to the child, which is put on it as it is pickled."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (DupFd(self._number),)


def _taken(given: _Detachable) -> int:
    return given.detach()


def _modules() -> Iterator[str]:
    """All of the product, but for what is run and not imported."""
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "__main__" not in module.name and ".migrations." not in module.name:
                yield module.name


def _live(arguments: list[str], environment: dict[str, str], out: int, err: int) -> None:
    """In the child: its own streams, environment and arguments, and then the product's."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["prove.launch", *arguments]
    from prove.launch import main

    sys.exit(main())
