"""One connection to an IMAP server, on which nothing is ever waited for without an end.

aioimaplib speaks the protocol, and has habits that its callers must know: it does not tell that a connection was lost while it
waits, a command that timed out leaves it unusable, and it recurses once for every line that arrives together. So each step here
races against the loss of the connection and against silence, data is handed on in small pieces, and after any trouble the
connection is gone for good: whoever wants to go on opens another.

What went wrong is said in the words of `channels.adapter`: Unavailable, or Misconfigured where a person must act.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import aioimaplib

from channels.adapter import Misconfigured, Unavailable
from channels.mail import folders
from channels.mail.config import Config, Imap
from kernel.texts import storable

LARGEST_PAGE: Final = 200
_PIECE: Final = 4_096
_LOOK_EVERY: Final = 5.0
_LONGEST_REASON: Final = 200

# RFC 5530, and what Gmail, Yandex and Dovecot say when they have enough of us for a while.
_LATER: Final = re.compile(
    r"\[(?:unavailable|inuse|serverbug|limit|alert\].*too many)|too many|try again|temporar|rate limit|overquota.*connection",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", re.IGNORECASE)
_FETCHED: Final = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_UID: Final = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)
_DATE: Final = re.compile(rb'\bINTERNALDATE "([^"]+)"', re.IGNORECASE)
_QUOTED: Final = re.compile(rb'\bBODY\[\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_LISTED: Final = re.compile(rb'\([^)]*\) (?:"(?:[^"\\]|\\.)*"|NIL) (?:"((?:[^"\\]|\\.)*)"|([^"\s]+))$')

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long is waited, in seconds: for a connection, for the next byte of an answer, for news, and before asking for news."""

    connect: float = 20.0
    silence: float = 30.0
    idle: float = 300.0
    poll: float = 30.0


class Refused(Exception):
    """The server answered a command with NO or BAD."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is open: which numbers its mails have, and which the next one gets."""

    validity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail as the server lists it; `received` as IMAP writes dates (`17-Jul-1996 02:44:25 -0700`)."""

    uid: int
    size: int
    received: str


class _Protocol(aioimaplib.aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc] # aioimaplib has no types
    """Tells of every byte and of the end, and hands data on in pieces: one frame of the stack goes for each line of a piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lost: asyncio.Future[None] = loop.create_future()
        self.heard_at = loop.time()
        super().__init__(loop, lambda _: self.end())

    def data_received(self, data: bytes) -> None:
        """Take what came; what cannot be understood ends the connection."""
        self.heard_at = self.loop.time()
        try:
            for start in range(0, len(data), _PIECE):
                super().data_received(data[start : start + _PIECE])
        except Exception:  # noqa: BLE001 - whatever it stumbles over, the rest of the stream means nothing any more
            self.end()

    def end(self) -> None:
        """The connection is of no use any more."""
        if not self.lost.done():
            self.lost.set_result(None)
        if self.transport is not None:
            self.transport.abort()

    def _continuation(self, line: bytes) -> None:
        command = self.pending_sync_command
        if command is not None and command.name == "AUTHENTICATE":
            # A refused token: the server tells why, and waits for an empty answer before it says NO.
            self.transport.write(b"\r\n")
        else:
            super()._continuation(line)


class _Client(aioimaplib.IMAP4):  # type: ignore[misc] # aioimaplib has no types
    def create_client(self, host: str, port: int, loop: Any, conn_lost_cb: Any = None, ssl_context: Any = None) -> None:  # noqa: ANN401, ARG002
        running = asyncio.get_running_loop()
        self.protocol = _Protocol(running)
        self._client_task = running.create_task(
            running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )


