"""One daemon per SQLite file."""

import os
from pathlib import Path


class Taken(Exception):
    """The SQLite file belongs to another daemon. The message names it."""


class FileLock:
    """One daemon per SQLite file: a lock of the operating system, which goes with the process, on a file beside it."""

    def __init__(self, database: str) -> None:
        # Of the file itself, by whatever name it is opened.
        self._path = Path(f"{Path(database).resolve()}.lock")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+")
        try:
            _lock_file(self._file.fileno())
        except OSError as error:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            self._file.close()
            raise Taken(f"{database} is in use by the daemon with process id {owner}") from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the file back."""
        self._file.close()


def _lock_file(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore] # not on this platform
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
