"""Automatic mail is told from clients' mail, kind by kind; two instances of priyom never answer each other."""

from dataclasses import replace

import pytest

from channels.mail import filters, parties
from channels.mail.filters import Sheet
from channels.mail.letter import opened
from channels.message import Ignored, Inbound, Signal
from kernel.automatic import OWN_HEADER
from tests.channels.mails import BOX, client, parsed, part, raw, several, verdict

REPORT = (
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
    b"Final-Recipient: rfc822; anna@client.example\r\nAction: %s\r\nStatus: 5.1.1\r\n"
)
ENCLOSED = b"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <sent@stroyka.example>\r\nSubject: s\r\n"


def report(action: bytes = b"failed", kind: str = "delivery-status") -> bytes:
    """A mail server's report."""
    mail = several(part("It failed"), REPORT % action, ENCLOSED, From="Mail Delivery System <mailer-daemon@mx.example>")
    return mail.replace(b"multipart/mixed", f"multipart/report; report-type={kind}".encode())


AUTOMATIC = {
    "own_mail": [raw(**{OWN_HEADER: "notice"})],
    "out_of_office": [
        raw(Subject="Автоответ: Цемент"),
        raw(Subject="Out of Office: Cement"),
        raw(Subject="Automatic reply: Cement"),
        raw(Subject="Автоматический ответ: я в отпуске"),
        raw(Subject="Re: Out of office"),
    ],
    "auto_reply": [
        raw(Auto_Submitted="auto-replied"),
        raw(Auto_Submitted="auto-replied (vacation)"),
        raw(Precedence="auto_reply"),
        raw(X_Autoreply="yes"),
    ],
    "auto_generated": [raw(Auto_Submitted="auto-generated"), raw(Auto_Submitted="auto-notified")],
    "list": [raw(List_Id="<users.example.org>"), raw(Precedence="list"), raw(Mailing_List="contact x@y.z")],
    "bulk": [
        raw(Precedence="bulk"),
        raw(Precedence="junk"),
        raw(List_Unsubscribe="<mailto:u@x.example>"),
    ],
    "no_reply": [
        raw(From="noreply@shop.example"),
        raw(From="Shop <no-reply+7@shop.example>"),
        raw(From="notifications@bank.example"),
        raw(From="Drive <drive-shares-noreply@docs.example>"),
        raw(From="avito_no-reply@board.example"),
    ],
    "calendar": [
        raw("BEGIN:VCALENDAR", Content_Type="text/calendar; method=REQUEST; charset=utf-8"),
        several(part("Да"), part("BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n", Content_Type="text/calendar; charset=utf-8")),
    ],
    "report": [report(kind="feedback-report")],
    "receipt": [
        report(kind="disposition-notification"),
        report(b"delivered"),
        several(
            part("Read"),
            b"Content-Type: message/disposition-notification\r\n\r\nDisposition: manual-action; displayed\r\n",
        ),
    ],
    "bounce": [
        report(),
        report(b"delayed"),
        raw(X_Failed_Recipients="anna@client.example"),
        raw("<anna@client.example>: unknown user", From="MAILER-DAEMON@mx.example", Subject="failure notice"),
        raw("Не доставлено", From="postmaster@mx.example", Subject="Недоставленное сообщение"),
        raw("x", From="mailer-daemon@mx.example", Return_Path="<>", Subject="?"),
        raw("x", From="MAILER-DAEMON@mx.example", Subject="Delayed Mail (still being retried)"),
        raw("x", From="Outlook <MicrosoftExchange329e71ec88ae46@mx.example>", Subject="Не удалось доставить: Цемент"),
    ],
}


@pytest.mark.parametrize(("kind", "mail"), [(kind, mail) for kind, mails in AUTOMATIC.items() for mail in mails])
def test_automatic_mail_is_known_by_its_kind(kind: str, mail: bytes) -> None:
    assert verdict(mail) == kind


