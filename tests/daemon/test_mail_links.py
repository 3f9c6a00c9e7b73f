"""A manager answers from his mail: links that do nothing when they are opened, and once what they say when their form is sent."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Answer, Client, Json, team
from tests.smtp import Mail, MailServer

LINK = re.compile(r"^(.+): http://127\.0\.0\.1:\d+(/act/\S+)$", re.MULTILINE)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
async def client(tmp_path: Path, mails: MailServer, founded: Make) -> AsyncIterator[Client]:
    """A team that offers its leads for three minutes, told by mail."""
    daemon = founded(tmp_path)
    sections = team("anna", "boris", boris={"language": "en"})
    sections["teams"]["sales"]["accept_within"] = "3m"
    smtp = {"host": "127.0.0.1", "port": mails.port, "tls": "false"}
    daemon.configure(
        **sections,
        reasons={"disqualified": ["спам", "дубль"]},
        notices={"email": {"smtp": smtp, "from": "leads@example.com"}},
    )
    daemon.start()
    async with daemon.client() as speaking:
        yield speaking
    daemon.close()


def links(mail: Mail) -> dict[str, str]:
    """The links of a mail by what they say."""
    text = mail.message.get_content().replace("\r\n", "\n")
    return dict(LINK.findall(text))


async def told(mails: MailServer, person: str, said: str) -> Mail:
    """The first mail to this person whose subject says so."""

    def found(received: list[Mail]) -> list[Mail]:
        return [m for m in received if m.recipients == (f"{person}@example.com",) and said in m.message["Subject"]]

    return found(await mails.wait(lambda received: bool(found(received))))[0]


async def visit(client: Client, path: str, method: str = "GET") -> Answer:
    return await client.ask(method, path, token=None)


async def lead_of(client: Client, lead: Json) -> Json:
    return await client.get(f"/api/leads/{lead['id']}")


async def test_a_lead_is_accepted_by_a_link_and_worked_on_from_the_page_that_follows(
    client: Client, mails: MailServer
) -> None:
    lead = await client.lead(name="Вера", phone="8 912 345-67-89")
    offered = links(await told(mails, "anna", "предложен"))
    assert list(offered) == ["✅ Беру", "🙅 Не могу взять", "🌙 Меня нет"]
    for _ in range(3):  # scanners open links, and browsers fetch them ahead
        opened = await visit(client, offered["✅ Беру"])
        assert opened.status == 200
        assert "Взять лид в работу?" in opened.body.decode()
    assert (await lead_of(client, lead))["state"] == "assigned"

    accepted = await visit(client, offered["✅ Беру"], "POST")
    assert "Лид ваш." in accepted.body.decode()
    shown = await lead_of(client, lead)
    assert (shown["state"], shown["owner"]) == ("in_work", "anna")
    again = await visit(client, offered["✅ Беру"], "POST")
    assert "Лид ваш." in again.body.decode()
    assert (await lead_of(client, lead))["version"] == shown["version"]

    following = re.findall(r'class="choice" href="([^"]+)">([^<]+)<', accepted.body.decode())
    reasons = next(token for token, text in following if "Нецелевой" in text)
    listed = await visit(client, f"/act/{reasons}")
    spam = re.search(r'href="([^"]+)">спам<', listed.body.decode())
    assert spam is not None
    await visit(client, f"/act/{spam[1]}", "POST")
    shown = await lead_of(client, lead)
    assert (shown["state"], shown["reason"]) == ("disqualified", "спам")


async def test_who_cannot_take_it_passes_it_on_and_his_links_are_worth_nothing_then(
    client: Client, mails: MailServer
) -> None:
    lead = await client.lead(name="Вера", phone="8 912 345-67-89")
    offered = links(await told(mails, "anna", "предложен"))
    assert (await visit(client, offered["🙅 Не могу взять"], "POST")).status == 200
    others = links(await told(mails, "boris", "offered"))
    assert "✅ Accept" in others
    late = await visit(client, offered["✅ Беру"], "POST")
    assert "Лид ваш." not in late.body.decode()
    assert (await lead_of(client, lead))["state"] == "assigned"
    assert "The lead is yours." in (await visit(client, others["✅ Accept"], "POST")).body.decode()
    assert (await lead_of(client, lead))["owner"] == "boris"


async def test_away_by_a_link_is_the_switch(client: Client, mails: MailServer) -> None:
    await client.lead(name="Вера", phone="8 912 345-67-89")
    offered = links(await told(mails, "anna", "предложен"))
    assert (await visit(client, offered["🌙 Меня нет"], "POST")).status == 200
    anna = next(row for row in await client.listed("/api/managers") if row["name"] == "anna")
    assert anna["available"] is False


async def test_old_and_forged_links_are_refused_in_a_page(client: Client, mails: MailServer) -> None:
    await client.lead(name="Вера", phone="8 912 345-67-89")
    path = links(await told(mails, "anna", "предложен"))["✅ Беру"]
    assert (await visit(client, path[:-4] + "AAAA", "POST")).status == 404
    assert (await visit(client, "/act/nothing", "POST")).status == 404
    await client.advance("25h")
    old = await visit(client, path, "POST")
    assert old.status == 410
    assert "сутки" in old.body.decode()


async def test_the_page_of_a_link_runs_nothing_and_is_kept_by_nobody(client: Client, mails: MailServer) -> None:
    await client.lead(name="<b>Вера</b>", phone="8 912 345-67-89")
    path = links(await told(mails, "anna", "предложен"))["✅ Беру"]
    shown = await visit(client, path)
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert shown.headers["Cache-Control"] == "no-store"
    assert "<b>Вера" not in shown.body.decode()
