"""A mailbox that is read, over real servers and over one that is played: what is taken once, in order, and despite everything."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels.adapter import Misconfigured, Unavailable
from channels.mail import Adapter, Config, folder, letter
from channels.mail.connection import Timing
from channels.message import Inbound
from tests import imap, smtp
from tests.channels.listening import WITHIN, Port, failure, listening
from tests.imap import PASSWORD, Box, Dovecot, Played, Pymap, Relay, Server, plain

IMPATIENT = Timing(connect=0.4, silence=0.4, idle=0.3, poll=0.1)


class Store(Port):
    """The port of a mailbox."""

    async def holding(self, count: int) -> None:
        """Return when so many mails are kept."""
        await self.until(lambda: len(self.kept) >= count)

    @property
    def subjects(self) -> list[str]:
        return [letter.opened(e.body).get("subject") for e in self.kept.values()]


@pytest.fixture(scope="module")
def pymap() -> Iterator[Pymap]:
    with imap.pymap() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> smtp.Certificate:
    return smtp.certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def dovecot(certificate: smtp.Certificate) -> Iterator[Dovecot]:
    with imap.dovecot(certificate) as server:
        yield server


@pytest.fixture(params=["pymap", "dovecot"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def mailbox(box: Box, port: int | None = None, *, timing: Timing | None = None, **config: Any) -> Adapter:
    given = {"kind": "mail", "user": box.user, "password": PASSWORD, "folders": [box.folder], **config}
    given.setdefault("imap", {"host": "127.0.0.1", "port": port or box.port, "tls": False})
    return Adapter("info", Config(**given), secret=b"k" * 32, language="ru", timing=timing)


def played(server: Played, **config: Any) -> Adapter:
    return mailbox(Box(server.port, imap.USER, "INBOX"), **config)


async def fails(adapter: Adapter, store: Store | None = None) -> Exception:
    return await failure(adapter, store or Store(), PASSWORD)


async def ready(adapter: Adapter) -> None:
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(*(reader.caught_up.wait() for reader in adapter._readers))


# --- what is taken ---


async def test_a_first_connection_takes_only_what_is_new_and_new_mail_within_a_moment(server: Server) -> None:
    box, store = server.box(), Store()
    box.append(imap.letter(1), imap.letter(2))
    adapter = mailbox(box)
    async with listening(adapter, store):
        await ready(adapter)
        box.append(imap.letter(3))
        await store.holding(1)
    assert store.subjects == ["Заявка 3"]
    assert not [line for line in box.flags() if b"\\Seen" in line]


async def test_what_comes_between_a_look_and_idle_is_taken_soon_though_the_server_does_not_tell(pymap: Pymap) -> None:
    box, store = pymap.box(), Store()
    async with Relay(box.port) as relay:
        adapter = mailbox(box, relay.port, timing=Timing(poll=0.3))
        async with listening(adapter, store):
            await relay.heard(b"\r\n+ ")
            relay.before[b" IDLE\r\n"] = lambda: box.append(imap.letter(2))
            box.append(imap.letter(1))
            await store.holding(2)
    assert not relay.before


async def test_what_came_while_nobody_listened_is_taken_to_the_last(server: Server) -> None:
    box, store = server.box(), Store()
    adapter = mailbox(box)
    async with listening(adapter, store):
        await ready(adapter)
    box.append(*(imap.letter(number) for number in range(5)))
    async with listening(adapter, store):
        await store.holding(5)
    assert store.subjects == [f"Заявка {number}" for number in range(5)]


async def test_all_takes_what_is_there(pymap: Pymap) -> None:
    box, store = pymap.box(), Store()
    box.append(imap.letter(1), imap.letter(2))
    async with listening(mailbox(box, start="all"), store):
        await store.holding(2)
    assert [e.meta["uid"] for e in store.kept.values()]
    assert all(e.occurred_at is not None for e in store.kept.values())


async def test_a_date_takes_what_was_received_since(pymap: Pymap) -> None:
    box, store = pymap.box(), Store()
    box.append(imap.letter(1), at=time.time() - 40 * 86_400)
    box.append(imap.letter(2), at=time.time() - 5 * 86_400)
    box.append(imap.letter(3))
    since = datetime.fromtimestamp(time.time() - 20 * 86_400, UTC).date().isoformat()
    async with listening(mailbox(box, start=since), store):
        await store.holding(2)
    assert store.subjects == ["Заявка 2", "Заявка 3"]


async def test_a_backlog_is_paged_to_its_end_and_committed_with_its_position() -> None:
    store = Store()
    mails = dict.fromkeys(range(1, 1_501), 300)
    async with Played(holding(mails, refused=set())) as server, listening(played(server, start="all"), store):
        await store.holding(1_500)
    assert store.subjects == [f"Заявка {uid}" for uid in range(1, 1_501)]
    assert max(store.pages) <= 50
    assert store.reached["INBOX"].position == 1_500
    listings = [command for command in server.commands if "RFC822.SIZE" in command]
    assert max(command.count(",") + 1 for command in listings) == 200


async def test_folders_in_russian_and_several_of_them(server: Server) -> None:
    box, store = server.box(), Store()
    box.create("Заявки & заказы")
    adapter = mailbox(box, folders=[box.folder, "Заявки & заказы"])
    async with listening(adapter, store):
        await ready(adapter)
        box.append(imap.letter(1), folder="Заявки & заказы")
        box.append(imap.letter(2))
        await store.holding(2)
    assert sorted(e.meta["folder"] for e in store.kept.values()) == sorted([box.folder, "Заявки & заказы"])
    box.delete("Заявки & заказы")


async def test_a_mail_that_is_moved_to_another_folder_is_the_same_mail(server: Server) -> None:
    box, store = server.box(), Store()
    box.create(f"{box.folder}2")
    adapter = mailbox(box, folders=[box.folder, f"{box.folder}2"])
    async with listening(adapter, store):
        await ready(adapter)
        box.append(imap.letter(1))
        await store.holding(1)
        box.move(int(next(iter(store.kept.values())).meta["uid"]), f"{box.folder}2")
        await store.until(lambda: store.repeats == 1)
    assert len(store.kept) == 1


async def test_the_same_message_id_or_none_at_all_is_one_envelope_for_each_mail(pymap: Pymap) -> None:
    box, store = pymap.box(), Store()
    none = imap.letter(1).replace(b"Message-ID: <1@example.com>\r\n", b"")
    box.append(imap.letter(2, Message_ID="<x@y>"), imap.letter(3, Message_ID="<x@y>"), none, none.replace(b"1", b"4"))
    async with listening(mailbox(box, start="all"), store):
        await store.holding(4)
    assert len(store.kept) == 4


async def test_new_numbers_lose_nothing_double_nothing_and_bring_nothing_old(server: Server) -> None:
    box, store = server.box(), Store()
    month_ago, now = time.time() - 30 * 86_400, time.time()
    box.append(imap.letter(1), at=month_ago)
    adapter = mailbox(box)
    async with listening(adapter, store):
        await ready(adapter)
        box.append(imap.letter(2), at=now)
        await store.holding(1)
    era = store.reached[box.folder].era
    box.delete()
    box.create()
    box.append(imap.letter(1), at=month_ago)
    box.append(imap.letter(2), imap.letter(3), at=now)
    async with listening(adapter, store):
        await store.holding(2)
        # What comes under the new numbers is new, whatever date somebody gave it.
        box.append(imap.letter(4), at=month_ago - 86_400)
        await store.holding(3)
    assert store.reached[box.folder].era != era
    assert store.subjects == ["Заявка 2", "Заявка 3", "Заявка 4"]
    assert store.repeats == 1


async def test_of_a_mail_that_is_too_large_the_beginning_is_taken(server: Server) -> None:
    box, store = server.box(), Store()
    head = imap.letter(1, Content_Type="multipart/mixed; boundary=b", body="--b\r\n\r\nЦемент\r\n--b\r\n")
    file = b"Content-Type: application/zip; name=plan.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    box.append(head + file + b"QUFB" * (50 * 1024 * 1024 // 4), imap.letter(2))
    adapter = mailbox(box, start="all")
    async with listening(adapter, store):
        await store.holding(2)
    large = next(iter(store.kept.values()))
    said = adapter.parse(large)
    assert len(large.body) == folder.BEGINNING
    assert isinstance(said, Inbound)
    assert said.text.startswith("Цемент")
    assert [(one.name, one.dropped, one.content) for one in said.attachments] == [("plan.zip", "too_large", None)]
    assert said.fields["cut"] == "too_large"


# --- what goes wrong ---


@pytest.mark.parametrize(("fault", "timing"), [("drop", Timing()), ("hush", Timing(silence=2, idle=0.3))])
async def test_a_line_that_breaks_while_news_is_waited_for_is_noticed(
    server: Server, fault: str, timing: Timing
) -> None:
    box, store = server.box(), Store()
    async with Relay(box.port) as relay:
        adapter = mailbox(box, relay.port, timing=timing)
        async with listening(adapter, store) as task:
            # The server says `+` once it waits with us.
            await relay.heard(b"\r\n+ ")
            getattr(relay, fault)()
            with pytest.raises(Unavailable):
                async with asyncio.timeout(WITHIN):
                    await task
        box.append(imap.letter(1))
        async with listening(adapter, store):
            await store.holding(1)
        assert relay.connections == 2


async def test_what_the_store_refuses_is_fetched_again(pymap: Pymap) -> None:
    box, store = pymap.box(), Store(refuse=[Unavailable("the store is away")])
    box.append(imap.letter(1))
    adapter = mailbox(box, start="all")
    assert isinstance(await fails(adapter, store), Unavailable)
    assert not store.kept
    async with listening(adapter, store):
        await store.holding(1)


async def test_a_refused_login_says_what_to_do(pymap: Pymap) -> None:
    box = pymap.box()
    error = await fails(mailbox(box, password="wrong-password-of-the-box"))
    assert isinstance(error, Misconfigured)
    assert "check user and password" in str(error)


async def test_a_folder_that_is_not_there_is_named_with_those_that_are_while_the_others_are_read(
    pymap: Pymap,
) -> None:
    box, store = pymap.box(), Store()
    box.create("Архив")
    box.append(imap.letter(1))
    error = await fails(mailbox(box, folders=["Акрив", box.folder], start="all"), store)
    assert isinstance(error, Misconfigured)
    assert "there is no folder 'Акрив'; write one of: " in str(error)
    assert "Архив" in str(error)
    assert len(store.kept) == 1
    box.delete("Архив")


async def test_a_certificate_that_nobody_vouches_for_is_refused(dovecot: Dovecot) -> None:
    box = dovecot.box()
    error = await fails(mailbox(box, imap={"host": "127.0.0.1", "port": dovecot.tls_port}))
    assert isinstance(error, Misconfigured)
    assert "the certificate of 127.0.0.1" in str(error)


async def test_a_certificate_whose_authority_is_trusted_is_taken(
    dovecot: Dovecot, certificate: smtp.Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    box, store = dovecot.box(), Store()
    box.append(imap.letter(1))
    async with listening(mailbox(box, imap={"host": "localhost", "port": dovecot.tls_port}, start="all"), store):
        await store.holding(1)


async def test_a_port_without_tls_says_so(pymap: Pymap) -> None:
    error = await fails(mailbox(Box(pymap.port, imap.USER, "INBOX"), imap={"host": "127.0.0.1", "port": pymap.port}))
    assert isinstance(error, Misconfigured)
    assert "speaks no TLS" in str(error)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    error = await fails(mailbox(Box(imap.free_port(), imap.USER, "INBOX")))
    assert isinstance(error, Unavailable)
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize("silent_at", ["GREETING", "CAPABILITY", "LOGIN", "SELECT", "NOOP", "SEARCH"])
async def test_a_server_that_falls_silent_at_any_step_is_given_up(silent_at: str) -> None:
    greeting = b"" if silent_at == "GREETING" else b"* OK ready\r\n"
    async with Played(lambda name, rest: None if name == silent_at else plain(name, rest), greeting) as server:
        assert isinstance(await fails(played(server, timing=IMPATIENT)), Unavailable)


@pytest.mark.parametrize("at", ["GREETING", "LOGIN", "SELECT", "NOOP"])
async def test_a_goodbye_at_any_step_is_tried_again(at: str) -> None:
    greeting = b"* BYE too many connections\r\n" if at == "GREETING" else b"* OK ready\r\n"
    async with Played(lambda name, rest: b"* BYE\r\n" if name == at else plain(name, rest), greeting) as server:
        assert isinstance(await fails(played(server)), Unavailable)


async def test_a_login_that_is_refused_for_now_is_no_fault_of_the_configuration() -> None:
    def say(name: str, rest: str) -> bytes:
        return b"TAG NO [UNAVAILABLE] try again later\r\n" if name == "LOGIN" else plain(name, rest)

    async with Played(say) as server:
        assert isinstance(await fails(played(server)), Unavailable)


def holding(sizes: dict[int, int], refused: set[int]) -> Any:
    """A server with these mails, some of which it cannot give."""

    def say(name: str, rest: str) -> bytes:
        if name == "SELECT":
            return b"* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 99] ok\r\nTAG OK done\r\n"
        if name == "SEARCH":
            first = int(rest.removeprefix("UID ").partition(":")[0].partition(",")[0])
            found = " ".join(str(uid) for uid in sizes if uid >= first or uid == max(sizes))
            return f"* SEARCH {found}\r\nTAG OK done\r\n".encode()
        if name == "FETCH" and "RFC822.SIZE" in rest:
            date = '" 1-Sep-2026 09:00:00 +0000"'
            uids = map(int, rest.partition(" ")[0].split(","))
            lines = (f"* {uid} FETCH (UID {uid} RFC822.SIZE {sizes[uid]} INTERNALDATE {date})\r\n" for uid in uids)
            return "".join(lines).encode() + b"TAG OK done\r\n"
        if name == "FETCH":
            uid = int(rest.partition(" ")[0])
            if uid in refused:
                return b"TAG NO [SERVERBUG] broken file\r\n"
            body = imap.letter(uid)
            head = f"* 9 FETCH (FLAGS (\\Seen))\r\n* {uid} FETCH (UID {uid} BODY[] {{{len(body)}}}\r\n"
            return head.encode() + body + b")\r\nTAG OK done\r\n"
        return plain(name, rest)

    return say


async def test_a_mail_that_the_server_cannot_give_stops_nobody_behind_it() -> None:
    store = Store()
    async with Played(holding({1: 300, 2: 300, 3: 300}, refused={2})) as server:
        adapter = played(server, start="all")
        for _ in range(2 * folder.TRIES):
            assert isinstance(await fails(adapter, store), Unavailable)
        async with listening(adapter, store):
            await store.holding(3)
    first, second, third = store.kept.values()
    assert [first.meta["uid"], second.meta["uid"], third.meta["uid"]] == ["1", "2", "3"]
    assert second.meta["missing"] == "300"
    with pytest.raises(Exception, match="could not give this mail"):
        adapter.parse(second)
    assert server.commands.count("FETCH 2 (UID BODY.PEEK[]<0.262144>)") == folder.TRIES


async def test_the_last_mail_is_not_taken_again_though_a_server_always_names_it() -> None:
    store = Store()
    async with Played(holding({1: 300, 2: 300}, refused=set())) as server:
        adapter = played(server, start="all")
        async with listening(adapter, store):
            await ready(adapter)
    assert (len(store.kept), store.repeats) == (2, 0)


async def test_a_flood_of_lines_in_one_piece_breaks_nothing() -> None:
    flood = b"".join(b"* %d EXPUNGE\r\n" % number for number in range(5_000))

    def say(name: str, rest: str) -> bytes:
        return (flood if name == "NOOP" else b"") + plain(name, rest)

    async with Played(say) as server:
        adapter = played(server)
        async with listening(adapter, Store()):
            await ready(adapter)


async def test_a_token_is_read_anew_at_each_login_and_its_refusal_is_heard(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-of-the-box\n")

    def say(name: str, rest: str) -> bytes:
        if name == "AUTHENTICATE":
            return b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"
        return b"TAG NO wrong token\r\n" if name == "" else plain(name, rest)

    async with Played(say) as server:
        adapter = played(server, password=None, token_file=file)
        error = await fails(adapter)
    assert isinstance(error, (Misconfigured, Unavailable))
    file.unlink()
    async with Played(plain) as server:
        error = await fails(played(server, password=None, token_file=file))
    assert "the token's file" in str(error)


async def test_a_channel_that_is_cancelled_ends_at_once_and_leaves_nothing_behind(server: Server) -> None:
    box, store = server.box(), Store()
    adapter = mailbox(box)
    task = asyncio.create_task(adapter.listen(store))
    await ready(adapter)
    began = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert time.monotonic() - began < 1
    assert {one for one in asyncio.all_tasks() if one is not asyncio.current_task()} == set()
