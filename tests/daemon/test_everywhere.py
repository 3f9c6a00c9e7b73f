"""One person by every way there is, over real processes: a form, a mailbox, two exchanges, a bot and a community.

A second person of the same name comes by two of them. The daemon then stops while every channel listens.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import aiohttp
import pytest

from tests import imap, telegram, vk
from tests.channels.exchanges import SECRETS, mango_body, mango_event, megafon_body
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Json, team, until
from tests.imap import Box, Pymap
from tests.telegram import Telegram
from tests.vk import GROUP, POLL, Vk

NAME: Final = "Николай Ветров"
PHONE: Final = "79161234567"
EMAIL: Final = "vetrov@client.example"
LINES: Final = {"anna": "101", "boris": "102"}
PATIENCE: Final = 60.0
"""Seconds for what a daemon does first: importing a provider's library is slow on a busy machine."""
WITHIN: Final = 2.0
"""Seconds that a stop may take, by the daemon's own account."""
ENVIRONMENT: Final = {
    "MAIL_PASSWORD": imap.PASSWORD,
    "MANGO_KEY": SECRETS["api_key"],
    "MANGO_SALT": SECRETS["salt"],
    "MEGAFON_TOKEN": SECRETS["token"],
    "TG_TOKEN": telegram.TOKEN,
    "VK_TOKEN": vk.TOKEN,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Pymap]:
    with imap.pymap() as made:
        yield made


def company(box: Box, bot: Telegram, community: Vk) -> Json:
    """A company with every kind of channel."""
    server = {"host": "127.0.0.1", "port": box.port, "tls": False}
    return {
        "accounts": {"info": {"imap": server, "user": box.user, "password": "${MAIL_PASSWORD}"}},
        "channels": {
            "site": {"kind": "webform", "source": "Сайт"},
            "info": {"kind": "mail", "account": "info", "folders": [box.folder], "start": "all"},
            "mango": {"kind": "telephony", "dialect": "mango", "api_key": "${MANGO_KEY}", "salt": "${MANGO_SALT}"},
            "megafon": {"kind": "telephony", "dialect": "megafon", "token": "${MEGAFON_TOKEN}"},
            "bot": {"kind": "telegram", "token": "${TG_TOKEN}", "api_base": bot.url},
            "vk": {"kind": "vk", "token": "${VK_TOKEN}", "group_id": GROUP, "api_base": community.url},
        },
        **team("anna", "boris", **{name: {"extension": line} for name, line in LINES.items()}),
    }


async def tells(client: Client, path: str, body: str) -> None:
    """An exchange says it, twice."""
    for _ in range(2):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.ask("POST", path, token=None, data=body, headers=headers)
        assert answer.status == 200, answer.body


class Person:
    """Whoever approaches the company, and what he does. Every delivery that may come twice does."""

    def __init__(self, client: Client, box: Box, bot: Telegram, community: Vk) -> None:
        self.client = client
        self.box = box
        self.bot = bot
        self.community = community

    async def fills_the_form(self, **form: str) -> Json:
        """The lead that it came to."""
        envelopes = {await self.client.accepted(key=form["email"], **form) for _ in range(2)}
        return await self.client.lead_of(envelopes.pop())

    async def calls_by_mango(self, line: str) -> None:
        """A call that is answered on this line."""
        called = {"extension": line, "line_number": "74951234567"}
        for seq, state in enumerate(("Appeared", "Connected", "Disconnected"), 1):
            event = mango_event(state, seq=seq, caller={"number": PHONE}, called=called, timestamp=int(time.time()))
            await tells(self.client, "/in/mango/events/call", mango_body(event))

    async def calls_by_megafon(self, line: str) -> None:
        """A call that nobody answers."""
        call = {"callid": "m1", "phone": PHONE, "ext": line}
        for event in ("INCOMING", "CANCELLED"):
            await tells(self.client, "/in/megafon", megafon_body("event", type=event, **call))
        await tells(
            self.client, "/in/megafon", megafon_body("history", type="in", status="missed", duration="0", **call)
        )

    async def shares_his_contact(self, user: int) -> None:
        """By the button of the bot, and then some words."""
        contact = {"phone_number": PHONE, "first_name": "Николай", "last_name": "Ветров", "user_id": user}
        shared = await self.bot.update(message=self.bot.message(user, contact=contact))
        await self.bot.write(user, "А доставка?")
        await self.bot.update(shared["update_id"], message=shared["message"])

    async def writes_in_vk(self, user: int) -> None:
        """He fills in the community's form, which says his telephone, and writes."""
        self.community.people[str(user)] = ("Николай", "Ветров")
        answers = [{"key": "phone_number", "question": "Телефон", "answer": f"+{PHONE}"}]
        filled = {"lead_id": 1, "user_id": user, "form_name": "Заказ", "answers": answers}
        await self.community.happens("lead_forms_new", filled)
        await self.community.write(user, "Жду ответа")