class Connection:
    """A connection that is logged in. `alive` is called at each answer of the server."""

    def __init__(self, client: "_Client", server: Imap, alive: Callable[[], None], timing: Timing) -> None:
        self._client = client
        self._place = f"{server.host}:{server.port}"
        self._alive = alive
        self._timing = timing
        self.certified_until: datetime | None = None

    async def _step(self, work: Awaitable[T], silence: float | None = None) -> T:
        """The result of one step. Raises Unavailable where the connection is lost or silent; the step is then given up."""
        protocol = self._client.protocol
        task = asyncio.ensure_future(work)
        patience = self._timing.silence if silence is None else silence
        protocol.heard_at = max(protocol.heard_at, protocol.loop.time())
        try:
            while True:
                await asyncio.wait(
                    {task, cast("asyncio.Future[T]", protocol.lost)},
                    timeout=min(patience, _LOOK_EVERY),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if task.done():
                    self._alive()
                    return task.result()
                if protocol.lost.done():
                    raise Unavailable(f"{self._place} closed the connection")
                if protocol.loop.time() - protocol.heard_at > patience:
                    raise Unavailable(f"{self._place} is silent for {patience:.0f} s")
                if protocol.loop.time() - protocol.heard_at < _LOOK_EVERY:
                    self._alive()
        except (aioimaplib.AioImapException, TimeoutError, ValueError, UnicodeError, OSError) as error:
            raise Unavailable(f"{self._place}: {type(error).__name__}") from error
        finally:
            if not task.done():
                task.cancel()
                protocol.end()
                await asyncio.wait({task}, timeout=1)

    async def _ask(self, work: Awaitable[Any]) -> Sequence[bytes | bytearray]:
        """The lines of an answer that is OK. Raises Refused with what the server says."""
        answer = await self._step(work)
        if answer.result != "OK":
            raise Refused(_words(answer.lines))
        return list(answer.lines)

    async def open_folder(self, name: str) -> Folder:
        """Open a folder. Raises Misconfigured where there is none of this name."""
        try:
            lines = await self._ask(self._client.select(folders.encoded(name)))
        except Refused as error:
            if _LATER.search(str(error)):
                raise Unavailable(f"{self._place}: {error}") from error
            there = ", ".join(sorted(await self.folders())[:20])
            raise Misconfigured(
                f"there is no folder {name!r}; write one of: {there}",
                f"папки {name!r} нет; запишите одну из: {there}",
            ) from error
        numbers = {found[1].upper(): int(found[2]) for line in lines for found in _NUMBER.finditer(bytes(line))}
        if b"UIDVALIDITY" not in numbers:
            raise Unavailable(f"{self._place} does not number its mails in {name!r}")
        next_uid = numbers.get(b"UIDNEXT") or max(await self.uids_after(0), default=0) + 1
        return Folder(numbers[b"UIDVALIDITY"], next_uid)

    async def folders(self) -> list[str]:
        """The names of all folders."""
        try:
            lines = await self._ask(self._client.list('""', "*"))
        except Refused:
            return []
        found = (_LISTED.match(bytes(line)) for line in lines)
        return [folders.decoded((one[1] or one[2]).decode("ascii", "replace")) for one in found if one]

    async def uids_after(self, uid: int) -> list[int]:
        """The numbers of all mails above `uid`, in order. The server is asked to look first: it may not have told of new ones."""
        await self._ask(self._client.noop())
        return await self._search(f"UID {uid + 1}:*", uid)

    async def uids_since(self, day: str) -> list[int]:
        """The numbers of all mails that were received on or after a day such as `1-Feb-2026`."""
        return await self._search(f"SINCE {day}", 0)

    async def _search(self, what: str, above: int) -> list[int]:
        # `UID n:*` names the last mail even where its number is below n (RFC 3501, 6.4.8).
        lines = await self._ask(self._client.uid_search(what, charset=None))
        words = (word for line in lines[:-1] for word in bytes(line).split())
        return sorted({int(word) for word in words if word.isdigit() and int(word) > above})

    async def listed(self, uids: Sequence[int]) -> list[Listed]:
        """Size and date of up to `LARGEST_PAGE` mails; of those that are gone, nothing."""
        numbers = ",".join(map(str, uids))
        lines = await self._ask(self._client.uid("fetch", numbers, "(UID RFC822.SIZE INTERNALDATE)"))
        found = {one.uid: one for line in lines if _FETCHED.match(bytes(line)) and (one := _listed(bytes(line)))}
        lacking = [uid for uid in uids if uid not in found]
        # What is not listed may be gone; if it is there, nobody knows how large it is.
        found |= {uid: Listed(uid, 0, "") for uid in (await self.present(lacking) if lacking else ())}
        return [found[uid] for uid in uids if uid in found]

    async def present(self, uids: Sequence[int]) -> list[int]:
        """Which of these mails are still there."""
        wanted = set(uids)
        return [uid for uid in await self._search(f"UID {','.join(map(str, uids))}", 0) if uid in wanted]

    async def body(self, uid: int, first: int | None = None) -> bytes | None:
        """A mail's bytes, or its `first` ones; None where it is gone. It is not marked as read. Raises Refused."""
        part = "BODY.PEEK[]" if first is None else f"BODY.PEEK[]<0.{first}>"
        lines = await self._ask(self._client.uid("fetch", str(uid), f"(UID {part})"))
        return next((content for number, content in _literals(lines) if number in {uid, None}), None)

    async def _pushed(self, seconds: float) -> None:
        """Wait for the next thing that the server says by itself. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._client.protocol.idle_queue.get()

    async def wait(self, *, soon: bool) -> None:
        """Until it is worth looking again: the server tells of something, or has been silent for long, or cannot tell at all.

        `soon`: something was found just now. Not every server tells of what comes between a look and IDLE, and mails come together.
        """
        if not self._client.has_capability("IDLE"):
            await self._raced(asyncio.sleep(self._timing.poll))
            return
        seconds = min(self._timing.poll, self._timing.idle) if soon else self._timing.idle
        idling = await self._step(self._client.idle_start(timeout=seconds + self._timing.silence))
        with contextlib.suppress(TimeoutError):
            await self._raced(self._pushed(seconds))
        if self._client.has_pending_idle():
            self._client.idle_done()
        await self._step(idling)

    async def _raced(self, waiting: Awaitable[T]) -> T:
        """Wait as long as it takes, unless the connection is lost."""
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait(
                {task, cast("asyncio.Future[T]", self._client.protocol.lost)}, return_when=asyncio.FIRST_COMPLETED
            )
            if not task.done():
                raise Unavailable(f"{self._place} closed the connection")
            return task.result()
        finally:
            task.cancel()

    async def log_in(self, config: Config) -> None:
        """Raises Misconfigured where the server refuses for good."""
        user = config.user or ""
        try:
            token = access_token(config)
            if token is None:
                password = config.password.get_secret_value() if config.password else ""
                await self._ask(self._client.login(aioimaplib.aioimaplib.quoted(user), password))
            else:
                await self._ask(self._client.xoauth2(user, token))
        except Refused as error:
            if _LATER.search(str(error)):
                raise Unavailable(f"{self._place}: {error}") from error
            raise Misconfigured(
                f"{self._place} refuses the login ({error}); check user and password, allow IMAP in the settings of the mailbox, "
                "and use a password made for applications where the provider asks for one",
                f"{self._place} не пускает ({error}); проверьте user и password, разрешите IMAP в настройках ящика и, если этого "
                "требует провайдер, создайте пароль для приложений",
            ) from error

    async def close(self) -> None:
        """Leave nothing behind."""
        client = self._client
        client.protocol.end()
        if client._idle_waiter is not None:  # noqa: SLF001 - its timer would outlive the connection
            client._idle_waiter.cancel()  # noqa: SLF001
        await _discarded(client)


async def _discarded(client: "_Client") -> None:
    tasks = {client._client_task, *client.tasks, *client.protocol.tasks}  # noqa: SLF001 - the library leaves them running
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A transport that was aborted is closed by the loop's next round.
    await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def connected(config: Config, alive: Callable[[], None], timing: Timing) -> AsyncIterator[Connection]:
    """A connection that is logged in, closed at the end. Raises Unavailable or Misconfigured."""
    server = config.imap
    if server is None:
        raise Misconfigured(
            "no imap server is configured; add imap to the account",
            "не указан сервер imap; добавьте imap в учётную запись",
        )
    context = ssl.create_default_context() if server.tls else None
    client = _Client(server.host, server.port, timeout=timing.connect, ssl_context=context)
    connection = Connection(client, server, alive, timing)
    try:
        with _explained(server):
            await connection._step(client.wait_hello_from_server(), timing.connect)  # noqa: SLF001 - the first of its steps
        connection.certified_until = certified_until(client.protocol.transport)
        await connection.log_in(config)
        yield connection
    finally:
        await connection.close()


@contextlib.contextmanager
def _explained(server: Imap) -> Iterator[None]:
    """What goes wrong before the first word, as far as a person can mend it."""
    place = f"{server.host}:{server.port}"
    try:
        yield
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise Misconfigured(
                f"the certificate of {place} is not valid ({cause.verify_message}); write the host that it is made for, or add "
                "its authority to this machine's trusted ones",
                f"сертификат {place} недействителен ({cause.verify_message}); запишите имя сервера, на которое он выдан, или "
                "добавьте его удостоверяющий центр в доверенные",
            ) from cause
        if isinstance(cause, ssl.SSLError) and cause.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            raise Misconfigured(
                f"{place} speaks no TLS from the first byte; check port and tls",
                f"{place} не говорит по TLS с первого байта; проверьте port и tls",
            ) from cause
        if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            raise Unavailable(f"{place} cannot be reached ({cause.strerror or type(cause).__name__})") from cause
        raise


def certified_until(transport: asyncio.BaseTransport | None) -> datetime | None:
    """When the certificate of the other side ends; None without TLS."""
    secured = None if transport is None else transport.get_extra_info("ssl_object")
    ends = None if secured is None else secured.getpeercert().get("notAfter")
    return None if ends is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def access_token(config: Config) -> str | None:
    """The token that logs in to this mailbox, None where a password does. Raises Misconfigured."""
    if config.token is not None:
        return config.token.get_secret_value()
    if config.token_file is None:
        return None
    return read_token(config.token_file)


def read_token(file: Path) -> str:
    """What the file holds now. Raises Misconfigured."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise Misconfigured(
            f"the token's file {file} cannot be read; let whoever renews the token write it there",
            f"файл токена {file} не читается; пусть его запишет тот, кто обновляет токен",
        ) from error


