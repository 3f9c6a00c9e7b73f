"""Answers to notices by mail, and what of them reaches the client: from the right address, with our own id, without the notice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from channels.message import Envelope, digest
from ingest.assembly import Parts, assemble
from ingest.supervise import Supervisor
from kernel.threads import read_signed, signed_id
from storage.schema import interactions, journal, leads, outbox
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock
from tests.smtp import Mail, MailServer

CONFIG = """\
accounts:
  info: {{imap: {{host: 127.0.0.1, port: 1, tls: false}}, smtp: {{host: 127.0.0.1, port: {port}, tls: false}},
          user: info@example.com, password: secret}}
channels: {{info: {{kind: mail, account: info}}}}
managers: {{anna: {{name: Анна, email: anna@example.com}}, boris: {{name: Борис, email: boris@example.com}}}}
teams: {{sales: {{managers: [anna]}}, others: {{managers: [boris]}}}}
routing: [{{team: sales}}]
notices: {{email: {{account: info, from: leads@example.com}}}}
"""

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Office:
    """What a daemon runs, without its HTTP and its mailbox: mails are put in by hand, and leave by a real server."""

    def __init__(self, parts: Parts, server: MailServer) -> None:
        self.parts = parts
        self.server = server

    async def arrives(
        self, sender: str, text: str, subject: str = "Цемент", *, file: str | None = None, **headers: str
    ) -> str:
        """A mail comes in and is settled; its outcome and reason."""
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = sender, "info@example.com", subject
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        if file is not None:
            mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=file)
        body = mail.as_bytes()
        envelope = Envelope("info", digest(body).hex(), body, NOW, {"folder": "INBOX", "uid": "1"}, digest(body))
        (accepted,) = await self.parts.way_in.intake.accept([envelope])

        def settled(db: sa.Connection) -> str | None:
            row = db.execute(sa.select(journal).where(journal.c.uid == accepted.id)).one()
            return None if row.outcome == "pending" else f"{row.outcome} {row.reason}"

        while (outcome := self.parts.core.store.peek(settled)) is None:
            await asyncio.sleep(0)
        return outcome

    async def mails(self, condition: Callable[[list[Mail]], bool]) -> list[Mail]:
        return await self.server.wait(condition)

    async def notice(self) -> EmailMessage:
        """Anna's notice of the first lead."""
        found = await self.mails(lambda mails: any("anna@example.com" in one.recipients for one in mails))
        return found[0].message

    def to_clients(self) -> Sequence[Mail]:
        return [one for one in self.server.mails if one.recipients[0].endswith("example.net")]

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        return self.parts.core.store.peek(lambda db: [dict(row) for row in db.execute(sa.select(table)).mappings()])


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> AsyncIterator[Office]:
    with MailServer(accept=("info@example.com", "secret")) as server:
        config = configured(tmp_path, CONFIG.format(port=server.port))
        parts = await assemble(config, store, at_clock(NOW))
        supervisor = Supervisor()
        supervisor.start("intake", parts.way_in.intake.run)
        supervisor.start("pipeline", parts.settling.pipeline.run)
        supervisor.start("sender", parts.working.sender.run)
        supervisor.start("sending", parts.working.sending.run)
        await asyncio.sleep(0)
        yield Office(parts, server)
        await supervisor.stop()


QUOTED = "\n\n1 сентября 2026 г., 12:00, Leads <leads@example.com>:\n> Клиент: Вера\n> Почта: vera@example.net\n"


async def test_what_a_manager_answers_to_his_notice_goes_to_the_client_in_his_thread_once(office: Office) -> None:
    opened = await office.arrives("Vera <vera@example.net>", "Есть цемент?", Message_ID="<1@example.net>")
    assert opened == "created None"
    notice = await office.notice()
    assert notice["Reply-To"] == "info@example.com"
    answered = {"In_Reply_To": notice["Message-ID"], "Message_ID": "<a@anna>"}
    text = f"Да, есть.\n\n-- \nАнна{QUOTED}"
    assert await office.arrives("Анна <anna@example.com>", text, "Re: Новый лид", **answered) == "handled mail_reply"
    again = await office.arrives("anna@example.com", text, "Re: Новый лид", Date="Tue, 1 Sep 2026 12:00:00", **answered)
    assert again == "handled mail_reply"
    await office.mails(lambda _: bool(office.to_clients()))
    (sent,) = office.to_clients()
    read = sent.message
    assert (read["From"], read["Subject"], read["In-Reply-To"]) == ("info@example.com", "Re: Цемент", "<1@example.net>")
    assert read.get_content().strip() == "Да, есть."
    (lead,) = office.rows(leads)
    assert lead["state"] == "in_work"


