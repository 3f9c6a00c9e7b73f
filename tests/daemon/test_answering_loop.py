"""Two workers of one company answer mail by themselves, while another company and robots answer them: it ends.

Every header by which mail is known to be automatic is stripped on its way, so nothing is left to know it by.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from storage import migrate
from storage.store import Store
from tests import imap, postgres
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, until
from tests.imap import Box
from tests.ingest.test_two_instances import FIRST, ROBOT, SECOND, PostOffice, letter, listening, running

pytestmark = pytest.mark.alone("has several processes already")

SENDERS = [SECOND, *(ROBOT.replace("ivan", name) for name in ("ivan", "olga", "oleg", "vera"))]
AT_ONCE = 2
PATIENCE = 60.0
"""Seconds. Two daemons, an instance and two mailboxes share the machine with the other tests."""


@pytest.fixture
def boxes() -> Iterator[dict[str, Box]]:
    with imap.pymap(FIRST) as first, imap.pymap(SECOND) as second:
        yield {FIRST: first.box(), SECOND: second.box()}


@pytest.fixture
def store_url(postgresql: postgres.Server) -> str:
    made = Store(postgresql.create("loop"))
    migrate.create(made)
    made.close()
    return made.url.render_as_string(hide_password=False)


def two_workers(make: Make, store_url: str, box: Box, smtp: int) -> list[Daemon]:
    """The first company: one process listens to its mailbox as well, the other one has the desk."""
    server = {"host": "127.0.0.1", "tls": False}
    account = {"imap": {**server, "port": box.port}, "smtp": {**server, "port": smtp}}
    info = {"kind": "mail", "account": "info", "folders": [box.folder], "start": "all", "answer": True}
    sections = {
        "accounts": {"info": {**account, "user": box.user, "password": "${MAIL_PASSWORD}"}},
        "channels": {"info": info},
        "managers": {"anna": {"name": "Анна"}},
        "teams": {"sales": {"managers": ["anna"]}},
    }
    processes = [make(**sections) for _ in range(2)]
    for one, roles in zip(processes, ("listen,work", "work,desk"), strict=True):
        one.store_url = store_url
        one.launch(roles=roles, MAIL_PASSWORD=imap.PASSWORD)
    for one in processes:
        one.greeted()
    return processes


async def paused(client: Client, *, paused: bool) -> None:
    assert (await client.ask("POST", "/test/worker", json={"paused": paused})).status == 200


async def test_two_workers_answer_an_instance_and_robots_that_answer_them_once_each(
    make: Make, store_url: str, boxes: dict[str, Box], tmp_path: Path
) -> None:
    office = PostOffice(boxes, strips=True)
    with listening(office) as smtp:
        processes = two_workers(make, store_url, boxes[FIRST], smtp)
        async with (
            running(tmp_path / "second", boxes[SECOND], smtp) as second,
            processes[0].client() as listener,
            processes[1].client() as desk,
        ):

            async def received() -> int:
                return sum(one["received"] for one in (await desk.get("/api/ledger"))["items"])

            async def has_received(number: int) -> bool:
                return await received() >= number

            async def quiet() -> bool:
                """Nothing is still to be read or said."""
                ledger = (await desk.get("/api/ledger"))["items"]
                due = [one for one in await desk.listed("/api/notices") if one["code"] == "automatic_reply"]
                return not (due or any(one["pending"] for one in ledger)) and second.quiet()

            for turn, (worker, other) in enumerate(((desk, listener), (listener, desk))):
                # What one of them has answered, the other one does not answer again, nor what came in return.
                await paused(other, paused=True)
                await paused(worker, paused=False)
                for one in SENDERS * AT_ONCE:
                    office.put(FIRST, letter(one, FIRST))
                await until(lambda: len(office.carried) > len(SENDERS), PATIENCE)
                await until(partial(has_received, ((turn + 1) * AT_ONCE + 1) * len(SENDERS)), PATIENCE)
            await until(quiet, PATIENCE)
            assert await received() == (2 * AT_ONCE + 1) * len(SENDERS)
            ledger = await desk.get("/api/ledger")
    assert ledger["balanced"]
    assert sum(one["created"] for one in ledger["items"]) == len(SENDERS)
    assert Counter(office.carried) == Counter([(SECOND, FIRST), *((FIRST, one) for one in SENDERS)])
    assert [one.stop() for one in processes] == [0, 0]
