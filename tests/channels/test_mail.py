"""Mail as the contract of all kinds sees it: recorded mails, fetched and never called for."""

from collections.abc import Sequence
from typing import Final

import pytest

from channels.adapter import Unavailable
from channels.mail import Adapter, Config
from channels.message import Envelope, Outgoing, digest
from tests.channels.mails import BOX, RECEIVED, adapter, client, html, part, raw, several
from tests.channels.subjects import Subject
from tests.channels.test_mail_filters import AUTOMATIC
from tests.channels.test_mail_reading import FORMS, FORWARDS, QUOTED
from tests.smtp import MailServer

WHOLE: Final = [
    *(mail for mails in AUTOMATIC.values() for mail in mails),
    *(raw(text) for text in (*QUOTED.values(), *FORMS.values(), *FORWARDS.values())),
    raw("Цемент", "koi8-r"),
    html("<table><tr><td>Имя</td><td>Анна</td></tr></table><blockquote>q</blockquote>"),
    several(part("Текст"), part(b"1", Content_Disposition="attachment; filename*0*=utf-8''%D1; filename*1=x.pdf")),
    several(part("a"), b"Content-Type: message/rfc822\r\n\r\n" + raw("b"), Subject="=?koi8-r?B?6dfBzg?="),
]


def subjects() -> Sequence[Subject]:
    """One mailbox and every shape of mail that the other tests read."""
    meta = {"folder": "INBOX", "uid": "7", "received": RECEIVED.isoformat()}
    fetched = [Envelope("info", digest(mail).hex(), mail, RECEIVED, meta, digest(mail)) for mail in WHOLE]
    return [Subject("mail", "mail", adapter, envelopes=fetched, secrets=("secret-of-the-mailbox",))]


async def test_an_answer_whose_fate_is_open_is_sent_again_under_the_same_message_id() -> None:
    """The line is lost after DATA: nobody can know whether it was taken, and mail programs show one of two that are named alike."""
    with MailServer(accept=(BOX, "p")) as server:
        smtp = {"host": "127.0.0.1", "port": server.port, "tls": False}
        given = {"kind": "mail", "user": BOX, "password": "p", "imap": {"host": "localhost"}, "smtp": smtp}
        channel = Adapter("info", Config.model_validate(given), secret=b"k" * 32, language="ru")
        word = Outgoing("e1", "ivan@client.example", "Есть на складе", answers=client(raw()))
        server.after_data("drop")
        with pytest.raises(Unavailable):
            await channel.send(word)
        server.after_data("answer")
        await channel.send(word)
        first, again = server.mails
    assert first.message["Message-ID"] == again.message["Message-ID"]
