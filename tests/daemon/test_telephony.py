"""Exchanges that speak HTTP to a running daemon: Mango's and MegaFon's calls, who is calling, and what is to be done."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.channels.exchanges import SECRETS, mango_body, mango_event, megafon_body
from tests.daemon.conftest import Make
from tests.daemon.process import Answer, Client, Daemon, Json, team, until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CHANNELS: Json = {
    "site": {"kind": "webform", "source": "Сайт"},
    "pbx": {
        "kind": "telephony",
        "dialect": "mango",
        "api_key": "${MANGO_KEY}",
        "salt": "${MANGO_SALT}",
        "numbers": {"+74951234567": "Яндекс Директ"},
    },
    "mobile": {"kind": "telephony", "dialect": "megafon", "token": "${MEGAFON_TOKEN}"},
    "intl": {"kind": "telephony", "dialect": "zadarma", "secret": "${ZADARMA_SECRET}"},
}
ENVIRONMENT = {
    "MANGO_KEY": SECRETS["api_key"],
    "MANGO_SALT": SECRETS["salt"],
    "MEGAFON_TOKEN": SECRETS["token"],
    "ZADARMA_SECRET": SECRETS["secret"],
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, founded: Make) -> Iterator[Daemon]:
    folder: Path = tmp_path_factory.mktemp("telephony")
    lines: dict[str, Any] = {"anna": {"extension": ["101"]}, "boris": {"extension": "102"}}
    made = founded(folder, channels=CHANNELS, **team("anna", "boris", **lines))
    made.start(**ENVIRONMENT)
    yield made
    made.close()


async def tell(client: Client, path: str, body: str) -> Answer:
    return await client.ask("POST", path, token=None, data=body, headers=FORM)


async def mango(client: Client, phone: str, state: str, seq: int, line: str = "101") -> None:
    called = {"extension": line, "line_number": "74951234567"}
    said = mango_event(state, entry=phone, seq=seq, caller={"number": phone}, called=called, timestamp=int(time.time()))
    answer = await tell(client, "/in/pbx/events/call", mango_body(said))
    assert answer.status == 200, answer.body


async def lead_of(client: Client, phone: str) -> Json:
    found = await client.get("/api/leads", q=phone.removeprefix("7"))
    (only,) = found["items"]
    return await client.get(f"/api/leads/{only['id']}")


async def test_mangos_call_rings_is_answered_and_ends_as_one_interaction(daemon: Daemon) -> None:
    phone = "79161110101"
    async with daemon.client() as client:
        await mango(client, phone, "Appeared", 1, "102")
        await mango(client, phone, "Appeared", 1, "102")
        await client.settled()
        lead = await lead_of(client, phone)
        assert (lead["state"], lead["reason"], lead["owner"]) == ("unprocessed", "ringing", None)
        assert lead["source"] == "Яндекс Директ"
        await mango(client, phone, "Connected", 2, "102")
        await client.settled()
        managers = {row["name"]: row["why_not"] for row in await client.listed("/api/managers")}
        assert managers == {"anna": None, "boris": "on_call"}
        await mango(client, phone, "Disconnected", 3, "102")
        await client.settled()
        lead = await lead_of(client, phone)
        assert (lead["state"], lead["owner"]) == ("in_work", "boris")
        (call,) = lead["interactions"]
        assert (call["kind"], call["direction"], len(call["envelopes"])) == ("call", "in", 3)
        assert call["call"] == {
            "phase": "answered",
            "over": True,
            "extension": "102",
            "seconds": None,
            "recording": None,
        }
        assert lead["decision"]["assignment"]["code"] == "answered_call"
        assert lead["activities"] == []
        assert {row["why_not"] for row in await client.listed("/api/managers")} == {None}
        assert (await client.get("/api/ledger"))["balanced"]


async def test_an_exchange_that_does_not_prove_itself_is_refused(daemon: Daemon) -> None:
    async with daemon.client() as client:
        forged = mango_body({"entry_id": "x"}).replace("sign=", "sign=0")
        refused = await tell(client, "/in/pbx/events/call", forged)
        assert (refused.status, refused.error) == (401, "not_proved")
        refused = await tell(client, "/in/mobile", megafon_body("event", crm_token="guess"))
        assert (refused.status, refused.error) == (401, "not_proved")
        refused = await tell(client, "/in/intl", "event=NOTIFY_START")
        assert refused.status == 401
        echo = await client.ask("GET", "/in/intl", token=None, params={"zd_echo": "a1b2"})
        assert (echo.status, echo.body) == (200, b"a1b2")
        assert SECRETS["token"] not in daemon.log


async def test_megafons_missed_call_is_to_be_called_back_until_somebody_says_so(daemon: Daemon) -> None:
    phone = "79161110202"
    async with daemon.client() as client:
        for event in ("INCOMING", "CANCELLED"):
            assert (
                await tell(client, "/in/mobile", megafon_body("event", type=event, callid="m1", phone=phone))
            ).status == 200
        ended = megafon_body("history", type="in", status="missed", callid="m1", phone=phone, duration="0")
        answer = await tell(client, "/in/mobile", ended)
        assert (answer.status, answer.body) == (200, b"{}")
        await client.settled()
        lead = await lead_of(client, phone)
        assert lead["state"] == "assigned"
        (to_do,) = lead["activities"]
        assert (to_do["kind"], to_do["done_at"], to_do["done_by"]) == ("call_back", None, None)
        assert to_do["due_at"] > lead["created_at"]

        async def printed() -> bool:
            return any("Перезвонить до:" in line for line in daemon.printed)

        await until(printed)
        done = await client.ask("POST", f"/api/activities/{to_do['id']}/done")
        again = await client.ask("POST", f"/api/activities/{to_do['id']}/done")
        assert (done.status, again.status) == (200, 200)
        assert done.json["activities"] == again.json["activities"]
        assert done.json["activities"][0]["done_by"] == "api"
        assert (await client.ask("POST", "/api/activities/nothing/done")).status == 404


async def asked(client: Client, phone: str) -> Json:
    """Who calls: asked until the answer has a line, since on a busy machine it may be empty, in time."""

    async def answered() -> Json | None:
        answer = await tell(client, "/in/mobile", megafon_body("contact", phone=phone))
        assert answer.status == 200
        return answer.json or None

    found = await until(answered)
    assert found is not None
    return found


async def test_megafon_asks_who_calls_and_nothing_is_stored_of_it(daemon: Daemon) -> None:
    phone = "79161110303"
    async with daemon.client() as client:
        stranger = await asked(client, phone)
        assert stranger["responsible"] in {"101", "102"}
        assert "contact_name" not in stranger
        lead = await client.lead(name="Николай", phone=phone)
        owner, line = lead["owner"], {"anna": "101", "boris": "102"}[lead["owner"]]
        assert await asked(client, phone) == {"contact_name": "Николай", "responsible": line}
        await client.set_available(owner, available=False)
        assert (await asked(client, phone))["responsible"] == {"101": "102", "102": "101"}[line]
        await client.set_available(owner, available=True)
        refused = await tell(client, "/in/mobile", megafon_body("contact", phone=phone, crm_token="guess"))
        assert refused.status == 401
        kept = await client.listed("/api/envelopes", channel="mobile")
        assert "service_event" not in {one["reason"] for one in kept}


async def test_a_secret_that_differs_is_a_state_that_people_hear_of_once_and_of_its_end(daemon: Daemon) -> None:
    """Last in this file: it moves the daemon's clock on."""
    forged = mango_body({"entry_id": "x"}).replace("sign=", "sign=0")
    async with daemon.client() as client:

        async def state() -> Json:
            return next(one for one in await client.listed("/api/channels", language="en") if one["name"] == "pbx")

        async def until_it_is(condition: str, *, refused: bool) -> Json:
            """Where several processes receive, one tells the others a moment later."""

            async def so() -> Json | None:
                shown = await state()
                return shown if (shown["state"], shown["refusals"] >= 5) == (condition, refused) else None

            found = await until(so)
            assert found is not None
            return found

        async def told(words: str) -> bool:
            return any(words in line for line in daemon.printed)

        for _ in range(5):
            await tell(client, "/in/pbx/events/call", forged)
        shown = await until_it_is("misconfigured", refused=True)
        assert shown["refusals"] >= 5
        assert "secret" in shown["remedy"]
        metrics = (await client.ask("GET", "/metrics", token=None)).body.decode()
        assert 'priyom_channel_state{channel="pbx",state="misconfigured"} 1.0' in metrics
        ready = await client.ask("GET", "/readyz", token=None)
        assert ready.status == 200
        assert {one["name"]: one["state"] for one in ready.json["channels"]}["pbx"] == "misconfigured"
        await client.advance("11m")
        await tell(client, "/in/pbx/events/call", forged)
        await client.advance("1m")
        await until(lambda: told("Канал «pbx» требует внимания"))
        assert "misconfigured" in daemon.command("channels").stdout
        await mango(client, "79161110909", "Appeared", 1)
        await until_it_is("listening", refused=False)
        await client.advance("1m")
        await until(lambda: told("Канал «pbx» снова работает"))