def _words(lines: Sequence[bytes | bytearray]) -> str:
    """What a server says of a refusal, its last line."""
    said = bytes(lines[-1]).decode("utf-8", "replace") if lines else ""
    return storable(said).strip()[:_LONGEST_REASON] or "it does not say why"


def _listed(line: bytes) -> Listed | None:
    uid, size, received = _UID.search(line), _SIZE.search(line), _DATE.search(line)
    if uid is None or size is None:
        return None
    return Listed(int(uid[1]), int(size[1]), received[1].decode("ascii", "replace").strip() if received else "")


def _literals(lines: Sequence[bytes | bytearray]) -> Iterator[tuple[int | None, bytes]]:
    """Contents with the number of their mail, which stands before or behind them; flags of other mails may come between."""
    for place, line in enumerate(lines):
        if isinstance(line, bytearray):
            around = [
                bytes(lines[place - 1]) if place else b"",
                *(bytes(other) for other in lines[place + 1 : place + 2]),
            ]
            found = next(filter(None, map(_UID.search, around)), None)
            yield (int(found[1]) if found else None), bytes(line)
        elif _FETCHED.match(line) and (quoted := _QUOTED.search(line)):
            number = _UID.search(line)
            yield (int(number[1]) if number else None), re.sub(rb"\\(.)", rb"\1", quoted[1])