@pytest.mark.parametrize(
    ("sender", "known"), [("vera@example.net", True), ("boris@example.com", True), ("anna@example.com", False)]
)
async def test_neither_the_address_nor_the_id_alone_lets_anybody_speak_to_the_client(
    office: Office, sender: str, known: bool
) -> None:
    await office.arrives("vera@example.net", "Есть цемент?", Message_ID="<1@example.net>")
    notice = (await office.notice())["Message-ID"]
    thread = (
        notice
        if known
        else signed_id(str(read_signed(notice, office.parts.core.secrets.marks)), "example.com", b"forged")
    )
    outcome = await office.arrives(sender, "Нет.", In_Reply_To=thread, Message_ID="<2@x>")
    # What a client writes in such a thread is his message all the same; a colleague's is nobody's enquiry.
    assert outcome == ("attached None" if sender == "vera@example.net" else "ignored staff")
    assert not [row for row in office.rows(interactions) if row["direction"] == "out"]


async def test_files_of_an_answer_are_not_sent_on_and_both_its_writer_and_the_card_say_so(office: Office) -> None:
    await office.arrives("vera@example.net", "Есть цемент?")
    notice = (await office.notice())["Message-ID"]
    answered = {"In_Reply_To": notice, "Message_ID": "<a@anna>"}
    for _ in range(2):
        await office.arrives("anna@example.com", "Прайс во вложении", file="прайс.pdf", **answered)
    told = await office.mails(lambda mails: any("без вложений" in one.message["Subject"] for one in mails))
    (said,) = (one.message.get_content() for one in told if "без вложений" in one.message["Subject"])
    assert "Файлов в вашем письме: 1" in said
    assert [row["code"] for row in office.rows(outbox)].count("reply_without_files") == 1
    (lead,) = (await office.parts.serving.office.leads.page({}, 50, None))["items"]
    assert (await office.parts.serving.office.leads.lead(lead["id"]))["interactions"][-1]["left_out"] == ["прайс.pdf"]


async def test_an_answering_machine_of_a_manager_says_nothing_to_the_client(office: Office) -> None:
    await office.arrives("vera@example.net", "Есть цемент?")
    notice = (await office.notice())["Message-ID"]
    outcome = await office.arrives("anna@example.com", "Я в отпуске", "Автоответ", In_Reply_To=notice)
    assert outcome == "ignored out_of_office"


@pytest.mark.parametrize(
    "asked", ["Есть цемент?", "Есть цемент?\n\nС уважением,\nВера", "Есть?\n##- Ответьте -##\nЖду"]
)
async def test_the_notices_own_text_never_reaches_the_client_and_the_manager_hears_why(
    office: Office, asked: str
) -> None:
    await office.arrives("vera@example.net", "Есть цемент?")
    notice = await office.notice()
    # What a client writes in a form is told as it is, and may be cut as a signature or a quotation is.
    body = notice.get_content().replace("Есть цемент?", asked)
    outcome = await office.arrives("anna@example.com", f"Да\n{body}", In_Reply_To=notice["Message-ID"])
    assert outcome == "handled mail_reply"
    told = await office.mails(lambda mails: any("не отправлен" in one.message["Subject"] for one in mails))
    assert "напишите ответ над цитатой" in told[-1].message.get_content()
    assert not office.to_clients()


async def test_a_mail_in_a_managers_name_that_our_server_doubts_is_not_sent_on_and_he_hears_of_it(
    office: Office,
) -> None:
    await office.arrives("vera@example.net", "Есть цемент?")
    verdict = {"Authentication_Results": "mx.example.com; dmarc=fail header.from=example.com"}
    notice = (await office.notice())["Message-ID"]
    outcome = await office.arrives("anna@example.com", "Нет.", In_Reply_To=notice, **verdict)
    assert outcome == "handled mail_reply"
    told = await office.mails(lambda mails: any("не отправлен" in one.message["Subject"] for one in mails))
    assert "ответьте из карточки" in told[-1].message.get_content()
    assert not office.to_clients()


async def test_a_list_of_leads_is_answered_by_nobody(office: Office) -> None:
    for number in range(5):
        await office.arrives(f"vera{number}@example.net", "Есть цемент?")
    found = await office.mails(bool)
    listed = [one.message for one in found if "Новое по лидам" in one.message["Subject"]]
    assert all(read_signed(one["Message-ID"], office.parts.core.secrets.marks) is None for one in listed)
    assert {row["code"] for row in office.rows(outbox)} == {"lead_assigned"}


async def test_an_answer_by_the_api_is_said_once_under_its_key_and_stands_on_the_timeline(office: Office) -> None:
    await office.arrives("vera@example.net", "Есть цемент?", Message_ID="<1@example.net>")
    desk = office.parts.serving.office.leads
    (lead,) = (await desk.page({}, 50, None))["items"]
    order = {"text": "Да, есть.", "manager": "anna", "interaction": None}
    said = [await desk.reply(lead["id"], order, "k", "irina") for _ in range(2)]
    assert [(one["id"], one["duplicate"]) for one in said] == [(said[0]["id"], False), (said[0]["id"], True)]
    await office.mails(lambda _: bool(office.to_clients()))
    while (shown := (await desk.lead(lead["id"]))["interactions"][-1])["state"] == "sending":
        await asyncio.sleep(0)
    assert (shown["state"], shown["direction"], shown["author"], shown["error"]) == ("sent", "out", "anna", None)
    assert len(office.to_clients()) == 1
    told = (await desk.explain(lead["id"], "en"))["sentences"]
    assert any("an answer was sent to the client" in one["text"] for one in told)
