"""Files of messages, in a folder beside the store: named by what they hold, whole before the row that names them."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from storage.store import Away

_NAME: Final = re.compile(r"[0-9a-f]{64}")


class Files:
    """The folder. The same content is kept once, whoever sent it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Store `content`; its name. On disk when this returns. Raises Away where the disk refuses."""
        name = hashlib.sha256(content).hexdigest()
        place = self._place(name)
        try:
            if place.exists():
                return name
            place.parent.mkdir(parents=True, exist_ok=True)
            self._write(place, content)
        except OSError as error:
            raise Away(f"the folder of files refuses: {error.strerror}") from error
        return name

    @staticmethod
    def _write(place: Path, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(place)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    def path(self, name: str) -> Path | None:
        """Where a file lies; None for a name that is none, or that nothing has."""
        if _NAME.fullmatch(name) is None:
            return None
        place = self._place(name)
        return place if place.is_file() else None

    def _place(self, name: str) -> Path:
        return self._folder / name[:2] / name
