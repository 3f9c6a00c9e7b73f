"""Answers to clients over the daemon as a process: in VK and by mail, once, though it is killed between a yes and its commit."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Final

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Json, team, until
from tests.smtp import MailServer
from tests.vk import GROUP, POLL, TOKEN, Vk

SENT: Final = "reply.after_send"
USER, PASSWORD = "info@example.com", "of the tests"


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """A port that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def company(vk: Vk, mails: MailServer, imap: int) -> Json:
    """A community, and a mailbox that can send and not be read now."""
    servers = {
        "smtp": {"host": "127.0.0.1", "port": mails.port, "tls": False},
        "imap": {"host": "127.0.0.1", "port": imap, "tls": False},
    }
    return {
        "accounts": {"info": {**servers, "user": USER, "password": PASSWORD}},
        "channels": {
            "vk": {"kind": "vk", "group_id": GROUP, "token": TOKEN, "api_base": vk.url},
            "info": {"kind": "mail", "account": "info"},
            "site": {"kind": "webform"},
        },
        **team("anna"),
    }  # fmt: skip


async def replied(client: Client, lead: str) -> Json:
    """The one answer on a lead, once it has reached the client."""

    async def sent() -> Json | None:
        shown = (await client.get(f"/api/leads/{lead}"))["interactions"]
        said = [one for one in shown if one["kind"] == "reply"]
        assert len(said) <= 1
        return said[0] if said and said[0]["state"] == "sent" else None

    found = await until(sent)
    assert found is not None
    return found


async def told_of(client: Client, lead: str, enough: int = 1) -> list[str] | None:
    """Who said what went out to the client, once VK has told of so many of these."""
    shown = (await client.get(f"/api/leads/{lead}"))["interactions"]
    told = [one for one in shown if one["direction"] == "out"]
    return sorted(str(one["author"]) for one in told) if sum(len(one["envelopes"]) for one in told) >= enough else None


async def lead_from(client: Client, channel: str) -> str:
    async def found() -> str | None:
        return next((str(one["id"]) for one in await client.listed("/api/leads") if one["channel"] == channel), None)

    return str(await until(found))


async def test_an_answer_that_was_sent_just_before_a_kill_is_there_once_in_vk_and_has_one_name_by_mail(
    make: Make,
) -> None:
    async with Vk() as vk:
        with nobody() as imap, MailServer(accept=(USER, PASSWORD)) as mails:
            daemon = make(**company(vk, mails, imap))

            async def killed(client: Client, lead: str, text: str) -> None:
                assert (await client.ask("POST", "/test/crash", json={"at": SENT})).status == 200
                with contextlib.suppress(OSError):
                    await client.ask(
                        "POST", f"/api/leads/{lead}/reply", json={"text": text, "manager": "anna", "key": text}
                    )
                await asyncio.to_thread(daemon.ended)
                daemon.start()

            daemon.start()
            async with daemon.client() as client:
                await vk.until(lambda: vk.called(POLL))
                await vk.write(7, "Есть цемент?")
                by_vk = await lead_from(client, "vk")
                await killed(client, by_vk, "Есть в наличии")
            async with daemon.client() as client:
                said = await replied(client, by_vk)
                assert (said["to"], said["author"]) == ("7", "anna")
                assert len(vk.called("messages.send")) == 2
                assert [one["text"] for one in vk.sent.values()] == ["Есть в наличии"]
                # VK tells of it as well, and that is the same answer.
                assert await until(lambda: told_of(client, by_vk)) == ["anna"]
                await vk.answer(7, "Жду вас завтра")

                assert await until(lambda: told_of(client, by_vk, 2)) == ["anna", "vk:77"]
                by_form = await client.lead(name="Вера", email="vera@mail.example", message="Сколько стоит?")
                await killed(client, by_form["id"], "Пятьсот рублей")
            async with daemon.client() as client:
                await replied(client, by_form["id"])
                theirs = [mail.message for mail in mails.mails if mail.recipients == ("vera@mail.example",)]
                assert len(theirs) == 2
                assert len({mail["Message-ID"] for mail in theirs}) == 1
                assert {parseaddr(mail["From"])[1] for mail in theirs} == {USER}
                assert (await client.get("/api/ledger"))["balanced"] is True
