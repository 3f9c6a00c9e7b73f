"""What only several processes can get wrong and takes longer to try: merges beside workers, and what is said once a day."""

import asyncio
import itertools
from typing import Final

import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Json, team, until
from tests.smtp import Mail, MailServer

pytestmark = pytest.mark.together

ROUNDS: Final = 12
PHONES: Final = ("+79140000001", "+79140000002")


async def write(client: Client, wanted: asyncio.Event) -> list[list[str]]:
    """Each of two people writes again and again until nobody wants it; their envelopes."""
    sent: list[list[str]] = [[], []]
    for number in itertools.count():
        if wanted.is_set():
            break
        for envelopes, phone in zip(sent, PHONES, strict=True):
            envelopes.append(await client.accepted(phone=phone, message=f"обращение {number}"))
    return sent


async def test_people_are_merged_and_parted_at_the_desk_while_workers_settle_what_they_write(make: Make) -> None:
    daemon = make(**team("anna", "boris"))
    daemon.start()
    async with daemon.client() as client:
        first, second = [await client.lead(phone=phone, message="начало") for phone in PHONES]
        people = [lead["contact"]["id"] for lead in (first, second)]
        over = asyncio.Event()
        writing = asyncio.create_task(write(client, over))
        for _ in range(ROUNDS):
            merged = await client.ask("POST", f"/api/contacts/{people[0]}/merge", json={"absorb": people[1]})
            assert merged.status == 200, merged.body
            undone = await client.ask("POST", f"/api/merges/{merged.json['merge']}/undo")
            assert undone.status == 200, undone.body
        over.set()
        sent = await writing
        await client.settled()
        for person, phone, envelopes in zip(people, PHONES, sent, strict=True):
            contact = await client.get(f"/api/contacts/{person}")
            assert [key["value"] for key in contact["keys"]] == [phone]
            decided = [await client.decided(envelope) for envelope in envelopes]
            assert {one["outcome"] for one in decided} <= {"attached", "created", "ignored"}
            leads = [await client.get(f"/api/leads/{one}") for one in {one["lead"] for one in decided if one["lead"]}]
            assert {lead["contact"]["id"] for lead in leads} == {person}
        assert (await client.get("/api/ledger"))["balanced"]
    assert "Traceback" not in daemon.log


async def test_a_day_is_told_of_once_however_many_workers_there_are(make: Make, mails: MailServer) -> None:
    smtp = {"host": "127.0.0.1", "port": mails.port, "tls": False}
    daemon = make(
        directors={"irina": {"name": "Ирина", "email": "irina@example.com"}},
        notices={"email": {"smtp": smtp, "from": "leads@example.com"}, "summary": "09:00"},
    )
    daemon.start()

    def told(received: list[Mail]) -> list[Mail]:
        return [mail for mail in received if mail.recipients == ("irina@example.com",)]

    async with daemon.client() as client:
        await client.lead(phone=PHONES[0])
        for day in range(1, 4):
            await client.advance("24h")
            await mails.wait(lambda received, day=day: len(told(received)) >= day)  # type: ignore[misc] # a bound default

        async def all_sent() -> bool:
            return not (await client.get("/api/notices"))["items"]

        await until(all_sent)
        listed: list[Json] = await client.listed("/api/leads")
        assert len(listed) == 1
    assert daemon.stop() == 0
    assert len(told(mails.mails)) == 3
