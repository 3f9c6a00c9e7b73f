"""One folder, read to its end and then watched: what is new since the position that is committed.

A mail's number (UID) means something only under the folder's UIDVALIDITY, which is the era of the position. Numbers only grow,
so "above the position" is all that is new, after an outage of any length. Under a new UIDVALIDITY every mail has a new number:
the folder is read from its start again, and what was taken before is known by what it says, since a mail is named by the digest
of its bytes. What was older than the first connection stays untouched then: beside the position, a second one keeps how new the
newest mail was when the folder was first seen, and up to which number the present era found mails there.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from channels.adapter import Port, Unavailable
from channels.mail.connection import LARGEST_PAGE, Connection, Folder, Listed, Refused
from channels.message import Envelope, Position, digest

BEGINNING: Final = 256 * 1024
"""So many bytes are taken of a mail that is too large: its headers, and what it says before its files."""
TRIES: Final = 3
_PAGE_BYTES: Final = 4 * 1024**2
_PAGE: Final = 50
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Start = Literal["now", "all"] | date


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a folder is read. Of the mails up to `found`, which the era began with, only those newer than `since` count."""

    at: Position
    since: int
    found: int


class Reader:
    """Reads one folder of a channel. `tries` counts, over all connections, how often a mail could not be fetched."""

    def __init__(self, channel: str, folder: str, start: Start, max_size: int) -> None:
        self._channel = channel
        self._folder = folder
        self._start = start
        self._max_size = max_size
        self._tries: Counter[tuple[str, int]] = Counter()
        self.caught_up = asyncio.Event()

    async def run(self, connection: Connection, port: Port) -> None:
        """Read and watch until cancelled. Raises Unavailable or Misconfigured."""
        self.caught_up.clear()
        reach = await self._reach(await connection.open_folder(self._folder), connection, port)
        while True:
            before = reach
            while uids := await connection.uids_after(reach.at.position):
                for page in _pages(uids):
                    reach = await self._take(page, reach, connection, port)
            self.caught_up.set()
            await connection.wait(soon=reach is not before)

    async def _reach(self, folder: Folder, connection: Connection, port: Port) -> _Reach:
        """Where to go on; what is there for the first time, or under new numbers, begins an era."""
        first_name = f"first connection: {self._folder}"
        era = str(folder.validity)
        at, first = await port.position(self._folder), await port.position(first_name)
        if at is None:
            since = 0 if self._start == "all" else await self._newest(folder, connection)
            at = Position(self._folder, era, await self._beginning(folder, connection))
            await port.open_era(Position(first_name, f"{era} 0", since))
            await port.open_era(at)
            return _Reach(at, since, 0)
        since = 0 if first is None else first.position
        if at.era != era:
            at = Position(self._folder, era, 0)
            await port.open_era(Position(first_name, f"{era} {folder.next_uid - 1}", since))
            await port.open_era(at)
            return _Reach(at, since, folder.next_uid - 1)
        return _Reach(at, since, 0 if first is None else int(first.era.partition(" ")[2]))

    async def _beginning(self, folder: Folder, connection: Connection) -> int:
        """The position from which a first connection reads."""
        last = folder.next_uid - 1
        if self._start == "all":
            return 0
        if isinstance(self._start, date):
            day = f"{self._start.day}-{_MONTHS[self._start.month - 1]}-{self._start.year}"
            return min(await connection.uids_since(day), default=last + 1) - 1
        return last

    async def _newest(self, folder: Folder, connection: Connection) -> int:
        """When the newest of the last mails was received that a first connection passes over, in seconds since 1970.

        By the server's clock alone: ours may be wrong.
        """
        passed = await self._beginning(folder, connection)
        uids = [uid for uid in await connection.uids_after(0) if uid <= passed][-LARGEST_PAGE:]
        listed = await connection.listed(uids) if uids else []
        return max((_seconds(one.received) for one in listed), default=0)

    async def _take(self, uids: Sequence[int], reach: _Reach, connection: Connection, port: Port) -> _Reach:
        """Take a page of mails, in groups that are committed together with their position."""
        group: list[Envelope] = []
        size = 0
        for one in await connection.listed(uids):
            if one.uid > reach.found or _seconds(one.received) > reach.since:
                envelope = await self._envelope(one, reach.at.era, connection, port)
                if envelope is not None:
                    group.append(envelope)
                    size += len(envelope.body)
            if size >= _PAGE_BYTES or len(group) >= _PAGE:
                reach = await _committed(group, one.uid, reach, port)
                group, size = [], 0
        return await _committed(group, uids[-1], reach, port)

    async def _envelope(self, one: Listed, era: str, connection: Connection, port: Port) -> Envelope | None:
        """A mail, or as much of it as can be had; None where it is gone.

        One that the server cannot give three times is asked for its beginning, and after three more tries stands in the journal
        as what it is, so that it stops nobody behind it.
        """
        key = (era, one.uid)
        tried = self._tries[key]
        whole = one.size <= self._max_size and tried < TRIES
        if tried >= 2 * TRIES:
            return self._missing(one, era, port)
        self._tries[key] += 1
        try:
            body = await connection.body(one.uid, None if whole else BEGINNING)
        except Refused as error:
            raise Unavailable(f"the server does not give mail {one.uid} of {self._folder!r}: {error}") from error
        if body is None and await connection.present([one.uid]):
            raise Unavailable(f"the server gives nothing for mail {one.uid} of {self._folder!r}")
        del self._tries[key]
        if body is None:
            return None
        meta = self._meta(one)
        if len(body) < one.size and not whole:
            meta["cut"] = str(one.size)
        same = digest(body) if "cut" not in meta else digest(body, str(one.size).encode())
        return Envelope(self._channel, same.hex(), body, port.now(), meta, same, _moment(one.received))

    def _missing(self, one: Listed, era: str, port: Port) -> Envelope:
        """A mail that there is, and that the server cannot give."""
        identity = f"{self._folder}:{era}:{one.uid}"
        meta = self._meta(one) | {"missing": str(one.size)}
        return Envelope(
            self._channel, identity, b"", port.now(), meta, digest(identity.encode()), _moment(one.received)
        )

    def _meta(self, one: Listed) -> dict[str, str]:
        received = _moment(one.received)
        meta = {"folder": self._folder, "uid": str(one.uid)}
        return meta | ({"received": received.isoformat()} if received else {})


def _pages(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[start : start + LARGEST_PAGE] for start in range(0, len(uids), LARGEST_PAGE))


async def _committed(group: Sequence[Envelope], uid: int, reach: _Reach, port: Port) -> _Reach:
    """Commit mails and the position behind them in one transaction."""
    at = Position(reach.at.name, reach.at.era, uid)
    if group or uid > reach.at.position:
        await port.accept(group, at)
    return _Reach(at, reach.since, reach.found)


def _moment(received: str) -> datetime | None:
    """A date as IMAP writes it."""
    try:
        found = parsedate_to_datetime(received.replace("-", " ", 2))
    except (ValueError, TypeError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _seconds(received: str) -> int:
    moment = _moment(received)
    return 0 if moment is None else int(moment.timestamp())
