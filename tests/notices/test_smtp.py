"""Notices by mail against a real SMTP server: refusals, logins, encryption, silence, and a mail whose fate stays open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.notices.route import Delivery, Message
from ingest.notices.smtp import Email, Server, Tls
from tests.daemon.process import Client, Daemon, Json, team, until
from tests.smtp import Mail, MailServer, certificate, silent

ADDRESSES = {"anna": "anna@example.com", "boris": "boris@example.com"}
SENDER = "Лиды <leads@example.com>"
LONG = 10.0
SHORT = 0.3


def route(port: int, tls: Tls = "none", *, timeout: float = LONG, **more: Any) -> Email:
    return Email(Server("127.0.0.1", port, tls, **more), SENDER, ADDRESSES, timeout)


def message(manager: str = "anna", number: int = 1, text: str = "Клиент: Николай\n.\nЛид: 1") -> Message:
    identity = f"01a20055-d2c5-7663-8085-{number:012d}"
    return Message(identity, manager, ADDRESSES[manager], f"Новый лид: {number}", text)


async def test_a_mail_says_what_the_notice_says_and_asks_machines_not_to_answer() -> None:
    with MailServer() as server:
        assert await route(server.port).send([message()]) == [Delivery(sent=True)]
        (mail,) = server.mails
    told = mail.message
    assert (mail.sender, mail.recipients) == ("leads@example.com", ("anna@example.com",))
    assert (told["To"], told["From"]) == ("anna@example.com", SENDER)
    assert told["Subject"] == "Новый лид: 1"
    assert told["Message-ID"] == f"<{message().id}@example.com>"
    assert told["Auto-Submitted"] == "auto-generated"
    assert told["Date"].datetime.tzinfo is not None
    assert told.get_content().splitlines() == message().text.splitlines()


async def test_domains_in_other_letters_are_written_as_dns_has_them() -> None:
    told = Message("1", "anna", "anna@почта.рф", "Новый лид", "текст")
    with MailServer() as server:
        sending = Email(Server("127.0.0.1", server.port, "none"), "Лиды <leads@пример.рф>", ADDRESSES, LONG)
        assert await sending.send([told]) == [Delivery(sent=True)]
        (mail,) = server.mails
    sender, recipient = "leads@xn--e1afmkfd.xn--p1ai", "anna@xn--80a1acny.xn--p1ai"
    assert (mail.sender, mail.recipients) == (sender, (recipient,))
    assert (mail.message["From"], mail.message["To"]) == (f"Лиды <{sender}>", recipient)
    assert mail.message["Message-ID"] == "<1@xn--e1afmkfd.xn--p1ai>"


@pytest.mark.parametrize("hidden", ["\r\nBcc: other@example.com", "=?utf-8?q?=0D=0ABcc:_other@example.com?="])
async def test_a_line_break_in_a_title_starts_no_header(hidden: str) -> None:
    sly = Message("1", "anna", ADDRESSES["anna"], f"Лид{hidden}", "текст")
    with MailServer() as server:
        assert await route(server.port).send([sly]) == [Delivery(sent=True)]
        (mail,) = server.mails
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("anna@example.com",)


async def test_a_recipient_refused_for_ever_is_not_tried_again_and_costs_his_neighbour_nothing() -> None:
    with MailServer() as server:
        server.refuse({"anna@example.com": "550 no such person here"})
        deliveries = await route(server.port).send([message("anna", 1), message("boris", 2)])
        assert [mail.recipients for mail in server.mails] == [("boris@example.com",)]
    assert deliveries == [Delivery(sent=False, error="recipient refused (550)", again=False), Delivery(sent=True)]


async def test_a_recipient_refused_for_now_is_tried_again() -> None:
    with MailServer() as server:
        server.refuse({"anna@example.com": "451 come back later"})
        assert await route(server.port).send([message()]) == [Delivery(sent=False, error="recipient refused (451)")]
        server.refuse({})
        assert await route(server.port).send([message()]) == [Delivery(sent=True)]


async def test_a_wrong_password_is_named_by_its_code_and_is_tried_again() -> None:
    with MailServer(accept=("leads", "the right one")) as server:
        wrong = route(server.port, user="leads", password="the wrong one")
        assert await wrong.send([message()]) == [Delivery(sent=False, error="SMTPAuthenticationError (535)")]
        right = route(server.port, user="leads", password="the right one")
        assert await right.send([message()]) == [Delivery(sent=True)]
        assert len(server.mails) == 1


async def test_a_login_that_nobody_configured_is_no_fault_of_the_notice() -> None:
    with MailServer(accept=("leads", "secret")) as server:
        (delivery,) = await route(server.port).send([message()])
        assert not server.mails
    assert not delivery.sent
    assert delivery.again


async def test_a_mail_goes_over_tls_from_the_first_byte(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    with MailServer(tls="implicit", context=made.server) as server:
        assert await route(server.port, "implicit", context=made.trusted()).send([message()]) == [Delivery(sent=True)]
        (mail,) = server.mails
    assert mail.recipients == ("anna@example.com",)


async def test_a_mail_goes_over_starttls_where_the_server_demands_it(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    with MailServer(tls="starttls", context=made.server) as server:
        assert await route(server.port, "starttls", context=made.trusted()).send([message()]) == [Delivery(sent=True)]
        (mail,) = server.mails
    assert mail.encrypted


async def test_nothing_is_sent_to_a_server_whose_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    made, other = certificate(tmp_path), certificate(tmp_path / "other")
    with MailServer(tls="starttls", context=made.server) as server:
        (delivery,) = await route(server.port, "starttls", context=other.trusted()).send([message()])
        assert not server.mails
    assert (delivery.sent, delivery.again) == (False, True)


async def test_nothing_is_sent_in_the_clear_where_starttls_is_configured_and_not_offered(tmp_path: Path) -> None:
    with MailServer() as server:
        (delivery,) = await route(server.port, "starttls", context=certificate(tmp_path).trusted()).send([message()])
        assert not server.mails
    assert (delivery.sent, delivery.again) == (False, True)


async def test_a_server_that_demands_starttls_gets_nothing_in_the_clear_and_the_notice_waits_for_the_mended_file(
    tmp_path: Path,
) -> None:
    with MailServer(tls="starttls", context=certificate(tmp_path).server) as server:
        (delivery,) = await route(server.port, "none").send([message()])
        assert not server.mails
    assert (delivery.sent, delivery.again) == (False, True)


async def test_a_server_that_never_says_a_word_is_given_up_within_the_time() -> None:
    with silent() as port:
        deliveries = await route(port, timeout=SHORT).send([message("anna", 1), message("boris", 2)])
    assert deliveries == [Delivery(sent=False, error="SMTPConnectTimeoutError")] * 2


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with silent() as port:
        pass
    (delivery,) = await route(port).send([message()])
    assert (delivery.sent, delivery.again) == (False, True)


@pytest.mark.parametrize("fate", ["hang", "drop"])
async def test_a_mail_whose_fate_is_open_is_sent_again_under_the_same_message_id(fate: Any) -> None:
    with MailServer() as server:
        server.after_data(fate)
        one, other = await route(server.port, timeout=SHORT).send([message("anna", 1), message("boris", 2)])
        assert (one.sent, one.again) == (False, True)
        assert (other.sent, other.again) == (False, True)
        server.after_data("answer")
        assert await route(server.port).send([message("anna", 1)]) == [Delivery(sent=True)]
        first, again = server.mails
    assert first.message["Message-ID"] == again.message["Message-ID"]
    assert first.message.get_content() == again.message.get_content()


# --- the outbox, over the daemon ---


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture(scope="module")
def daemon(server: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    smtp = {"host": "127.0.0.1", "port": server.port, "tls": False}
    notices = {"email": {"smtp": smtp, "from": "leads@example.com"}}
    made = Daemon(tmp_path_factory.mktemp("notices"), notices=notices, **team("anna"))
    made.start()
    yield made
    made.close()


@pytest.fixture
def strict(server: MailServer) -> Iterator[MailServer]:
    """The server, which refuses or drops what a test wants and takes everything after it."""
    yield server
    server.refuse({})
    server.after_data("answer")


async def notice_of(client: Client, lead: Json, holds: Callable[[Json], bool]) -> Json:
    """A lead's notice that has not reached its manager, when something holds of it."""

    async def found() -> Json | None:
        return next((n for n in await client.listed("/api/notices") if n["lead"] == lead["id"] and holds(n)), None)

    notice = await until(found)
    assert notice is not None
    return notice