async def interactions(client: Client, lead: Json, number: int) -> list[Json]:
    """The interactions of a lead, as soon as there are so many."""

    async def enough() -> list[Json] | None:
        found: list[Json] = (await client.get(f"/api/leads/{lead['id']}"))["interactions"]
        return found if len(found) >= number else None

    found = await until(enough, PATIENCE)
    assert found is not None
    return found


async def test_one_person_by_every_channel_is_one_contact_with_one_lead_of_one_manager(
    make: Make, server: Pymap
) -> None:
    box = server.box()
    async with Telegram() as bot, Vk() as community:
        daemon = make(**company(box, bot, community))
        await asyncio.to_thread(daemon.start, **ENVIRONMENT)
        async with daemon.client() as client:
            await community.until(lambda: community.called(POLL))
            person = Person(client, box, bot, community)
            lead = await person.fills_the_form(
                name=NAME, phone="8 (916) 123-45-67", email=EMAIL, message="Нужен цемент"
            )
            other = await person.fills_the_form(name=NAME, phone="89035550102", email="n@else.example", message="Песок")
            await asyncio.to_thread(box.append, imap.letter(1, sender=f"{NAME} <{EMAIL}>"))
            await interactions(client, lead, 2)
            await person.calls_by_mango(LINES[lead["owner"]])
            await person.calls_by_megafon(LINES[lead["owner"]])
            await person.shares_his_contact(501)
            await person.writes_in_vk(601)
            await bot.write(502, "Я тоже Николай Ветров")
            said = await interactions(client, lead, 8)
            await client.settled()

            kinds = Counter((one["channel"], one["kind"]) for one in said)
            assert kinds == {
                ("site", "form"): 1,
                ("info", "mail"): 1,
                ("mango", "call"): 1,
                ("megafon", "call"): 1,
                ("bot", "contact"): 1,
                ("bot", "text"): 1,
                ("vk", "form"): 1,
                ("vk", "text"): 1,
            }
            whole = await client.get(f"/api/leads/{lead['id']}")
            keys = {(key["kind"], key["value"]) for key in whole["contact"]["keys"]}
            assert keys == {("phone", f"+{PHONE}"), ("email", EMAIL), ("telegram", "501"), ("vk", "601")}
            assert (whole["state"], whole["owner"], whole["contact"]["name"]) == ("in_work", lead["owner"], NAME)
            assert {one["id"] for one in await client.listed("/api/leads", q=PHONE[1:])} == {lead["id"]}

            others = [one for one in await client.listed("/api/leads") if one["id"] != lead["id"]]
            contacts = [one["contact"]["id"] for one in others]
            assert len(set(contacts)) == len(others) == 2
            assert whole["contact"]["id"] not in contacts
            assert other["owner"] != lead["owner"]
            assert len((await client.get(f"/api/leads/{other['id']}"))["interactions"]) == 1

            async def all_listen() -> bool:
                return {one["state"] for one in (await client.get("/api/channels"))["items"]} == {"listening"}

            await until(all_listen)
            ledger = await client.get("/api/ledger")
            assert ledger["balanced"]
            assert sum(item["received"] for item in ledger["items"]) == 14
            assert sum(item["duplicates"] for item in ledger["items"]) >= 8
            assert await client.listed("/api/envelopes", outcome="failed") == []
        assert await asyncio.to_thread(daemon.stop) == 0
        assert all(seconds < WITHIN for seconds in daemon.stops)
        assert "Traceback" not in daemon.log
        assert not [secret for secret in ENVIRONMENT.values() if secret in daemon.log]


async def test_what_was_being_taken_in_when_the_daemon_was_killed_is_there_once(make: Make) -> None:
    """Telegram keeps what it was not thanked for, and an exchange tries again; the other kinds have such a test of their own."""
    event = mango_event("Appeared", caller={"number": PHONE}, timestamp=int(time.time()))
    async with Telegram() as bot:
        given = company(Box(1, "", ""), bot, Vk())
        given["channels"] = {name: given["channels"][name] for name in ("mango", "bot")}
        daemon = make(**{name: section for name, section in given.items() if name != "accounts"})

        async def written(client: Client) -> None:
            await bot.write(501, "Нужен цемент")

        async def rings(client: Client) -> None:
            await tells(client, "/in/mango/events/call", mango_body(event))

        for approach in (written, rings):
            await asyncio.to_thread(daemon.start, **ENVIRONMENT)
            async with daemon.client() as client:
                assert (await client.ask("POST", "/test/crash", json={"at": "accept.before_commit"})).status == 200
                with contextlib.suppress(aiohttp.ClientError):
                    await approach(client)
                assert await asyncio.to_thread(daemon.ended, PATIENCE) == -9
        await asyncio.to_thread(daemon.start, **ENVIRONMENT)
        async with daemon.client() as client:
            await rings(client)

            async def both() -> list[Json] | None:
                leads = await client.listed("/api/leads")
                return leads if len(leads) == 2 else None

            await until(both, PATIENCE)
            await client.settled()
            ledger = (await client.get("/api/ledger"))["items"]
            assert {(item["channel"], item["received"], item["created"]) for item in ledger} == {
                ("mango", 1, 1),
                ("bot", 1, 1),
            }
