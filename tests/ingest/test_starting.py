"""Processes that start at the same moment on a new store."""

import asyncio
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.assembly.core import shared
from kernel.clock import Clock
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
