"""Everything of one trial in one place: the daemons, the servers round them, the crowd; and what the kit does with them."""

import asyncio
import contextlib
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from re import findall
from typing import Final

import aiohttp
import sqlalchemy as sa

from prove import found
from prove.company import Places
from prove.crowd import Crowd
from prove.fleet import Fleet
from prove.found import Mailed
from prove.lines import Line
from prove.promises import Verdicts
from prove.truth import Nature
from storage.store import Store
from tests import imap, valkey
from tests.imap import Box
from tests.postgres import Cluster, Missing
from tests.smtp import MailServer
from tests.telegram import Telegram
from tests.valkey import Valkey

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
# What is lost with the machine is no loss here; what is lost with the process is, so commits are not asynchronous.
SETTINGS: Final = (
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
    "max_parallel_workers_per_gather=0",
    "io_method=sync",
)
LOOKS: Final = 40
"""So many answers, one after the other, may show a channel as listening to which nobody speaks; then that is hidden."""
LOOK_EVERY: Final = 0.2
LOOKED_FOR: Final = 30.0
"""Seconds for it; what has not shown itself by then was no trial."""
RESETS: Final = 1000
LETTERS: Final = 100
ROLES: Final = {"sqlite": [""], "postgresql": ["receive,desk", "receive,desk", "listen,work", "listen,work"]}
PACE: Final = {"sqlite": 0.012, "postgresql": 0.015}


