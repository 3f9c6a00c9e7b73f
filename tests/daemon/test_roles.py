"""One company over several processes on PostgreSQL: each does its part, and what one of them held goes on without it.

A mail of either of two accounts is itself, whichever process takes it in and whatever Message-ID it has.
"""

import signal
from collections import Counter
from collections.abc import Iterator, Mapping
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
def servers() -> Iterator[tuple[Pymap, Pymap]]:
    with imap.pymap() as first, imap.pymap("sales@example.net") as second:
        yield first, second


@pytest.fixture
def store(postgresql: postgres.Server) -> Iterator[Store]:
    made = Store(postgresql.create("roles"))
    migrate.create(made)
    yield made
    made.close()


def sections(boxes: Mapping[str, Box], *forms: str) -> Json:
    """Channels: these mailboxes, each of an account of its own, and some forms."""
    return {
        "accounts": {
            name: {
                "imap": {"host": "127.0.0.1", "port": box.port, "tls": False},
                "user": box.user,
                "password": "${MAIL_PASSWORD}",
            }
            for name, box in boxes.items()
        },
        "channels": {
            name: {"kind": "mail", "account": name, "folders": [box.folder], "start": "all"}
            for name, box in boxes.items()
        }
        | {name: {"kind": "webform"} for name in forms},
    }


class Processes:
    """The processes of one store, by name."""

    def __init__(self, make: Make, store: Store, boxes: Mapping[str, Box], **roles: str) -> None:
        self.store = store
        self.boxes = boxes
        self.all: dict[str, Daemon] = {}
        for name in roles:
            one = self.all[name] = make(**sections(boxes, "site"))
            one.store_url = store.url.render_as_string(hide_password=False)
        self.all["second"].port = self.all["first"].port
        self.configure("site")
        for name, one in self.all.items():
            one.launch(roles=roles[name], MAIL_PASSWORD=imap.PASSWORD, PRIYOM_LEASE=LEASE)
        for one in self.all.values():
            one.greeted()

    def configure(self, *forms: str) -> None:
        for one in self.all.values():
            one.configure(**sections(self.boxes, *forms))

    async def listener(self, *, but: int = 0) -> Daemon:
        """The process that has both mailboxes' leases, once that is another than this one."""

        async def found() -> Daemon | None:
            holders = self.rows(sa.select(leases.c.holder).where(leases.c.name.like("channel:%")))
            if len(holders) < len(self.boxes) or len(set(holders)) > 1:
                return None
            reports = self.rows(sa.select(processes.c.report).where(processes.c.uid == holders[0]))
            one = next((one for one in self.all.values() if f'"pid":{one.pid},' in "".join(reports)), None)
            return one if one is not None and one.pid != but else None

        one = await until(found)
        assert one is not None
        return one

    def rows(self, query: Any) -> list[Any]:
        return self.store.peek(lambda db: list(db.execute(query).scalars()))


async def written(client: Client, number: int) -> None:
    """Return when so many people have a lead."""

    async def enough() -> bool:
        return len(await client.listed("/api/leads")) >= number

    await until(enough)


async def taken(client: Client, **wanted: int) -> None:
    """Return when so many mails of each mailbox are in the journal; none has more."""

    async def enough() -> bool:
        received: Counter[str] = Counter()
        for item in (await client.get("/api/ledger"))["items"]:
            received[item["channel"]] += item["received"]
        assert all(received[name] <= number for name, number in wanted.items())
        return all(received[name] == number for name, number in wanted.items())

    await until(enough)


def nameless(number: int) -> bytes:
    """A mail of a known client without a Message-ID, or with an empty one."""
    mail = imap.letter(number, sender="one@example.com", Message_ID="")
    return mail if number % 2 else mail.replace(b"Message-ID: \r\n", b"")


async def test_what_one_process_held_goes_on_without_it_and_no_mail_is_taken_for_another(
    make: Make, servers: tuple[Pymap, Pymap], store: Store
) -> None:
    info, sales = (server.box() for server in servers)
    running = Processes(
        make,
        store,
        {"info": info, "sales": sales},
        first="receive",
        second="receive,listen",
        worker="work,listen",
        desk="desk,work",
    )
    async with running.all["desk"].client() as client, running.all["first"].client() as form:
        await form.accepted(name="Анна", phone="8 912 345-67-89")
        mails = [imap.letter(1, sender="one@example.com"), nameless(5), nameless(6)]
        info.append(*mails)
        await written(client, 2)
        assert (await form.ask("GET", "/api/leads")).status == 404
        ready = await form.ask("GET", "/readyz", token=None)
        assert (ready.status, ready.json["roles"], ready.json["configuration"]) == (200, ["receive"], "applied")

        stopped = await running.listener()
        stopped_pid = stopped.pid
        stopped.process.send_signal(signal.SIGSTOP)
        second = await running.listener(but=stopped_pid)
        # The same ids, or none, as what another process took in of the other mailbox.
        sales.append(*mails)
        mails.append(imap.letter(2, sender="two@example.com"))
        info.append(mails[-1])
        await written(client, 3)
        await taken(client, info=4, sales=3)
        stopped.process.send_signal(signal.SIGCONT)

        async def listening() -> bool:
            states = {one["name"]: one["state"] for one in (await client.get("/api/channels"))["items"]}
            return states["info"] == "listening" and "lease.ended" in stopped.log

        await until(listening)
        mails.append(imap.letter(3, sender="three@example.com"))
        info.append(mails[-1])
        await written(client, 4)
        epochs = sa.select(leases.c.epoch).where(leases.c.name.like("channel:%"))
        assert set(running.rows(sa.select(cursors.c.epoch))) == set(running.rows(epochs))

        second.kill()
        # Under new numbers, whoever comes next reads all of it again.
        info.delete()
        info.create()
        info.append(*mails)
        await running.listener(but=second.pid)
        info.append(imap.letter(4, sender="four@example.com"))
        await written(client, 5)
        await taken(client, info=6, sales=3)

        running.configure("site", "landing")
        assert (await client.ask("POST", "/api/config/reload")).status == 200

        async def followed() -> bool:
            return (await form.send("/in/landing", name="Вера", phone="8 912 345-67-80")).status == 202

        if running.all["first"].alive:
            await until(followed)
        await client.settled()
        ledger = await client.get("/api/ledger")
        assert ledger["balanced"]
        assert sum(item["duplicates"] for item in ledger["items"] if item["channel"] == "info") >= len(mails)