CLIENTS = [
    raw(),
    raw(Auto_Submitted="no"),
    raw(Subject="Автоответчик для квартиры, сколько стоит?"),
    raw(Subject="Ваше предложение об автоматических воротах"),
    raw(Subject="Автоматический ответчик, запрос цены"),
    raw(Subject="Отсутствующие позиции в счёте"),
    raw(Subject="Re: Автоответ: Цемент"),
    raw(Subject="RE: Re: Automatic reply: Cement"),
    raw(List_Id="Info <info.stroyka.example>", Precedence="list"),  # the company's own shared mailbox
    raw(From="Site <noreply@stroyka.example>", Reply_To="anna@client.example"),
    raw(
        "Имя: Анна\nТелефон: 8 912 345-67-89\n",
        From="noreply@tilda.example",
        Precedence="bulk",
        Auto_Submitted="auto-generated",
    ),
    raw(From="robot@client.example"),
    raw(From="mono.reply@client.example"),
    raw(Feedback_ID="rr08:zu08:rf08:ZohoMail"),  # every mail of a person at Zoho has one
    raw(From="postmaster@client.example", Reply_To="anna@client.example"),
    raw("BEGIN:VCALENDAR", Content_Type="text/calendar; charset=utf-8"),
    several(
        part("Когда мне удобно"),
        part("METHOD:PUBLISH\r\n", Content_Type="text/calendar", Content_Disposition="attachment; filename=a.ics"),
    ),
    raw(Subject="Fwd: failure notice"),
]


@pytest.mark.parametrize("mail", CLIENTS)
def test_what_a_client_may_have_written_is_his(mail: bytes) -> None:
    assert verdict(mail) == "client"


def test_what_is_ignored_can_be_taken_for_a_client_after_all() -> None:
    said = parsed(raw(List_Unsubscribe="<mailto:u@x.example>"))
    assert isinstance(said, Ignored)
    assert said.inbound == replace(client(raw()), answerable=None)


def test_a_bounce_tells_of_whom_and_of_which_mail() -> None:
    said = parsed(report())
    assert isinstance(said, Signal)
    assert said.values == {
        "message_id": "<sent@stroyka.example>",
        "recipient": "anna@client.example",
        "status": "5.1.1",
        "action": "failed",
    }


def test_a_form_that_says_it_is_a_notice_of_ours_is_never_read() -> None:
    notice = raw(
        "Новый лид\nКлиент: Анна\nТелефон: 8 912 345-67-89\n",
        From=BOX,
        Auto_Submitted="auto-generated",
        **{OWN_HEADER: "notice"},
    )
    assert verdict(notice) == "own_mail"


def test_the_filters_are_asked_in_their_order_and_each_has_a_name() -> None:
    names = [one.__name__ for one in (*filters.FIRST, *filters.THEN)]
    assert names == [
        *("own", "complaint", "receipt", "bounce", "out_of_office", "auto_reply", "calendar"),
        *("generated", "mailing_list", "bulk", "no_reply"),
    ]


@pytest.mark.parametrize("one", [*filters.FIRST, *filters.THEN])
def test_no_filter_knows_an_everyday_mail(one: filters.Filter) -> None:
    letter = opened(raw())
    us = parties.ours(BOX)
    assert one(Sheet(letter, parties.sender(letter, us), us)) is None


def test_mail_of_ours_to_another_instance_and_back_is_never_a_client_s() -> None:
    """What one instance sends by itself, the other's mailbox takes for nothing that it would answer; and the other way round."""
    for ours, theirs in ((BOX, "sales@other.example"), ("sales@other.example", BOX)):
        for header in ("notice", "answer"):
            mail = raw(From=ours, To=theirs, Auto_Submitted="auto-replied", **{OWN_HEADER: header})
            assert verdict(mail, theirs) == "own_mail"
            # Even where a relay on the way takes unknown headers off.
            assert verdict(mail.replace(OWN_HEADER.encode(), b"X-Gone"), theirs) == "auto_reply"
            assert not isinstance(parsed(mail, theirs), Inbound)
