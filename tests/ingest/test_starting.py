"""Processes that start at the same moment on a new store."""

import asyncio
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.assembly.core import shared
from ingest.opening import CannotStart, opened_store
from kernel.clock import Clock
from storage.file_lock import FileLock, Taken
from storage.store import Store
from tests.ingest.configured import SMALL, configured


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_processes_that_start_together_on_a_new_store_agree_on_its_secrets(store: Store, tmp_path: Path) -> None:
    config = configured(tmp_path, SMALL)
    url = store.url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(Store(url))) for _ in range(6)]
        begun = await asyncio.gather(*(shared(config, one, Clock(), timedelta(seconds=15)) for one in stores))
    assert len({core.secrets for core in begun}) == 1


def test_a_file_is_one_daemons_by_whatever_name_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(tmp_path / "store.db")
    lock = FileLock(str(tmp_path / "store.db"))
    with pytest.raises(Taken):
        FileLock(str(tmp_path / "other"))
    lock.release()


@pytest.mark.parametrize("place", ["store.db", "file/store.db", "folder/store.db"])
def test_a_store_that_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "store.db").write_bytes(b"no database " * 1000)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "store.db.lock").mkdir(parents=True)
    config = configured(tmp_path, f"{SMALL}storage: {{url: 'sqlite:///{tmp_path / place}'}}\n")
    said = r"the store cannot be (used|opened) \(.+\); check storage.url"
    with pytest.raises(CannotStart, match=said), opened_store(config):
        pass
