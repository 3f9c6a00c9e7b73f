"""What the kinds that answer say to a client, over played servers: to whom, in which thread, once, and why not."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
from pydantic import SecretStr

from channels import mail, telegram, vk
from channels.adapter import Adapter, Misconfigured, Rejected, Unavailable
from channels.message import Inbound, Outgoing
from channels.vk.sending import random_id
from kernel.ids import uuid7
from tests.smtp import MailServer
from tests.telegram import BLOCKED, STRANGER, Telegram, refusal
from tests.telegram import SLOWER as TELEGRAM_SLOWER
from tests.telegram import TOKEN as TELEGRAM_TOKEN
from tests.vk import GROUP, NO_RIGHT, Vk
from tests.vk import TOKEN as VK_TOKEN
from tests.vk import refusal as vk_refusal

AT = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


def outgoing(to: str, answers: Inbound | None, **more: Any) -> Outgoing:
    return Outgoing(uuid7(), to, "Да, есть <500> мешков", answers=answers, **more)


def answer(adapter: Adapter[Any], said: Inbound, **more: Any) -> Outgoing:
    """A word that goes back the way on which something came."""
    to = adapter.way_back(said)
    assert to is not None
    return outgoing(to, said, subject=said.subject, **more)


# ---- Telegram


def bot(url: str | None = None) -> telegram.Adapter:
    config = telegram.Config(kind="telegram", token=SecretStr(TELEGRAM_TOKEN), api_base=url)
    return telegram.Adapter("bot", config, secret=b"k" * 32, language="ru")


@pytest.mark.parametrize(
    ("said", "quoted", "business"),
    [
        (Inbound("text", ref="55:7", fields={"message_id": "7"}), 7, None),
        (Inbound("photo", ref="album:55:99", fields={"message_id": "8"}), 8, None),
        (Inbound("text", ref="conn:55:7", fields={"message_id": "7"}), 7, "conn"),
        (Inbound("photo", ref="album:conn:55:99", fields={"message_id": "8"}), 8, "conn"),
        (Inbound("text", ref="55:7"), None, None),
    ],
)
async def test_a_bot_answers_in_the_chat_quoting_the_message(
    said: Inbound, quoted: int | None, business: str | None
) -> None:
    async with Telegram() as played:
        adapter = bot(played.url)
        await adapter.send(answer(adapter, said))
        ((_, shown),) = played.of_chat(55)
    assert (shown.text, shown.answers, shown.business) == ("Да, есть <500> мешков", quoted, business)
    assert "parse_mode" not in played.called("sendMessage")[0]


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (BLOCKED, Rejected, "blocked"),
        (STRANGER, Rejected, "refused"),
        (refusal(403, "Forbidden: user is deactivated"), Rejected, "gone"),
        (refusal(400, "Bad Request: BUSINESS_CONNECTION_INVALID"), Rejected, "no_permission"),
        (TELEGRAM_SLOWER, Unavailable, None),
        (refusal(401, "Unauthorized"), Misconfigured, None),
    ],
)
async def test_why_telegram_does_not_deliver(fault: Any, kind: type[Exception], code: str | None) -> None:
    async with Telegram() as played:
        played.faults["sendMessage"].append(fault)
        with pytest.raises(kind) as failed:
            await bot(played.url).send(outgoing("55", None))
    assert getattr(failed.value, "code", None) == code


def test_what_was_said_nowhere_has_no_way_back_by_telegram() -> None:
    assert bot().way_back(Inbound("start")) is None


# ---- VK


def community(url: str | None = None, *, token: str | None = VK_TOKEN) -> vk.Adapter:
    key = None if token is None else SecretStr(token)
    more: dict[str, Any] = {} if token else {"mode": "callback", "secret": "s", "confirmation": "c"}
    config = vk.Config(kind="vk", token=key, group_id=GROUP, api_base=url, **more)
    return vk.Adapter("vk", config, secret=b"k" * 32, language="ru")


async def test_a_community_answers_quoting_the_message_and_a_repeat_is_the_same_message() -> None:
    async with Vk() as played:
        adapter = community(played.url)
        word = answer(adapter, Inbound("text", ref="501:7"))
        await adapter.send(word)
        await adapter.send(word)
        await adapter.send(replace(word, id=uuid7()))
    assert [(one["peer_id"], one["text"], one["quoted"]) for one in played.sent.values()] == [(501, word.text, 7)] * 2
    assert {int(given["random_id"]) for given in played.called("messages.send")[:2]} == {random_id(word.id)}


async def test_what_is_answered_may_be_gone() -> None:
    async with Vk() as played:
        played.faults["messages.send"].append(vk_refusal(100, "One of the parameters specified was missing or invalid"))
        adapter = community(played.url)
        await adapter.send(answer(adapter, Inbound("text", ref="501:7")))
    assert [one["quoted"] for one in played.sent.values()] == [None]


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (vk_refusal(901), Rejected, "does not let the community write"),
        (vk_refusal(902), Rejected, "privacy"),
        (vk_refusal(900), Rejected, "black list"),
        (vk_refusal(945), Rejected, "945"),
        (NO_RIGHT, Misconfigured, "the right to the community's messages"),
        (vk_refusal(6), Unavailable, "slow down"),
        (vk_refusal(5), Misconfigured, "access key"),
    ],
)
async def test_why_vk_does_not_deliver(fault: Any, kind: type[Exception], told: str) -> None:
    async with Vk() as played:
        played.faults["messages.send"].append(fault)
        with pytest.raises(kind, match=told):
            await community(played.url).send(outgoing("501", None))


def test_a_form_is_no_conversation_and_without_an_access_key_nobody_can_be_answered() -> None:
    assert community().way_back(Inbound("form", ref="form:9")) is None
    with pytest.raises(Rejected, match="set token"):
        community(token=None).way_back(Inbound("text", ref="501:7"))


# ---- mail


def letters(server: MailServer | None, user: str = "info@example.com") -> mail.Adapter:
    given: dict[str, Any] = {
        "kind": "mail",
        "user": user,
        "password": "secret",
        "imap": {"host": "localhost"},
    }
    if server is not None:
        given["smtp"] = {"host": "127.0.0.1", "port": server.port, "tls": False}
    return mail.Adapter("info", mail.Config.model_validate(given), secret=b"k" * 32, language="ru")


LETTER = Inbound(
    "mail",
    subject="RE: Отв: Цемент М500",
    emails=("vera@example.net",),
    fields={
        "message_id": "<b@example.net>",
        "references": "<a@example.net>\r\n <b0@example.com>",
        "in_reply_to": "<x@y>",
    },
)


async def test_a_mail_is_answered_in_its_thread_from_the_mailbox() -> None:
    with MailServer(accept=("info@example.com", "secret")) as server:
        adapter = letters(server)
        word = answer(adapter, LETTER)
        await adapter.send(word)
        (sent,) = server.mails
    read = sent.message
    assert sent.recipients == ("vera@example.net",)
    assert (read["From"], read["To"], read["Subject"]) == ("info@example.com", "vera@example.net", "Re: Цемент М500")
    assert read["Message-ID"] == f"<{word.id}@example.com>"
    assert read["In-Reply-To"] == "<b@example.net>"
    assert read["References"].split() == ["<a@example.net>", "<b0@example.com>", "<b@example.net>"]
    assert read.get_content().strip() == word.text
    assert not {"Auto-Submitted", "X-Priyom"} & set(read.keys())


async def test_who_left_an_address_in_a_form_gets_a_mail_of_its_own_and_an_automatic_one_says_that_it_is() -> None:
    with MailServer(accept=("info@example.com", "secret")) as server:
        await letters(server).send(replace(outgoing("вера@почта.example", None, automatic=True), to="vera@почта.рф"))
        (sent,) = server.mails
    read = sent.message
    assert (read["Subject"], read["Auto-Submitted"]) == ("Ваше обращение", "auto-replied")
    assert sent.recipients == ("vera@xn--80a1acny.xn--p1ai",)
    assert read["In-Reply-To"] is None


async def test_a_mailbox_whose_domain_has_other_letters_writes_by_a_server_that_knows_only_those_of_dns() -> None:
    with MailServer(accept=("info@почта.рф", "secret")) as server:
        await letters(server, user="info@почта.рф").send(outgoing("vera@example.net", None))
        (sent,) = server.mails
    assert sent.sender == sent.message["From"] == "info@xn--80a1acny.xn--p1ai"
    assert sent.message["Message-ID"].endswith("@xn--80a1acny.xn--p1ai>")


def test_a_thread_that_a_client_has_made_up_puts_nothing_into_a_header() -> None:
    forged = Inbound("mail", fields={"message_id": "<a@b>\r\nBcc: all@example.com", "references": "no ids"})
    composed = mail.sending.composed(outgoing("vera@example.net", forged), "info@example.com", "ru")
    assert (composed["References"], composed["Bcc"]) == ("<a@b>", None)


HIDDEN = "=?utf-8?q?a=0D=0ABcc:_all@example.com=0D=0A=0D=0Abody?="


@pytest.mark.parametrize(
    "forged",
    [
        Inbound("mail", subject=f"Цемент {HIDDEN}"),
        Inbound("mail", fields={"message_id": f"<{HIDDEN}@b>".replace("_", ""), "references": "<a@b>"}),
        Inbound("mail", fields={"message_id": "<a@b>", "references": f"<z{HIDDEN}>".replace("_", "")}),
    ],
)
def test_what_a_client_has_encoded_puts_nothing_into_a_header(forged: Inbound) -> None:
    said = replace(outgoing("vera@example.net", forged), subject=forged.subject)
    composed = mail.sending.composed(said, "info@example.com", "ru").as_bytes()
    read = message_from_bytes(composed, policy=SMTP)
    assert (read["Bcc"], read.get_content().strip()) == (None, said.text)


def test_a_subject_is_one_line_of_bounded_length_without_control_characters() -> None:
    said = replace(outgoing("vera@example.net", None), subject="Це\0ме\x1bнт\u2028\u202eм500 " * 1_000)
    subject = mail.sending.composed(said, "info@example.com", "ru")["Subject"]
    assert subject.startswith("Re: Цемент м500 Цемент")
    assert len(subject) < 500


HIDING = "=?utf-8?q?a=0D=0ABcc=3Ax?=@example.com"


@pytest.mark.parametrize(
    "address", ["", "vera", "vera@", "a@b\r\nBcc: c@d", "vera@example.net, b@c.ru", HIDING, "a\0@example.com"]
)
def test_what_is_no_address_is_never_written_to(address: str) -> None:
    with pytest.raises(Rejected, match="no mail address"):
        mail.sending.composed(outgoing(address, None), "info@example.com", "ru")


@pytest.mark.parametrize(
    ("line", "kind", "told"),
    [("550 no such person", Rejected, "550"), ("451 later", Unavailable, "451")],
)
async def test_why_a_mail_server_does_not_take_it(line: str, kind: type[Exception], told: str) -> None:
    with MailServer(accept=("info@example.com", "secret")) as server:
        server.refuse({"vera@example.net": line})
        with pytest.raises(kind, match=told):
            await letters(server).send(outgoing("vera@example.net", None))


async def test_a_refused_login_and_a_server_that_is_not_there_are_told_apart() -> None:
    with (
        MailServer(accept=("info@example.com", "another")) as server,
        pytest.raises(Misconfigured, match="refuses the login"),
    ):
        await letters(server).send(outgoing("vera@example.net", None))
    with pytest.raises(Unavailable, match="cannot be used now"):
        await letters(server).send(outgoing("vera@example.net", None))


def test_a_mailbox_without_a_server_to_send_by_says_where_to_add_one() -> None:
    with pytest.raises(Rejected, match=r"add smtp: \{host: …\} to channels.info"):
        letters(None).way_back(LETTER)


def test_nobody_reads_what_is_sent_to_a_robot() -> None:
    with MailServer() as server:
        assert letters(server).way_back(replace(LETTER, emails=("noreply@example.net",))) is None
