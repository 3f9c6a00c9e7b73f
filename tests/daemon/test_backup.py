"""A backup that was tried: taken while a daemon takes posts, restored elsewhere, and its account is balanced."""

import asyncio
import itertools
import shutil

import aiohttp
import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Client


async def post_without_end(receiver: Client, desk: Client) -> None:
    """Post by tens, each ten after the last has been decided: so that somebody writes all the time, and nobody is drowned."""
    for number in itertools.count():
        posted = await asyncio.gather(*(receiver.accepted(phone=f"+7917{number:05}{one:02}") for one in range(10)))
        await desk.decided(posted[-1])


@pytest.mark.alone("copies the file of SQLite; test_together restores a dump")
async def test_a_store_copied_under_load_is_restored_elsewhere_and_its_account_is_balanced(make: Make) -> None:
    daemon, restored = make(), make()
    daemon.start()
    async with daemon.client() as client:
        form = aiohttp.FormData({"phone": "+79160000000"}, quote_fields=False)
        form.add_field("file", b"a letter", filename="letter.txt", content_type="text/plain")
        answer = await client.ask("POST", "/in/site", token=None, data=form)
        before = [answer.json["id"], *[await client.accepted(phone=f"+7916000{n:04}") for n in range(1, 20)]]
        await client.lead_of(before[0])
        posting = asyncio.create_task(post_without_end(client, client))
        done = await asyncio.to_thread(daemon.command, "backup", str(daemon.folder / "copy"))
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("bytes and 1 files\n")
        assert not posting.done()
        posting.cancel()
    daemon.kill()

    shutil.copytree(daemon.folder / "copy", restored.folder, dirs_exist_ok=True)
    restored.start()
    async with restored.client() as client:
        assert [(await client.decided(envelope))["outcome"] for envelope in before] == ["created"] * len(before)
        (attachment,) = (await client.lead_of(before[0]))["interactions"][0]["attachments"]
        assert (await client.ask("GET", f"/api/files/{attachment['file']}")).body == b"a letter"
        await client.settled()
        ledger = await client.get("/api/ledger")
        assert ledger["balanced"]
        assert sum(item["received"] for item in ledger["items"]) >= len(before)
    assert restored.stop() == 0
