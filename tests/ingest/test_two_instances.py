"""Two instances that answer by themselves, over real IMAP and SMTP: however they are set on each other, it ends.

Each writes at most once to an address, even where a machine between them strips every header by which mail is known to be
automatic.
"""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from ingest.assembly import Parts, assemble
from kernel.clock import Clock
from storage import migrate, revisions
from storage.schema import interactions, journal, outbox
from storage.store import Store
from tests import imap
from tests.daemon.process import until
from tests.imap import Box, Pymap, free_port
from tests.ingest.configured import configured

FIRST = "info@first.example"
SECOND = "info@second.example"
ROBOT = "ivan@robot.example"
_ids = itertools.count(1)


def letter(sender: str, to: str, text: str = "Нужен цемент", subject: str = "Заявка") -> bytes:
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{next(_ids)}@letters.example>\r\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


@dataclass
class PostOffice:
    """Carries what is sent to whose mailbox it is. `strips`: of a mail, only who wrote what to whom is left."""

    boxes: dict[str, Box]
    strips: bool = False
    carried: list[tuple[str, str]] = field(default_factory=list)
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    async def handle_DATA(self, _: object, __: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = bytes(envelope.content or b"")  # type: ignore[arg-type] # bytes, as it is not told to decode
        (to,) = envelope.rcpt_tos
        message = message_from_bytes(content, policy=default)
        sender = str(message["From"])
        self.carried.append((sender, to))
        if self.strips:
            content = letter(sender, to, message.get_content(), "Привет")
        else:
            content = f"Return-Path: {envelope.mail_from}\r\n".encode() + content
        self.put(to, content)
        return "250 OK"

    def put(self, to: str, mail: bytes) -> None:
        """Into a mailbox. Whoever has none here is a robot, which answers at once, as if it were a person."""
        if to not in self.boxes:
            self.put(FIRST, letter(to, FIRST, f"Я в отпуске, ваше письмо прочту потом {next(_ids)}", "Отпуск"))
            return
        with self.one_at_a_time:
            self.boxes[to].append(mail)


@contextmanager
def listening(office: PostOffice) -> Iterator[int]:
    anybody = lambda *_: AuthResult(success=True)  # noqa: E731 - whoever logs in
    controller = Controller(
        office, hostname="127.0.0.1", port=free_port(), auth_require_tls=False, authenticator=anybody
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@dataclass
class Instance:
    """One priyom, as far as mail goes."""

    store: Store
    parts: Parts

    def rows(self, table: Any) -> list[Any]:
        return self.store.peek(lambda db: list(db.execute(table.select().order_by(table.c.id)).mappings()))

    def outcomes(self) -> list[tuple[str, str | None]]:
        return [(row["outcome"], row["reason"]) for row in self.rows(journal)]

    def quiet(self) -> bool:
        """Nothing is pending, and nothing is to be sent."""
        pending = [outcome for outcome, _ in self.outcomes() if outcome == "pending"]
        return not pending and not [row for row in self.rows(outbox) if row["interaction_id"] and row["state"] == "due"]

    def answers(self) -> int:
        return len([row for row in self.rows(interactions) if row["direction"] == "out"])


@asynccontextmanager
async def running(folder: Path, box: Box, smtp: int) -> AsyncIterator[Instance]:
    server = f"host: 127.0.0.1, tls: false, port: {box.port}"
    text = (
        f"channels: {{info: {{kind: mail, imap: {{{server}}}, smtp: {{host: 127.0.0.1, tls: false, port: {smtp}}}, "
        f"user: {box.user}, password: '${{P}}', folders: [{box.folder}], start: all, answer: true}}}}\n"
        "managers: {anna: {name: Анна}}\nteams: {sales: {managers: [anna]}}\n"
    )
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'priyom.db'}")
    migrate.upgrade(store)
    store.transact_raw(revisions.prepare)
    parts = await assemble(configured(folder, text, {"P": imap.PASSWORD}), store, Clock())
    loops = (
        parts.way_in.intake.run(),
        parts.settling.pipeline.run(),
        parts.working.sending.run(),
        parts.way_in.listening.run(),
    )
    tasks = [asyncio.create_task(one) for one in loops]
    try:
        yield Instance(store, parts)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Pymap, Pymap]]:
    with imap.pymap(FIRST) as first, imap.pymap(SECOND) as second:
        yield first, second


@asynccontextmanager
async def both(
    servers: tuple[Pymap, Pymap], folder: Path, *, strips: bool = False
) -> AsyncIterator[tuple[PostOffice, Instance, Instance]]:
    first, second = (server.box() for server in servers)
    office = PostOffice({FIRST: first, SECOND: second}, strips)
    with listening(office) as smtp:
        async with running(folder / "first", first, smtp) as one, running(folder / "second", second, smtp) as other:
            yield office, one, other


async def test_what_one_answers_the_other_ignores(servers: tuple[Pymap, Pymap], tmp_path: Path) -> None:
    async with both(servers, tmp_path) as (office, first, second):
        office.put(FIRST, letter(SECOND, FIRST))
        office.put(SECOND, letter(FIRST, SECOND))
        await until(lambda: len(first.outcomes()) == len(second.outcomes()) == 2 and first.quiet() and second.quiet())
        assert first.outcomes() == second.outcomes() == [("created", None), ("ignored", "own_mail")]
        assert sorted(office.carried) == [(FIRST, SECOND), (SECOND, FIRST)]


async def test_with_every_header_stripped_an_instance_and_a_robot_are_answered_once_each(
    servers: tuple[Pymap, Pymap], tmp_path: Path
) -> None:
    async with both(servers, tmp_path, strips=True) as (office, first, second):
        office.put(FIRST, letter(SECOND, FIRST))
        office.put(FIRST, letter(ROBOT, FIRST))
        await until(lambda: len(first.outcomes()) == 4 and first.quiet() and second.quiet())
        office.put(FIRST, letter(ROBOT, FIRST, "И ещё"))
        await until(lambda: len(first.outcomes()) == 5 and first.quiet() and second.quiet())
        assert sorted(first.outcomes()) == [("attached", None)] * 3 + [("created", None)] * 2
        assert second.outcomes() == [("created", None)]
        assert sorted(office.carried) == [(FIRST, SECOND), (FIRST, ROBOT), (SECOND, FIRST)]
        assert (first.answers(), second.answers()) == (2, 1)
