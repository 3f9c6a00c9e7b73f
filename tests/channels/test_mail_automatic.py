"""An automatic answer on its way: nobody's envelope, headers that silence machines, and servers that let nobody send so."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from channels import mail
from channels.adapter import Rejected, Unavailable
from channels.message import Inbound, Outgoing
from kernel.automatic import OWN_HEADER
from kernel.ids import uuid7
from tests.channels.mails import parsed
from tests.smtp import NOBODY, MailServer

IVAN = "ivan@client.example"
MAIL = Inbound("mail", fields={"message_id": "<q@client.example>", "references": "<p@client.example>"}, emails=(IVAN,))


def mailbox(server: MailServer) -> mail.Adapter:
    smtp = {"host": "127.0.0.1", "port": str(server.port), "tls": "false"}
    given = {"kind": "mail", "imap": {"host": "h"}, "smtp": smtp, "user": "info@stroyka.example", "answer": "true"}
    config = mail.Config.model_validate(given | {"password": SecretStr("secret")})
    return mail.Adapter("info", config, secret=b"k" * 32, language="ru")


def answer(*, automatic: bool = True) -> Outgoing:
    return Outgoing(uuid7(), IVAN, "Получили", "Автоответ: Re: Цемент", MAIL, automatic)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer(accept=("info@stroyka.example", "secret")) as made:
        yield made


async def test_an_automatic_answer_comes_from_nobody_and_every_machine_can_tell_that_it_is_one(
    server: MailServer,
) -> None:
    await mailbox(server).send(answer())
    (sent,) = server.mails
    read = sent.message
    assert sent.sender == NOBODY
    assert read["From"] == "info@stroyka.example"
    assert read["Subject"] == "Автоответ: Re: Цемент"
    silencing = {name: read[name] for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", OWN_HEADER)}
    assert silencing == {
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "bulk",
        OWN_HEADER: "answer",
    }
    assert read["In-Reply-To"] == "<q@client.example>"
    assert read["References"] == "<p@client.example> <q@client.example>"


@pytest.mark.parametrize("stage", [NOBODY, f"from {NOBODY}"])
async def test_a_server_that_lets_nobody_send_from_nobody_gets_it_from_the_mailbox(
    stage: str, server: MailServer
) -> None:
    server.refuse({stage: "553 5.7.1 sender address rejected: not owned by user"})
    await mailbox(server).send(answer())
    (sent,) = server.mails
    assert sent.sender == "info@stroyka.example"
    assert sent.message["Auto-Submitted"] == "auto-replied"


async def test_a_client_whom_the_server_does_not_know_is_refused_once_and_for_all(server: MailServer) -> None:
    server.refuse({IVAN: "550 no such person"})
    with pytest.raises(Rejected):
        await mailbox(server).send(answer())
    assert server.mails == []


async def test_a_server_that_is_busy_is_asked_again_later_and_not_at_once(server: MailServer) -> None:
    server.refuse({IVAN: "451 greylisted"})
    with pytest.raises(Unavailable):
        await mailbox(server).send(answer())
    assert server.refused == [IVAN]


async def test_what_a_person_says_comes_from_the_mailbox(server: MailServer) -> None:
    await mailbox(server).send(answer(automatic=False))
    (sent,) = server.mails
    assert sent.sender == "info@stroyka.example"
    assert not {"Auto-Submitted", "Precedence", OWN_HEADER} & set(sent.message.keys())


async def test_our_own_filters_ignore_what_leaves(server: MailServer) -> None:
    await mailbox(server).send(answer())
    (sent,) = server.mails
    said = parsed(sent.content, "ivan@client.example")
    assert getattr(said, "reason", None) == "own_mail"
