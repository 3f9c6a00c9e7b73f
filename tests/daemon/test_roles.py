"""One company over several processes on PostgreSQL: each does its part, and what one of them held goes on without it."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from storage import migrate
from storage.schema import cursors, leases, processes
from storage.store import Store
from tests import imap, postgres
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json, until
from tests.imap import Box, Pymap

pytestmark = pytest.mark.alone("has several processes already")

LEASE = "2s"


@pytest.fixture(scope="module")
def server() -> Iterator[Pymap]:
    with imap.pymap() as made:
        yield made


@pytest.fixture
def store(postgresql: postgres.Server) -> Iterator[Store]:
    made = Store(postgresql.create("roles"))
    migrate.create(made)
    yield made
    made.close()


def sections(box: Box, *forms: str) -> Json:
    """Channels: this mailbox and some forms."""
    server = {"host": "127.0.0.1", "port": box.port, "tls": False}
    info = {"kind": "mail", "account": "info", "folders": [box.folder], "start": "all"}
    return {
        "accounts": {"info": {"imap": server, "user": box.user, "password": "${MAIL_PASSWORD}"}},
        "channels": {"info": info} | {name: {"kind": "webform"} for name in forms},
    }


class Processes:
    """The processes of one store, by name."""

    def __init__(self, make: Make, store: Store, box: Box, **roles: str) -> None:
        self.store = store
        self.box = box
        self.all: dict[str, Daemon] = {}
        for name in roles:
            one = self.all[name] = make(**sections(box, "site"))
            one.store_url = store.url.render_as_string(hide_password=False)
        self.all["second"].port = self.all["first"].port
        self.configure("site")
        for name, one in self.all.items():
            one.launch(roles=roles[name], MAIL_PASSWORD=imap.PASSWORD, PRIYOM_LEASE=LEASE)
        for one in self.all.values():
            one.greeted()

    def configure(self, *forms: str) -> None:
        for one in self.all.values():
            one.configure(**sections(self.box, *forms))

    async def listener(self, *, but: int = 0) -> Daemon:
        """The process that has the mailbox's lease, once that is another than this one."""

        async def found() -> Daemon | None:
            holder = self.row(sa.select(leases.c.holder).where(leases.c.name.like("channel:%")))
            report = (
                None if holder is None else self.row(sa.select(processes.c.report).where(processes.c.uid == holder))
            )
            one = next((one for one in self.all.values() if f'"pid":{one.pid},' in (report or "")), None)
            return one if one is not None and one.pid != but else None

        one = await until(found)
        assert one is not None
        return one

    def row(self, query: Any) -> Any:
        return self.store.peek(lambda db: db.execute(query).scalar())


async def written(client: Client, number: int) -> None:
    """Return when so many people have a lead."""

    async def enough() -> bool:
        return len(await client.listed("/api/leads")) >= number

    await until(enough)


async def test_what_one_process_held_goes_on_without_it(make: Make, server: Pymap, store: Store) -> None:
    box = server.box()
    running = Processes(
        make, store, box, first="receive", second="receive,listen", worker="work,listen", desk="desk,work"
    )
    async with running.all["desk"].client() as client, running.all["first"].client() as form:
        await form.accepted(name="Анна", phone="8 912 345-67-89")
        box.append(imap.letter(1, sender="one@example.com"))
        await written(client, 2)
        assert (await form.ask("GET", "/api/leads")).status == 404
        ready = await form.ask("GET", "/readyz", token=None)
        assert (ready.status, ready.json["roles"], ready.json["configuration"]) == (200, ["receive"], "applied")

        stopped = await running.listener()
        stopped_pid = stopped.pid
        stopped.process.send_signal(signal.SIGSTOP)
        second = await running.listener(but=stopped_pid)
        box.append(imap.letter(2, sender="two@example.com"))
        await written(client, 3)
        stopped.process.send_signal(signal.SIGCONT)

        async def listening() -> bool:
            (info,) = [one for one in (await client.get("/api/channels"))["items"] if one["name"] == "info"]
            return info["state"] == "listening" and "lease.ended" in stopped.log

        await until(listening)
        box.append(imap.letter(3, sender="three@example.com"))
        await written(client, 4)
        assert running.row(sa.select(cursors.c.epoch)) == running.row(
            sa.select(leases.c.epoch).where(leases.c.name.like("channel:%"))
        )

        second.kill()
        await running.listener(but=second.pid)
        box.append(imap.letter(4, sender="four@example.com"))
        await written(client, 5)

        running.configure("site", "landing")
        assert (await client.ask("POST", "/api/config/reload")).status == 200

        async def followed() -> bool:
            return (await form.send("/in/landing", name="Вера", phone="8 912 345-67-80")).status == 202

        if running.all["first"].alive:
            await until(followed)
        await client.settled()
        assert (await client.get("/api/ledger"))["balanced"]
