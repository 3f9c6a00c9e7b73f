"""A daemon at a mailbox: a mail becomes a lead, and one that was taken in just before the process was killed is there once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import imap
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Json, until
from tests.imap import Box, Pymap


@pytest.fixture(scope="module")
def server() -> Iterator[Pymap]:
    with imap.pymap() as made:
        yield made


def channels(box: Box) -> dict[str, Any]:
    """A configuration's channels: this mailbox, and a form."""
    info = {"kind": "mail", "source": "Почта", "account": "info", "folders": [box.folder], "start": "all"}
    return {"info": info, "site": {"kind": "webform"}}


def accounts(box: Box) -> dict[str, Any]:
    server = {"host": "127.0.0.1", "port": box.port, "tls": False}
    return {"info": {"imap": server, "user": box.user, "password": "${MAIL_PASSWORD}"}}


async def leads(client: Client, number: int) -> list[Json]:
    """All leads, as soon as there are so many."""

    async def enough() -> list[Json] | None:
        found = await client.listed("/api/leads")
        return found if len(found) >= number else None

    found = await until(enough)
    assert found is not None
    return found


async def test_a_mail_becomes_a_lead_and_the_same_person_s_form_joins_it(make: Make, server: Pymap) -> None:
    box = server.box()
    daemon = make(channels=channels(box), accounts=accounts(box))
    daemon.start(MAIL_PASSWORD=imap.PASSWORD)
    async with daemon.client() as client:
        box.append(imap.letter(2))
        (lead,) = await leads(client, 1)
        whole = await client.get(f"/api/leads/{lead['id']}")
        assert (lead["source"], lead["channel"], lead["owner"]) == ("Почта", "info", "anna")
        assert lead["contact"] == {
            "id": lead["contact"]["id"],
            "name": "Иван",
            "keys": [{"kind": "email", "value": "ivan@example.com"}],
        }
        (said,) = whole["interactions"]
        assert (said["kind"], said["subject"], said["text"]) == ("mail", "Заявка 2", "Нужен цемент 2")
        joined = await client.lead(name="Иван", email="IVAN@example.com", message="и песок")
        assert joined["id"] == lead["id"]
        ledger = await client.get("/api/ledger")
        assert ledger["balanced"]
    assert daemon.stop() == 0
    assert imap.PASSWORD not in daemon.log


@pytest.mark.parametrize("point", ["accept.before_commit", "accept.after_commit"])
async def test_a_mail_that_a_killed_daemon_had_fetched_is_one_lead(make: Make, server: Pymap, point: str) -> None:
    box = server.box()
    daemon = make(channels=channels(box), accounts=accounts(box))
    daemon.start(MAIL_PASSWORD=imap.PASSWORD)
    async with daemon.client() as client:
        await client.ask("POST", "/test/crash", json={"at": point})
    box.append(imap.letter(1))
    assert daemon.ended() < 0
    daemon.start(MAIL_PASSWORD=imap.PASSWORD)
    async with daemon.client() as client:
        box.append(imap.letter(2, sender="vera@mail.example"))
        found = await leads(client, 2)
        await client.settled()
        assert len({lead["contact"]["id"] for lead in found}) == len(await client.listed("/api/leads")) == 2
        ledger = await client.get("/api/ledger")
        assert ledger["balanced"]
        assert sum(item["received"] for item in ledger["items"]) == 2
