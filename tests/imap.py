"""IMAP servers for tests: pymap from its wheel, Dovecot where it is installed, a relay that breaks the line, and a played one.

All of them listen on loopback. A `Box` is one mailbox of a real server, with what other programs do in it.
"""

import asyncio
import contextlib
import getpass
import grp
import imaplib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import pytest

from channels.mail.folders import encoded
from tests.smtp import Certificate

USER: Final = "info@example.net"
PASSWORD: Final = "secret-of-the-box"
WITHIN: Final = 20.0
_DOVECOT: Final = "/usr/sbin/dovecot"


def letter(
    number: int = 1, *, sender: str = "Иван <ivan@example.com>", body: str = "Нужен цемент", **headers: str
) -> bytes:
    """A plain mail; every number is another one."""
    lines = {
        "From": sender,
        "To": USER,
        "Subject": f"Заявка {number}",
        "Message-ID": f"<{number}@example.com>",
        "Content-Type": "text/plain; charset=utf-8",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return ("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + f"\r\n{body} {number}\r\n").encode()


@dataclass
class Box:
    """A folder of a user on a real server."""

    port: int
    user: str
    folder: str
    clients: dict[str, imaplib.IMAP4] = field(default_factory=dict)

    @contextlib.contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        """Another program at the same mailbox; it stays logged in, since hashing a password takes servers their time."""
        if self.user not in self.clients:
            client = self.clients[self.user] = imaplib.IMAP4("127.0.0.1", self.port, timeout=WITHIN)
            _done(client.login(self.user, PASSWORD))
        client = self.clients[self.user]
        yield client
        if client.state == "SELECTED":
            # Not every server has UNSELECT, and CLOSE would expunge.
            self.clients.pop(self.user).logout()

    def create(self, folder: str | None = None) -> None:
        """Make the folder."""
        with self.client() as client:
            _done(client.create(encoded(folder or self.folder)))

    def delete(self, folder: str | None = None) -> None:
        """Remove the folder with all that is in it."""
        with self.client() as client:
            _done(client.delete(encoded(folder or self.folder)))

    def append(self, *mails: bytes, folder: str | None = None, at: float | None = None) -> None:
        """Put mails into the folder, received now or at a moment in seconds since 1970."""
        with self.client() as client:
            for mail in mails:
                when = imaplib.Time2Internaldate(at if at is not None else time.time())
                _done(client.append(encoded(folder or self.folder), "", when, mail))

    def move(self, uid: int, to: str) -> None:
        """Move a mail to another folder, as somebody does in his mail program."""
        with self.client() as client:
            _done(client.select(encoded(self.folder)))
            _done(client.uid("MOVE", str(uid), encoded(to)))

    def flags(self) -> list[bytes]:
        """The flags of all mails."""
        with self.client() as client:
            _done(client.select(encoded(self.folder), readonly=True))
            answer = client.fetch("1:*", "(FLAGS)")[1]
            return [line for line in answer if isinstance(line, bytes)]


def _done(answer: tuple[str, Any]) -> None:
    assert answer[0] == "OK", answer


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            if probe.recv(4).startswith(b"* OK"):
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    raise AssertionError("the server does not start")


class Server:
    """A real server. `box` gives every test a mailbox of its own."""

    name = "none"

    def __init__(self, port: int) -> None:
        self.port = port
        self.number = 0
        self.clients: dict[str, imaplib.IMAP4] = {}

    def close(self) -> None:
        """Part with the server."""
        for client in self.clients.values():
            client.shutdown()

    def box(self) -> Box:
        """An empty mailbox."""
        raise NotImplementedError


class Pymap(Server):
    """The server pymap, which keeps everything in memory and has one user: each test has a folder."""

    name = "pymap"

    def __init__(self, port: int, user: str = USER) -> None:
        super().__init__(port)
        self.user = user

    def box(self) -> Box:
        """An empty folder."""
        self.number += 1
        made = Box(self.port, self.user, f"Box{self.number}", self.clients)
        made.create()
        return made


class Dovecot(Server):
    """Dovecot, which knows any user: each test has one, and uses his INBOX or another folder of his."""

    name = "dovecot"

    def __init__(self, port: int, tls_port: int) -> None:
        super().__init__(port)
        self.tls_port = tls_port

    def box(self) -> Box:
        """An empty folder of a new user."""
        self.number += 1
        made = Box(self.port, f"box{self.number}@example.net", "Box", self.clients)
        made.create()
        return made


@contextlib.contextmanager
def pymap(user: str = USER) -> Iterator[Pymap]:
    """The server pymap as a process."""
    port = free_port()
    program = Path(sys.executable).parent / "pymap"
    if not program.exists():
        pytest.skip("NO IMAP WAS TESTED: pymap is not installed")
    command = [str(program), "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict"]
    process = subprocess.Popen(
        [*command, "--demo-user", user, "--demo-password", PASSWORD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        with contextlib.closing(Pymap(port, user)) as server:
            yield server
    finally:
        process.kill()
        process.wait(WITHIN)


_CONF: Final = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
instance_name = priyomtest
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}/cert.pem
ssl_key = <{base}/key.pem
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 50
first_valid_uid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={base}/home/%u
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
"""


@contextlib.contextmanager
def dovecot(certificate: Certificate) -> Iterator[Dovecot]:
    """Dovecot as a process without rights; the test is skipped, loudly, where it is not installed."""
    if not Path(_DOVECOT).exists():
        pytest.skip("NO DOVECOT WAS TESTED: apt-get install dovecot-imapd")
    as_root = os.getuid() == 0
    user = "nobody" if as_root else getpass.getuser()
    group = "nogroup" if as_root else grp.getgrgid(os.getgid()).gr_name
    # The path must be short: unix sockets lie in it.
    base = Path(tempfile.mkdtemp(prefix="dov", dir="/tmp"))
    ports = free_port(), free_port()
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificate.file.with_name(name), base / name)
    (base / "home").mkdir()
    conf = base / "dovecot.conf"
    values = {"base": base, "user": user, "group": group, "password": PASSWORD, "port": ports[0], "tls_port": ports[1]}
    conf.write_text(_CONF.format(**values))
    base.chmod(0o700)
    command = [_DOVECOT, "-F", "-c", str(conf)]
    if as_root:
        subprocess.run(["chown", "-R", f"{user}:{group}", str(base)], check=True)
        command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(ports[0], process)
        with contextlib.closing(Dovecot(*ports)) as server:
            yield server
    finally:
        process.terminate()
        process.wait(WITHIN)
        shutil.rmtree(base, ignore_errors=True)


class Relay:
    """A line to a server that can be cut, or go dead without a word. `answered` is what the server said."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hushed = False
        self.connections = 0
        self.before: dict[bytes, Callable[[], None]] = {}
        """What is done, once, before words of the client go on."""
        self.answered = bytearray()
        self._more = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heard(self, words: bytes) -> None:
        """Until the server has said this."""
        async with asyncio.timeout(WITHIN), self._more:
            await self._more.wait_for(lambda: words in self.answered)

    def drop(self) -> None:
        """Cut all lines."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def hush(self) -> None:
        """From now on, nothing comes through on the lines that there are; new ones work."""
        self._hushed = True

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._hushed = False
        there, beyond = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, beyond}
        for source, sink, kept in ((reader, beyond, None), (there, writer, self.answered)):
            task = asyncio.create_task(self._pass_on(source, sink, kept))
            self._tasks.add(task)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if kept is not None:
                    kept += data
                    async with self._more:
                        self._more.notify_all()
                for words in [one for one in self.before if kept is None and one in data]:
                    await asyncio.to_thread(self.before.pop(words))
                if not self._hushed:
                    sink.write(data)
                    await sink.drain()
        sink.close()


Said = Callable[[str, str], bytes | None]


@dataclass
class Played:
    """A server that says, byte for byte, what a test gives it. `say` answers a command (name, rest); None: never.

    In an answer, `TAG` stands for the command's tag.
    """

    say: Said
    greeting: bytes = b"* OK ready\r\n"
    commands: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._speak(reader, writer)))

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.greeting)
            if b"BYE" in self.greeting:
                return
            while line := (await reader.readline()).decode().strip():
                tag, _, rest = line.partition(" ")
                name, _, arguments = rest.partition(" ")
                if name.upper() == "UID":
                    name, _, arguments = arguments.partition(" ")
                self.commands.append(f"{name.upper()} {arguments}".strip())
                answer = self.say(name.upper(), arguments)
                if answer is None:
                    continue
                writer.write(answer.replace(b"TAG", tag.encode()))
                if b"* BYE" in answer:
                    return
                await writer.drain()
        finally:
            writer.close()


def plain(name: str, arguments: str) -> bytes:
    """What an everyday server without IDLE answers, whose one folder is empty."""
    answers = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
        "SELECT": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n",
        "SEARCH": b"* SEARCH\r\n",
    }
    return answers.get(name, b"") + b"TAG OK done\r\n"