async def told(client: Client, lead: Json) -> None:
    """Return when nothing about a lead is still to be sent."""

    async def sent() -> bool:
        return all(notice["lead"] != lead["id"] for notice in await client.listed("/api/notices"))

    await until(sent)


def about(lead: Json, mails: list[Mail]) -> list[Mail]:
    return [mail for mail in mails if lead["id"] in mail.message.get_content()]


def settled_since(due_at: str | None) -> Callable[[Json], bool]:
    """Whether an attempt has ended since the notice was due at `due_at`: while one runs, the last one's error stands."""
    return lambda notice: notice["error"] is not None and (notice["state"] == "dead" or notice["due_at"] != due_at)


async def test_a_dead_end_is_shown_in_the_api_in_the_metrics_and_in_the_log_without_the_address(
    daemon: Daemon, strict: MailServer
) -> None:
    strict.refuse({"anna@example.com": "550 no anna@example.com here"})
    async with daemon.client() as client:
        lead = await client.lead(name="Николай", phone="8 912 345-67-81")
        notice = await notice_of(client, lead, lambda notice: notice["state"] == "dead")
        assert (notice["manager"], notice["attempts"]) == ("anna", 1)
        assert notice["error"] == "recipient refused (550)"
        metrics = await client.ask("GET", "/metrics", token=None)
    assert b'priyom_outbox{state="dead"} 1.0' in metrics.body
    (line,) = [line for line in daemon.log.splitlines() if notice["id"] in line]
    assert '"notice.dead"' in line
    assert "anna@example.com" not in daemon.log
    assert "912345" not in daemon.log


