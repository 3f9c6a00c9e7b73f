"""Files of messages: on disk, under their names, before the row that names them."""

import hashlib
import os
from pathlib import Path

import pytest

from storage.files import Files


@pytest.mark.skipif(os.name == "nt", reason="no folder can be opened there")
def test_the_name_of_a_file_is_as_safe_as_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = hashlib.sha256(b"a letter").hexdigest()
    place = tmp_path / "files" / name[:2] / name
    safe: dict[int, bool] = {}
    """By the inode of what was synced: whether the file had its name by then."""
    monkeypatch.setattr(os, "fsync", lambda handle: safe.update({os.fstat(handle).st_ino: place.exists()}))
    assert Files(tmp_path / "files").keep(b"a letter") == name
    inodes = [path.stat().st_ino for path in (place.parents[1], place, place.parent)]
    assert [safe.get(inode) for inode in inodes] == [False, False, True]
