"""Whom a machine may answer: clients who wrote to us themselves, and in doubt nobody."""

import pytest

from channels.mail.answering import answerable
from channels.mail.letter import opened
from channels.mail.parties import ours
from channels.message import Answerable, Ignored
from kernel.automatic import OWN_HEADER
from tests.channels.mails import BOX, client, parsed, raw

IVAN = "ivan@client.example"

FINE: dict[str, dict[str, str | None]] = {
    "a plain mail": {},
    "its own return path": {"Return_Path": f"<{IVAN}>"},
    "a return path below the domain": {"Return_Path": "<ivan=42@mx7.client.example>"},
    "a return path above the domain": {"From": "ivan@mail.client.example", "Return_Path": "<ivan@client.example>"},
    "passed on with SRS": {"Return_Path": "<SRS0=h4sh=TT=client.example=ivan@forwarder.example>"},
    "passed on by Gmail": {"Return_Path": "<old+caf_=info=stroyka.example@gmail.com>"},
    "an answer to himself": {"Reply_To": f"Ivan <{IVAN.upper()}>"},
    "said to be written by hand": {"Auto_Submitted": "no"},
    "only no receipts wanted": {"X_Auto_Response_Suppress": "DR, RN, NRN"},
    "found genuine": {"Authentication_Results": "mx.example; dmarc=pass header.from=client.example"},
    "a tag of his own": {"From": "ivan+shop@gmail.com"},
    "to us among others": {"To": "other@shop.example", "Cc": f"Stroyka <{BOX}>"},
}

WITHHELD: dict[str, list[dict[str, str | None]]] = {
    "no_sender": [{"From": None}, {"From": "Undisclosed"}],
    "several_senders": [{"From": "ivan@client.example, olga@client.example"}],
    "automatic": [
        {OWN_HEADER: "answer"},
        {"Auto_Submitted": "auto-generated"},
        {"Auto_Submitted": "auto-replied; owner-email=x@y.z"},
        {"Precedence": "bulk"},
        {"Precedence": "Junk"},
        {"Precedence": "auto_reply"},
        {"X_Loop": "info"},
    ],
    "list": [
        {"List_Id": "<info.stroyka.example>"},
        {"List_Unsubscribe": "<mailto:u@x.example>"},
        {"Mailing_List": "contact x@y.z"},
    ],
    "answers_automatic": [{"Subject": "Re: Автоответ: Цемент"}, {"Subject": "RE: Automatic reply: Cement"}],
    "suppressed": [{"X_Auto_Response_Suppress": "All"}, {"X_Auto_Response_Suppress": "DR, OOF"}],
    "spam": [{"X_Spam_Flag": "YES"}, {"X_Spam": "Yes"}, {"X_Spam_Status": "Yes, score=9.1"}],
    "forged": [{"Authentication_Results": "mx.example; spf=pass; dmarc=fail (p=none) header.from=client.example"}],
    "null_return_path": [{"Return_Path": "<>"}],
    "return_path": [
        {"Return_Path": "<bounce-1@esp.example>"},
        {"Return_Path": "<bounces+77@client.example>"},
        {"Return_Path": "<ivan@notclient.example>"},
    ],
    "reply_to": [{"Reply_To": "victim@elsewhere.example"}, {"Reply_To": f"{IVAN}, victim@elsewhere.example"}],
    "machine": [
        {"From": "noreply@client.example"},
        {"From": "MAILER-DAEMON@client.example"},
        {"From": "root@client.example"},
        {"From": "owner-users@client.example"},
        {"From": "users-request@client.example"},
        {"From": "support+4711@client.example"},
        {"From": "b-4711=info=stroyka.example@client.example"},
    ],
    "own": [{"From": "anna@stroyka.example"}],
    "not_addressed": [{"To": "undisclosed-recipients:;"}, {"To": "all@shop.example"}, {"To": None}],
}


def verdict(headers: dict[str, str | None], *aliases: str) -> Answerable:
    return answerable(opened(raw(**headers)), ours(BOX), aliases)


@pytest.mark.parametrize("headers", FINE.values(), ids=FINE.keys())
def test_who_wrote_to_us_himself_may_be_answered(headers: dict[str, str | None]) -> None:
    found = verdict(headers)
    assert found.withheld is None
    assert found.address in {IVAN, "ivan@mail.client.example", "ivan+shop@gmail.com"}


@pytest.mark.parametrize(
    ("headers", "code"), [(headers, code) for code, several in WITHHELD.items() for headers in several]
)
def test_in_doubt_nobody_is_answered_and_it_is_said_why(headers: dict[str, str | None], code: str) -> None:
    assert verdict(headers) == Answerable(None, code)


def test_an_alias_of_the_mailbox_is_written_to_as_the_mailbox_is() -> None:
    assert verdict({"To": "Zakaz@old.example"}).withheld == "not_addressed"
    assert verdict({"To": "Zakaz@old.example"}, "zakaz@old.example").address == IVAN


def test_where_the_user_of_a_mailbox_is_no_address_nobody_can_say_whom_it_was_written_to() -> None:
    mail = opened(raw(To="sales@stroyka.example"))
    assert answerable(mail, ours("vmail7")) == Answerable(IVAN)
    assert answerable(opened(raw(To="olga@client.example")), ours("vmail7")).withheld == "own"


def test_an_approach_says_whether_it_may_be_answered() -> None:
    assert client(raw()).answerable == Answerable(IVAN)
    assert client(raw(To="undisclosed-recipients:;")).answerable == Answerable(None, "not_addressed")


def test_a_client_who_stands_in_a_form_has_not_sent_it() -> None:
    form = raw("Имя: Иван\nТелефон: 8 912 345-67-89\nE-mail: victim@elsewhere.example", Subject="Заявка с сайта")
    assert client(form).emails == ("victim@elsewhere.example",)
    assert client(form).answerable == Answerable(None, "not_the_sender")


def test_what_is_ignored_says_nothing_of_an_answer_even_if_a_person_overrules_it() -> None:
    said = parsed(raw(Precedence="bulk"))
    assert isinstance(said, Ignored)
    assert said.inbound is not None
    assert said.inbound.answerable is None
