"""A mailbox in the YAML: an account or servers of its own, and what is wrong with it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.mail import Config
from ingest.config.policy import revision_document
from ingest.config.secret import secret_values
from tests.ingest.configured import SMALL, configured, faults

ACCOUNT = (
    "accounts: {info: {imap: {host: imap.example.com}, smtp: {host: smtp.example.com}, user: info@example.com, "
    "password: '${P}'}}\n"
)
OWN = "imap: {host: imap.example.com}, user: info@example.com, password: '${P}'"
SECRETS = {"P": "secret-of-the-box"}


def with_mail(entry: str) -> str:
    return SMALL.replace("channels: {", f"channels: {{info: {{kind: mail{entry and ', '}{entry}}}, ")


def config_of(folder: Path, text: str) -> Any:
    return configured(folder, text, SECRETS).channels["info"]


def test_an_account_is_put_in_by_its_name(tmp_path: Path) -> None:
    made = config_of(
        tmp_path, with_mail("account: info, folders: [INBOX, Заявки], start: 2026-09-01, max_size: 5MB") + ACCOUNT
    )
    assert isinstance(made, Config)
    assert made.imap is not None
    assert made.smtp is not None
    assert (made.imap.host, made.imap.port, made.imap.tls) == ("imap.example.com", 993, True)
    assert (made.smtp.port, made.user, made.max_size) == (465, "info@example.com", 5 * 1024**2)
    assert made.folders == ("INBOX", "Заявки")
    assert str(made.start) == "2026-09-01"


def test_servers_of_its_own_are_those_of_an_account(tmp_path: Path) -> None:
    named = config_of(tmp_path, with_mail("account: info") + ACCOUNT)
    own = config_of(tmp_path, with_mail(f"{OWN}, smtp: {{host: smtp.example.com}}"))
    assert own == named.model_copy(update={"account": None})
    assert (own.folders, own.start, own.max_size) == (("INBOX",), "now", 25 * 1024**2)


def test_an_address_that_is_written_to_may_be_a_source(tmp_path: Path) -> None:
    text = with_mail("account: info, numbers: {sales@example.com: Каталог}") + ACCOUNT
    document = revision_document(configured(tmp_path, text, SECRETS))
    assert document["channels"]["info"]["numbers"] == {"sales@example.com": "Каталог"}


def test_the_password_is_known_to_the_logs(tmp_path: Path) -> None:
    text = with_mail("account: info") + ACCOUNT
    assert "secret-of-the-box" in secret_values(configured(tmp_path, text, SECRETS))
    assert "secret-of-the-box" not in repr(config_of(tmp_path, text))


def test_a_changed_account_makes_another_channel_of_it(tmp_path: Path) -> None:
    text = with_mail("account: info") + ACCOUNT
    assert config_of(tmp_path, text) != config_of(tmp_path, text.replace("imap.example.com", "mail.example.com"))


def test_a_token_s_file_is_found_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    made = config_of(tmp_path, with_mail("imap: {host: h}, user: u@example.com, token_file: run/token"))
    assert made.token_file == tmp_path / "run" / "token"


SMTP = "smtp: {host: smtp.example.com}"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", None),
        ("answer: false", None),
        ("answer: true", {}),
        ("answer: {in_hours: false}", {"in_hours": False}),
        (
            "answer: {in_hours: 'Получили, {name}', out_of_hours: 'Ждём: {opens}', subject: 'Авто: {subject}', per_address: 7d}",
            {
                "in_hours": "Получили, {name}",
                "out_of_hours": "Ждём: {opens}",
                "subject": "Авто: {subject}",
                "per_address": timedelta(days=7),
            },
        ),
    ],
)
def test_an_answer_is_whole_by_a_word_or_in_parts(entry: str, expected: Any, tmp_path: Path) -> None:
    made = config_of(tmp_path, with_mail(", ".join(filter(None, (OWN, SMTP, entry)))))
    usual = {"in_hours": True, "out_of_hours": True, "subject": None, "per_address": timedelta(hours=24)}
    assert (made.answer and made.answer.model_dump()) == (None if expected is None else usual | expected)


def test_an_answer_may_leave_by_the_account(tmp_path: Path) -> None:
    assert config_of(tmp_path, with_mail("account: info, answer: true") + ACCOUNT).answer is not None


FAULTS = {
    f"{OWN}, {SMTP}, answer: maybe": "channels.info.answer: 'maybe' is no answer; "
    "write true, false, or {in_hours: …, out_of_hours: …}",
    f"{OWN}, {SMTP}, answer: {{in_hours: false, out_of_hours: false}}": "channels.info.answer: answers nothing; "
    "write answer: false, or leave one of the two texts",
    f"{OWN}, {SMTP}, answer: {{in_hours: 'Ждём с {{opens}}'}}": "channels.info.answer.in_hours: {opens} is unknown; "
    "write {lead}, {name}, {subject}",
    f"{OWN}, {SMTP}, answer: {{out_of_hours: 'Ждём с {{opens'}}": "channels.info.answer.out_of_hours: "
    "a brace stands by itself; write {name} for a place, and no other braces",
    f"{OWN}, {SMTP}, answer: {{per_address: 5m}}": "channels.info.answer.per_address: '5m' is out of range; "
    "write between 1h and 365d",
    f"{OWN}, {SMTP}, answer: {{per_address: often}}": "channels.info.answer.per_address: 'often' is not a duration; "
    "write 24h or 7d",
    f'{OWN}, {SMTP}, answer: {{subject: "a\\nb"}}': "channels.info.answer.subject: 'a\\nb' is no subject; write one line",
    f"{OWN}, {SMTP}, answer: {{in_hour: a}}": "channels.info.answer.in_hour: unknown key; did you mean in_hours?",
    f"{OWN}, answer: true": "channels.info: has an answer and no smtp to send it from; "
    "add smtp: {host: smtp.example.com}, or remove answer",
    f"imap: {{host: h}}, {SMTP}, user: vmail, password: '${{P}}', answer: true": "channels.info: "
    "has an answer and no address as its user to send it from; add user: info@example.com, or remove answer",
    "": "channels.info: has no server; add account: NAME, or imap: {host: imap.example.com}, user and password",
    "account: inof": "channels.info.account: 'inof' is no account; there is none yet",
    "account: info, user: a@example.com": "channels.info: has an account and user of its own; remove user, or the account",
    "imap: {host: h}": "channels.info: needs a user and one way to log in; add user, and password, token or token_file",
    f"{OWN}, token: '${{P}}'": "channels.info: needs a user and one way to log in; add user, and password, token or token_file",
    "imap: {host: 'imap://h'}, user: u, password: '${P}'": "channels.info.imap.host: 'imap://h' is not a host; "
    "write a name or an address alone, without scheme, port or path",
    "imap: {host: h, tls: starttls}, user: u, password: '${P}'": "channels.info.imap.tls: 'starttls' "
    "is neither true nor false; write true (TLS from the first byte) or false",
    "imap: {host: h, port: 0}, user: u, password: '${P}'": "channels.info.imap.port: '0' is not a port; "
    "write a number from 1 to 65535",
    "imap: {host: mail.example.com, tls: false}, user: u, password: '${P}'": "channels.info.imap.tls: warning: "
    "passwords and mail cross the network in the clear; write true",
    f"{OWN}, smtp: {{host: h, tls: ssl}}": "channels.info.smtp.tls: 'ssl' is neither true nor false; "
    "write true (TLS from the first byte), starttls or false",
    f"{OWN}, folders: [INBOX, inbox]": "channels.info.folders: names a folder twice, or none; name each folder once",
    f"{OWN}, start: yesterday": "channels.info.start: 'yesterday' is no beginning; "
    "write now, all, or a date such as 2026-09-01",
    f"{OWN}, max_size: 1GB": "channels.info.max_size: '1GB' is no size of a mail; write between 64KB and 50MB",
    f"{OWN}, max_size: 100MB": "channels.info.max_size: '100MB' is no size of a mail; write between 64KB and 50MB",
    f"{OWN}, foldres: [A]": "channels.info.foldres: unknown key; did you mean folders?",
}


@pytest.mark.parametrize("entry", FAULTS)
def test_a_wrong_mailbox_is_one_fault(entry: str, tmp_path: Path) -> None:
    text = with_mail(entry) + (ACCOUNT if entry.startswith("account: info") else "")
    (found,) = faults(tmp_path, text, SECRETS)
    assert found == f"1: {FAULTS[entry]}"


def test_an_account_that_cannot_be_read_from_is_a_fault(tmp_path: Path) -> None:
    account = "accounts: {info: {smtp: {host: h}, user: u@example.com, password: '${P}'}}\n"
    assert faults(tmp_path, with_mail("account: info") + account, SECRETS) == [
        "1: channels.info.account: 'info' has no imap; add imap to the account"
    ]


def test_a_fault_of_the_account_is_said_once(tmp_path: Path) -> None:
    account = "accounts: {info: {imap: {host: h, port: x}, user: u@example.com, password: '${P}'}}\n"
    assert faults(tmp_path, with_mail("account: info") + account, SECRETS) == [
        "4: accounts.info.imap.port: 'x' is not a port; write a number from 1 to 65535"
    ]


def test_a_literal_password_is_a_warning(tmp_path: Path) -> None:
    text = with_mail("imap: {host: h}, user: u@example.com, password: secret-of-the-box")
    (found,) = faults(tmp_path, text)
    assert found == (
        "1: channels.info.password: warning: a secret is written into the file; "
        "write ${NAME} for an environment variable or ${file:PATH} for a file"
    )
