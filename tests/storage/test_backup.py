"""A copy of the embedded store, taken while somebody writes to it."""

import sqlite3
import threading
from pathlib import Path

import pytest

from storage.backup import CannotCopy, back_up
from storage.files import Files


def wal(path: Path) -> sqlite3.Connection:
    """A database as the daemon has it, with two tables that change together."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE one (n); CREATE TABLE other (n)")
    return db


def counts(folder: Path) -> tuple[int, int]:
    db = sqlite3.connect(folder / "priyom.db")
    (one,), (other,) = (db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("one", "other"))
    db.close()
    return one, other


def test_a_copy_is_one_moment_of_a_store_that_is_written_to(tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    wal(database).close()
    begun, stop = threading.Event(), threading.Event()

    def write() -> None:
        db = sqlite3.connect(database, isolation_level=None)
        while not stop.is_set():
            db.executescript("BEGIN IMMEDIATE; INSERT INTO one VALUES (1); INSERT INTO other VALUES (1); COMMIT")
            begun.set()
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(5)
    for number in range(5):
        back_up(database, tmp_path / "files", tmp_path / str(number))
    stop.set()
    writer.join()
    copied = [counts(tmp_path / str(number)) for number in range(5)]
    assert all(one == other > 0 for one, other in copied)
    assert copied == sorted(copied)
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == ["priyom.db"]


def test_what_a_killed_daemon_left_in_its_log_is_copied_too(tmp_path: Path) -> None:
    db = wal(tmp_path / "store.db")
    db.executescript("PRAGMA wal_autocheckpoint=0; INSERT INTO one VALUES (1)")
    for name in ("store.db", "store.db-wal"):
        (tmp_path / "left").mkdir(exist_ok=True)
        (tmp_path / "left" / name).write_bytes((tmp_path / name).read_bytes())
    db.close()
    back_up(tmp_path / "left" / "store.db", tmp_path / "files", tmp_path / "copy")
    assert counts(tmp_path / "copy") == (1, 0)


def test_files_are_copied_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    wal(tmp_path / "store.db").close()
    name = Files(tmp_path / "files").keep(b"a letter")
    (tmp_path / "files" / name[:2] / "tmpabc").write_bytes(b"half of")
    copied = back_up(tmp_path / "store.db", tmp_path / "files", tmp_path / "copy")
    kept = Files(tmp_path / "copy" / "files").path(name)
    assert kept is not None
    assert (kept.read_bytes(), copied.files, copied.size) == (
        b"a letter",
        1,
        (tmp_path / "copy" / "priyom.db").stat().st_size,
    )
    assert [file.name for file in (tmp_path / "copy" / "files").rglob("*") if file.is_file()] == [name]


def test_what_somebody_else_put_among_the_files_is_in_no_backups_way(tmp_path: Path) -> None:
    wal(tmp_path / "store.db").close()
    name = Files(tmp_path / "files").keep(b"a letter")
    (tmp_path / "files" / ".DS_Store").write_bytes(b"")
    (tmp_path / "files" / name[:2] / "thumbnails").mkdir()
    assert back_up(tmp_path / "store.db", tmp_path / "files", tmp_path / "copy").files == 1


def test_no_copy_is_written_over_another_and_none_is_made_of_nothing(tmp_path: Path) -> None:
    wal(tmp_path / "store.db").close()
    back_up(tmp_path / "store.db", tmp_path / "files", tmp_path / "copy")
    with pytest.raises(CannotCopy, match="not empty; name a new folder"):
        back_up(tmp_path / "store.db", tmp_path / "files", tmp_path / "copy")
    with pytest.raises(CannotCopy, match="there is no store at"):
        back_up(tmp_path / "nothing.db", tmp_path / "files", tmp_path / "other")


def test_a_damaged_store_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    db = wal(tmp_path / "store.db")
    db.executescript("INSERT INTO one SELECT hex(randomblob(2000)) FROM (VALUES (1), (2), (3), (4), (5))")
    db.executescript("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(CannotCopy, match=r"damaged|cannot be copied"):
        back_up(tmp_path / "store.db", tmp_path / "files", tmp_path / "copy")
    assert not (tmp_path / "copy" / "priyom.db").exists()
