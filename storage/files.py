"""Files of messages, in a folder beside the store: named by what they hold, whole before the row that names them."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from storage.store import Away

_NAME: Final = re.compile(r"[0-9a-f]{64}")
_GOING: Final = ".going"
_HALF: Final = "tmp"


class Files:
    """The folder. The same content is kept once, whoever sent it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Store `content`; its name. On disk when this returns. Raises Away where the disk refuses."""
        name = hashlib.sha256(content).hexdigest()
        place = self._place(name)
        try:
            if _touched(place):
                return name
            if not place.parent.is_dir():
                place.parent.mkdir(parents=True, exist_ok=True)
                _sync_names(self._folder)
            self._write(place, content)
        except OSError as error:
            raise Away(f"the folder of files refuses: {error.strerror}") from error
        return name

    @staticmethod
    def _write(place: Path, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(prefix=_HALF, dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(place)
            _sync_names(place.parent)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    def path(self, name: str) -> Path | None:
        """Where a file lies; None for a name that is none, or that nothing has."""
        if _NAME.fullmatch(name) is None:
            return None
        place = self._place(name)
        return place if place.is_file() else None

    def untouched(self, since: float) -> set[bytes]:
        """The names, as bytes, of files that nobody has kept since a moment (seconds since 1970).

        What a process left half written goes; what a sweep left half removed is put back, for this one to look at. What is not
        ours stays, whatever made somebody put it here.
        """
        found: set[bytes] = set()
        for place in map(_put_back, self._folder.glob("??/*")):
            if not _is_older(place, since):
                continue
            if _NAME.fullmatch(place.name):
                found.add(bytes.fromhex(place.name))
            elif place.name.startswith(_HALF):
                place.unlink(missing_ok=True)
        return found

    def remove(self, names: Iterable[bytes], since: float) -> tuple[int, int]:
        """Remove these, but for any that somebody has kept since; how many went, and their bytes.

        Moved aside first and looked at there: whoever keeps the same content meanwhile has either touched it before that, and
        it is put back, or finds nothing, and writes it anew.
        """
        count = size = 0
        for name in names:
            place = self._place(name.hex())
            aside = place.with_suffix(_GOING)
            try:
                place.rename(aside)
                found = aside.stat()
                if found.st_mtime >= since:
                    aside.replace(place)
                    continue
                aside.unlink()
            except FileNotFoundError:  # somebody else sweeps the same folder
                continue
            count, size = count + 1, size + found.st_size
        return count, size

    def size(self, names: Iterable[bytes]) -> int:
        """The bytes that these take."""
        places = (self._place(name.hex()) for name in names)
        return sum(place.stat().st_size for place in places if place.is_file())

    def _place(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _sync_names(folder: Path) -> None:
    """Make the names in a folder last: on many disks a file that is safe may still be without its own after the power failed."""
    if os.name == "nt":  # pragma: no cover - where no folder can be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _touched(place: Path) -> bool:
    """Whether a file is there; if so, it was kept just now, and no sweep takes it before its row is there."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True


def _put_back(place: Path) -> Path:
    """A file under its own name, where a sweep that was killed left it under another."""
    plain = place.with_suffix("")
    if place.suffix != _GOING or _NAME.fullmatch(plain.name) is None:
        return place
    with contextlib.suppress(FileNotFoundError):  # somebody else sweeps the same folder
        place.replace(plain)
    return plain


def _is_older(place: Path, since: float) -> bool:
    try:
        found = place.stat()
    except FileNotFoundError:
        return False
    return found.st_mtime < since and place.is_file()
