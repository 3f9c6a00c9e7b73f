"""A copy of the embedded store and of its files, made while a daemon writes to both."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DATABASE: Final = "priyom.db"
FILES: Final = "files"


class CannotCopy(Exception):
    """Why there is no copy, in a sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: the size of the database in bytes, and the number of files."""

    size: int
    files: int


def back_up(database: Path, files: Path, into: Path) -> Copied:
    """Copy the store into a new folder: `priyom.db` and `files`. Raises CannotCopy; what is half done is no `priyom.db`.

    The database comes first: a file is on disk before the row that names it, so the files that are there afterwards are
    all that the copied rows name.
    """
    if not database.is_file():
        raise CannotCopy(f"there is no store at {database}")
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise CannotCopy(f"{into} is not empty; name a new folder for each backup")
        whole = into / f"{DATABASE}.part"
        _copy_database(database, whole)
        number = _copy_files(files, into / FILES)
        whole.rename(into / DATABASE)
    except OSError as error:
        raise CannotCopy(f"cannot write to {into} ({error.strerror})") from error
    except sqlite3.Error as error:
        raise CannotCopy(f"the store cannot be copied ({error})") from error
    return Copied((into / DATABASE).stat().st_size, number)


def _copy_database(database: Path, target: Path) -> None:
    """In one step, so it is one moment's state: in WAL mode writers go on meanwhile, and no step has to begin again for them."""
    with (
        contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy, pages=-1)
        # A copy is one file: it gets its log when a daemon opens it.
        copy.execute("PRAGMA journal_mode=DELETE")
        (told,) = copy.execute("PRAGMA quick_check").fetchone()
    if told != "ok":
        raise CannotCopy(f"the store is damaged ({told}); restore an older backup")


def _copy_files(files: Path, target: Path) -> int:
    """Copy what has its final name; one that goes meanwhile has no row any more."""
    number = 0
    # What is not ours is left out. No glob: it would leave out what may not be read.
    for folder in filter(Path.is_dir, sorted(files.iterdir()) if files.is_dir() else ()):
        for file in folder.iterdir():
            if file.name.startswith("tmp") or file.is_dir():
                continue
            (target / folder.name).mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(file, target / folder.name / file.name)
                number += 1
    return number
