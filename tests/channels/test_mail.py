"""Mail as the contract of all kinds sees it: recorded mails, fetched and never called for."""

from collections.abc import Sequence
from typing import Final

from channels.message import Envelope, digest
from tests.channels.mails import RECEIVED, adapter, html, part, raw, several
from tests.channels.subjects import Subject
from tests.channels.test_mail_filters import AUTOMATIC
from tests.channels.test_mail_reading import FORMS, FORWARDS, QUOTED

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