@dataclass
class Site:
    """One trial's parts. `store` looks into the database past the daemon."""

    chance: random.Random
    fleet: Fleet
    crowd: Crowd
    store: Store
    bot: Telegram
    mails: MailServer
    verdicts: Verdicts
    box: Box | None = None
    mail_line: Line | None = None
    cluster: Cluster | None = None
    store_line: Line | None = None
    valkey: Valkey | None = None
    cluster_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    points: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    poisoned: int = 0

    async def set_available(self, name: str, *, available: bool) -> bool:
        """The switch of a manager; whether it was taken."""
        path = f"/api/managers/{name}/availability"
        for _ in range(50):
            if await self.fleet.ask(self.fleet.desk(), "PUT", path, {"available": available}) is not None:
                return True
            await asyncio.sleep(0.1)
        return False

    async def close_leads(self, number: int) -> int:
        """Bring so many of the service's leads to an end; how many it were."""
        daemon = self.fleet.desk()
        shown = await self.fleet.ask(daemon, "GET", f"/api/leads?team=service&state=assigned&limit={number}")
        closed = 0
        for lead in (shown or {}).get("items", ()):
            body = {"reason": "дорого"}
            closed += await self.fleet.ask(daemon, "POST", f"/api/leads/{lead['id']}/lose", body) is not None
        return closed

    def set_read_only(self, *, read_only: bool) -> None:
        """As providers of PostgreSQL do when its disk is full."""
        assert self.cluster is not None
        engine = sa.create_engine(
            f"postgresql+psycopg://postgres@127.0.0.1:{self.cluster.port}/postgres",
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
            connect_args={"connect_timeout": 2},
        )
        with engine.connect() as db:
            db.execute(sa.text(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if read_only else 'off'}"))
            db.execute(sa.text("SELECT pg_reload_conf()"))

    def renumber(self) -> None:
        """Make the folder anew. The oldest mails have been put elsewhere, as far as they are in the journal."""
        assert self.box is not None
        known = self.store.peek(found.tokens)
        for token in list(self.crowd.letters)[:-LETTERS]:
            if token in known:
                del self.crowd.letters[token]
        self.box.delete()
        self.box.create()
        self.box.append(*self.crowd.letters.values())

    async def silence(self) -> None:
        """Telegram hangs up on every call; before long the daemon that polls says so, if it lives through all of it.

        What is held against it are its own answers, to questions that were put after it had been hung up on: the time of a
        daemon that stands still, or of a machine that has too much to do, is not its own.
        """
        async with self.fleet.alone():
            lives = [daemon.life for daemon in self.fleet.daemons]
            calls = self.bot.faults["getUpdates"]
            calls.extend(["reset"] * RESETS)
            try:
                shown = await self._shown_while_silent(lambda: len(calls) < RESETS)
            finally:
                calls.clear()
            if shown and lives == [daemon.life for daemon in self.fleet.daemons]:
                hidden = f"Telegram hung up on every call, and {LOOKS} times the channel was shown as listening"
                self.verdicts[10].hold(shown != "listening", hidden)

    async def _shown_while_silent(self, refused: Callable[[], bool]) -> str:
        """How the bot is shown once it was refused: as listening only by as many answers as count; empty: nothing is known."""
        until = asyncio.get_running_loop().time() + LOOKED_FOR
        looks = 0
        while looks < LOOKS and asyncio.get_running_loop().time() < until:
            await self.bot.end_polls()
            await asyncio.sleep(LOOK_EVERY)
            was_refused = refused()
            said = await self.fleet.ask(self.fleet.desk(), "GET", "/api/channels")
            shown = next((one["state"] for one in (said or {}).get("items", ()) if one["name"] == "bot"), "")
            if shown not in {"", "listening", "starting"}:
                return str(shown) if refused() else ""
            looks += was_refused and shown == "listening"
        return "listening" if looks == LOOKS else ""

    def mailed(self) -> list[Mailed]:
        """All notices that the played mail server took."""
        return [_mailed(mail.message) for mail in self.mails.mails]


def _mailed(message: EmailMessage) -> Mailed:
    uid = findall(UUID, str(message["Message-ID"]))
    leads = findall(UUID, str(message.get_content()))
    return Mailed(uid[0] if uid else str(message["Message-ID"]), str(message["To"]), frozenset(leads))


@contextlib.asynccontextmanager
async def opened(
    folder: Path, kind: str, seed: int, sabotage: str, verdicts: Verdicts, natures: Mapping[Nature, int]
) -> AsyncIterator[Site]:
    """Servers and clients of a trial, nothing started yet but the servers; `natures`: who comes. Raises Missing."""
    chance = random.Random(f"{seed} {kind}")
    async with contextlib.AsyncExitStack() as stack:
        mails = stack.enter_context(MailServer())
        bot = await stack.enter_async_context(Telegram())
        mailbox = _mailbox(stack)
        mail_line = await stack.enter_async_context(Line(mailbox.port)) if mailbox is not None else None
        cluster, url, direct, store_line = await _store(stack, folder, kind)
        redis = None if cluster is None else stack.enter_context(valkey.running())
        place = None
        if mailbox is not None and mail_line is not None:
            place = (mail_line.port, mailbox.user, mailbox.folder)
        places = Places(url, mails.port, bot.url, place, "" if redis is None else redis.url)
        fleet = Fleet(folder, places, ROLES[kind], sabotage, chance)
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, trust_env=False))
        crowd = Crowd(chance, session, fleet.address, bot, mailbox, PACE[kind], natures)
        store = stack.enter_context(contextlib.closing(Store(direct)))
        yield Site(chance, fleet, crowd, store, bot, mails, verdicts, mailbox, mail_line, cluster, store_line, redis)


def _mailbox(stack: contextlib.AsyncExitStack) -> Box | None:
    """A mailbox at pymap; None where that is not installed."""
    if not (Path(sys.executable).parent / "pymap").exists():
        return None
    return stack.enter_context(imap.pymap()).box()


async def _store(
    stack: contextlib.AsyncExitStack, folder: Path, kind: str
) -> tuple[Cluster | None, str, str, Line | None]:
    """A new store: its server, its address for the daemons and past all lines, and the line."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'priyom.db'}"
        return None, url, url, None
    cluster = stack.enter_context(contextlib.closing(Cluster(SETTINGS)))
    cluster.initialise()
    direct = (await asyncio.to_thread(cluster.start)).create("prove")
    line = await stack.enter_async_context(Line(cluster.port))
    return cluster, direct.replace(f":{cluster.port}/", f":{line.port}/"), direct, line


__all__ = ["Missing", "Site", "opened"]
