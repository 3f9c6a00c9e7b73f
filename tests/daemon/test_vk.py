"""A community over the daemon as a process: clients write to it and become leads; a kill loses none and doubles none."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json, team, until
from tests.vk import GROUP, POLL, TOKEN, Vk

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET: Final = "secret_of_the_callback"
LATER: Final = 2_000_000_000
"""Seconds of VK's clock after all that the daemon has seen."""
_clients = itertools.count(501)


def company(vk: Vk) -> Json:
    """A company with two communities: one is polled, the other calls."""
    common = {"kind": "vk", "group_id": GROUP, "token": "${VK_TOKEN}", "api_base": vk.url}
    calling = {"mode": "callback", "confirmation": "c0de", "secret": "${VK_SECRET}"}
    return {"channels": {"vk": common | {"source": "ВКонтакте"}, "calls": common | calling}, **team("anna", "boris")}


@asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[Client]:
    daemon.start(VK_TOKEN=TOKEN, VK_SECRET=SECRET)
    async with daemon.client() as client:
        yield client


async def lead_with(client: Client, text: str) -> Json:
    """The lead that somebody's words came to."""

    async def found() -> Json | None:
        for lead in await client.listed("/api/leads"):
            whole = await client.get(f"/api/leads/{lead['id']}")
            if any(one["text"] == text for one in whole["interactions"]):
                return whole
        return None

    whole = await until(found)
    assert whole is not None
    return whole


async def texts(client: Client, lead: Json, enough: Callable[[list[str]], bool]) -> list[str]:
    async def said() -> list[str] | None:
        now = [one["text"] for one in (await client.get(f"/api/leads/{lead['id']}"))["interactions"]]
        return now if enough(now) else None

    found = await until(said)
    assert found is not None
    return found


@dataclass
class Office:
    """A daemon that runs, and the VK that it polls and is called by."""

    daemon: Daemon
    client: Client
    vk: Vk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory, founded: Make) -> AsyncIterator[Office]:
    """One daemon for all tests that leave it alive."""
    folder: Path = tmp_path_factory.mktemp("vk")
    async with Vk() as vk:
        daemon = founded(folder, **company(vk))
        try:
            async with running(daemon) as client:
                await vk.until(lambda: vk.called(POLL))
                yield Office(daemon, client, vk)
            # It stops while a poll hangs, and waits for no thread.
            assert await asyncio.to_thread(daemon.stop) == 0
            assert all(seconds < 2 for seconds in daemon.stops)
            assert "Traceback" not in daemon.log
            assert not [secret for secret in (TOKEN, SECRET, "key-1") if secret in daemon.log]
        finally:
            daemon.close()


async def test_a_client_writes_sends_a_file_edits_and_fills_in_a_form(office: Office) -> None:
    client, vk, user = office.client, office.vk, next(_clients)
    vk.files["f"] = b"a drawing"
    vk.people[str(user)] = ("Анна", "Белова")
    file = {"type": "doc", "doc": {"title": "план.txt", "ext": "txt", "size": 9, "url": f"{vk.url}/moved/f"}}
    first = await vk.write(user, "Нужен цемент", attachments=[file])
    lead = await lead_with(client, "Нужен цемент")
    assert (lead["state"], lead["source"]) == ("assigned", "ВКонтакте")
    assert lead["contact"]["keys"] == [{"kind": "vk", "value": str(user)}]

    async def fetched() -> str | None:
        (only,) = (await client.get(f"/api/leads/{lead['id']}"))["interactions"]
        return str(only["attachments"][0]["file"] or "") or None

    name = await until(fetched)
    assert (await client.ask("GET", f"/api/files/{name}")).body == b"a drawing"

    async def named() -> str | None:
        now = await client.get(f"/api/leads/{lead['id']}")
        return str(now["title"]) if now["contact"]["name"] == "Анна Белова" else None

    assert await until(named) == "Анна Белова – Нужен цемент"

    await vk.happens("message_edit", {**first, "text": "Нужен бетон", "update_time": first["date"] + 60})
    await vk.write(user, "и доставка")
    said = await texts(client, lead, lambda said: len(said) == 2 and "Нужен цемент" not in said)
    assert sorted(said) == ["Нужен бетон", "и доставка"]

    answers = [{"key": "phone_number", "question": "Телефон", "answer": "8 912 345-67-89"}]
    await vk.happens("lead_forms_new", {"lead_id": 1, "user_id": user, "form_name": "Заказ", "answers": answers})

    async def keys() -> set[str]:
        contact = (await client.get(f"/api/leads/{lead['id']}"))["contact"]
        return {key["value"] for key in contact["keys"]} if len(contact["keys"]) == 2 else set()

    assert await until(keys) == {str(user), "+79123456789"}
    await client.settled()
    assert (await client.get("/api/ledger"))["balanced"] is True


async def test_vk_calls_is_confirmed_and_repeats_itself(office: Office) -> None:
    client = office.client

    async def call(said: Json, **more: Any) -> tuple[int, bytes]:
        answer = await client.ask("POST", "/in/calls", token=None, json={"secret": SECRET, **said, **more})
        return answer.status, answer.body

    assert await call({"type": "confirmation", "group_id": GROUP}) == (200, b"c0de")
    message = {"id": 1, "conversation_message_id": 1, "from_id": 9, "peer_id": 9, "date": 1, "text": "Звонок"}
    said = {"type": "message_new", "event_id": "e1", "group_id": GROUP, "object": {"message": message}}
    assert (await call(said, secret="guess"))[0] == 401
    assert [await call(said) for _ in range(3)] == [(200, b"ok")] * 3
    lead = await lead_with(client, "Звонок")
    assert len(lead["interactions"]) == 1
    (item,) = [one for one in (await client.get("/api/ledger"))["items"] if one["channel"] == "calls"]
    assert (item["received"], item["duplicates"], item["created"]) == (1, 2, 1)


def _polled_since(vk: Vk, polls: int) -> bool:
    return len(vk.called(POLL)) > polls


async def test_a_kill_between_an_event_and_its_commit_loses_none_and_doubles_none(make: Make) -> None:
    sent: list[tuple[int, str]] = []
    async with Vk() as vk:
        daemon = make(**company(vk))
        for point in ("accept.before_commit", "accept.after_commit"):
            async with running(daemon) as client:
                polls = len(vk.called(POLL))
                await vk.until(partial(_polled_since, vk, polls))
                await client.settled()
                assert (await client.ask("POST", "/test/crash", json={"at": point})).status == 200
                sent.append((next(_clients), f"до падения {point}"))
                await vk.write(*sent[-1], date=LATER + len(sent))
                await asyncio.to_thread(daemon.ended)
            # What is lost from the history meanwhile comes back from the conversation.
            sent.append((sent[-1][0], f"в пропуске {point}"))
            await vk.write(*sent[-1], unseen=True, date=LATER + len(sent))
            vk.ts += 5
            vk.forgotten = vk.ts
        async with running(daemon) as client:
            await lead_with(client, sent[-1][1])
            await client.settled()
            for user, text in sent:
                lead = await lead_with(client, text)
                assert lead["contact"]["keys"][0]["value"] == str(user)
                said = [one["text"] for one in lead["interactions"]]
                assert sorted(said) == sorted(words for who, words in sent if who == user)
            assert (await client.get("/api/ledger"))["balanced"] is True