async def test_a_refusal_for_now_is_tried_again_after_a_pause(daemon: Daemon, strict: MailServer) -> None:
    strict.refuse({"anna@example.com": "451 greylisted"})
    async with daemon.client() as client:
        lead = await client.lead(name="Николай", phone="8 912 345-67-82")
        first = await notice_of(client, lead, settled_since(None))
        assert (first["state"], first["attempts"], first["error"]) == ("due", 1, "recipient refused (451)")
        await client.advance("11s")
        second = await notice_of(client, lead, settled_since(first["due_at"]))
        assert (second["state"], second["attempts"]) == ("due", 2)
        strict.refuse({})
        await client.advance("31s")
        await strict.wait(lambda mails: len(about(lead, mails)) == 1)
        await told(client, lead)


async def test_a_notice_that_is_refused_for_now_for_ever_is_at_last_a_dead_end(
    daemon: Daemon, strict: MailServer
) -> None:
    strict.refuse({"anna@example.com": "451 never now"})
    before = len(strict.refused)
    async with daemon.client() as client:
        lead = await client.lead(name="Николай", phone="8 912 345-67-83")
        due_at = None
        while (notice := await notice_of(client, lead, settled_since(due_at)))["state"] == "due":
            due_at = notice["due_at"]
            await client.advance("4h")
    assert notice["attempts"] == len(strict.refused) - before == 11


async def test_a_connection_lost_after_data_brings_the_same_message_id_again(
    daemon: Daemon, strict: MailServer
) -> None:
    strict.after_data("drop")
    async with daemon.client() as client:
        lead = await client.lead(name="Николай", phone="8 912 345-67-84")
        await notice_of(client, lead, settled_since(None))
        strict.after_data("answer")
        await client.advance("11s")
        first, again = about(lead, await strict.wait(lambda mails: len(about(lead, mails)) == 2))
        await told(client, lead)
    assert first.message["Message-ID"] == again.message["Message-ID"]
