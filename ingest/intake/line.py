"""The wire between the daemon and the process before it: messages in order over a pair of Unix sockets, connections among them.

A message is its length and what `marshal` makes of it: both ends are this program in this version, run by one user, and nobody
else has either end. A connection's descriptor travels with the first byte of its message (SCM_RIGHTS), so both arrive in order.
"""

import asyncio
import contextlib
import marshal
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from channels.message import Envelope
from kernel.clock import instant, micros

POSSIBLE: Final = hasattr(socket, "CMSG_LEN") and hasattr(socket, "AF_UNIX")
"""Whether this system can pass connections between processes."""

_PIECE: Final = 64 * 1024
_MOST_AT_ONCE: Final = 16
_HEAD: Final = 5
"""Four bytes of length, and one that says whether a connection comes along."""

Packed = tuple[str, str | None, bytes, int, dict[str, str], bytes, int | None, int]
"""An envelope as a message can hold it."""

Hear = Callable[[tuple[Any, ...], socket.socket | None], None]


class Line:
    """One end. `hear` is given each message with its connection; `gone` is called once, when the other end is."""

    def __init__(self, ours: socket.socket, hear: Hear, gone: Callable[[], None]) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._hear = hear
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._connections: deque[int] = deque()
        self._unsent: deque[tuple[bytes, int | None]] = deque()
        self._closing = False
        self._loop.add_reader(ours, self._read)

    @property
    def clogged(self) -> bool:
        """Whether the other end has not read what was said before."""
        return bool(self._unsent)

    def say(self, *message: Any, connection: int | None = None) -> None:
        """Send what `marshal` knows, and a connection's descriptor, which stays the caller's. Raises ValueError for others."""
        if self._socket.fileno() < 0:
            return
        told = marshal.dumps(message)
        frame = len(told).to_bytes(4, "little") + (b"\0" if connection is None else b"\1") + told
        if not self._unsent:
            frame = frame[self._write(frame, connection) :]
            if not frame:
                return
            # A part of it took the connection along.
            connection = connection if len(frame) == _HEAD + len(told) else None
            self._loop.add_writer(self._socket, self._go_on)
        self._unsent.append((frame, None if connection is None else os.dup(connection)))

    def close(self) -> None:
        """Hang up, once all that was said is sent."""
        self._closing = True
        if not self._unsent:
            self._hang_up()

    def _write(self, frame: bytes, connection: int | None) -> int:
        """How much of it went out."""
        try:
            if connection is None:
                return self._socket.send(frame)
            return socket.send_fds(self._socket, [frame], [connection])
        except BlockingIOError:
            return 0
        except OSError:
            # The other end is gone, or must be: what was lost on the way is missed there. `_read` will see it.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            return len(frame)

    def _go_on(self) -> None:
        while self._unsent:
            frame, connection = self._unsent[0]
            sent = self._write(frame, connection)
            if sent and connection is not None:
                os.close(connection)
                connection = None
            if sent < len(frame):
                self._unsent[0] = (frame[sent:], connection)
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._socket)
        if self._closing:
            self._hang_up()

    def _read(self) -> None:
        try:
            data, connections, flags, _ = socket.recv_fds(self._socket, _PIECE, _MOST_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data, connections, flags = b"", [], 0
        self._connections.extend(connections)
        # Where this process may open no more files, a connection is left out, and every later one would be taken for another.
        if not data or flags & socket.MSG_CTRUNC:
            self._hang_up()
            return
        self._received += data
        self._deliver()

    def _deliver(self) -> None:
        begin = 0
        received = self._received
        try:
            while len(received) - begin >= _HEAD:
                body = begin + _HEAD
                end = body + int.from_bytes(received[begin : begin + 4], "little")
                if end > len(received):
                    break
                came_along = socket.socket(fileno=self._connections.popleft()) if received[body - 1] else None
                begin = end
                self._hear(marshal.loads(received[body:end]), came_along)  # noqa: S302 - this program said it
        finally:
            # Whatever comes of a message: none is heard twice, and those behind it are heard with the next piece.
            del received[:begin]

    def _hang_up(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        while self._connections:
            os.close(self._connections.popleft())
        for _, unsent in self._unsent:
            if unsent is not None:
                os.close(unsent)
        self._unsent.clear()
        self._gone()


def packed(envelope: Envelope) -> Packed:
    """What `unpacked` makes the same envelope of."""
    occurred = None if envelope.occurred_at is None else micros(envelope.occurred_at)
    return (
        envelope.channel,
        envelope.identity,
        envelope.body,
        micros(envelope.received_at),
        dict(envelope.meta),
        envelope.digest,
        occurred,
        envelope.format,
    )


def unpacked(told: Packed) -> Envelope:
    """The envelope, its times in UTC."""
    channel, identity, body, received_at, meta, digest, occurred_at, form = told
    occurred = None if occurred_at is None else instant(occurred_at)
    return Envelope(channel, identity, body, instant(received_at), meta, digest, occurred, form)
