"""The daemon killed at every named crash point and at random, while clients post and repeat what got no answer.

Afterwards the store is compared with what the clients know: each 202 is there once, and each person is one contact with one lead.
"""

import asyncio
import contextlib
import itertools
import os
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest
import sqlalchemy as sa

from kernel.seams import POINTS
from storage import rotation
from storage.schema import contacts, interactions, journal, leads, outbox
from storage.store import Store
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, until
from tests.smtp import MailServer

PEOPLE: Final = 60
CLIENTS: Final = 6
SPELLINGS: Final = ("+7912{:07d}", "8912{:07d}", "7912{:07d}", "8 (912) {:07d}")
SEED: Final = "PRIYOM_TEST_SEED"


@dataclass
class Crowd:
    """Clients that post while the way is free, each contact under a key of its own until it has a 202."""

    chance: random.Random
    session: Client
    lives: int = 0
    wanted: bool = True
    free: bool = True
    answers: int = 0
    people: set[int] = field(default_factory=set)
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    strange: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def post(self) -> None:
        """One client's work."""
        while await self._asked():
            number = next(self.numbers)
            person = self.chance.randrange(PEOPLE)
            spelling = self.chance.choice(SPELLINGS).format(person)
            self.people.add(person)
            form = {"name": f"Клиент {person}", "phone": spelling, "message": f"обращение {number}"}
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                self.ids[f"k{number}"].add(await self._accepted(f"k{number}", form))

    async def _asked(self) -> bool:
        async with self.changed:
            await self.changed.wait_for(lambda: self.free or not self.wanted)
        return self.wanted

    async def _accepted(self, key: str, form: dict[str, str]) -> str:
        while True:
            life = self.lives
            try:
                answer = await self.session.send(key=key, **form)
            except aiohttp.ClientError:
                async with self.changed:
                    await self.changed.wait_for(lambda life=life: self.lives > life)  # type: ignore[misc] # a bound default
                continue
            async with self.changed:
                self.answers += 1
                self.changed.notify_all()
            if answer.status == 202:
                return str(answer.json["id"])
            if answer.status != 503:
                self.strange.append(f"{answer.status} {answer.body!r}")

    async def now(self, *, free: bool = True, wanted: bool = True, born: bool = False) -> None:
        """Let new contacts come or hold them back, or end it all; `born`: there is a daemon again."""
        async with self.changed:
            self.free, self.wanted = free, wanted
            self.lives += born
            self.changed.notify_all()

    async def answered(self, more: int) -> None:
        """Return when this many more answers have come."""
        async with self.changed:
            goal = self.answers + more
            await self.changed.wait_for(lambda: self.answers >= goal)


@contextlib.asynccontextmanager
async def crowd(client: Client, chance: random.Random) -> AsyncIterator[Crowd]:
    """A crowd at work; at the end of the block each of it brings its last contact home."""
    made = Crowd(chance, client)
    workers = [asyncio.create_task(made.post()) for _ in range(CLIENTS)]
    try:
        yield made
        await made.now(wanted=False)
        await asyncio.wait_for(asyncio.gather(*workers), 30)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


@pytest.fixture
def chance() -> random.Random:
    """Shown where a test fails; the same number in the environment repeats its choices."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    print(f"{SEED}={seed}")
    return random.Random(seed)


@pytest.fixture
def daemon(make: Make, mails: MailServer) -> Daemon:
    smtp = {"host": "127.0.0.1", "port": mails.port, "tls": False}
    return make(notices={"email": {"smtp": smtp, "from": "leads@example.com"}})


async def test_killed_at_every_crash_point_nothing_is_lost_and_nothing_is_doubled(
    daemon: Daemon, mails: MailServer, chance: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon.client() as client, crowd(client, chance) as posting:
        for point in POINTS:
            await asyncio.to_thread(daemon.start)
            await posting.now(free=False, born=True)
            await recovered(client)
            dying = asyncio.create_task(asyncio.to_thread(daemon.ended))
            with contextlib.suppress(aiohttp.ClientError):
                await client.ask("POST", "/test/crash", json={"at": f"{point}:{chance.randint(1, 3)}"})
                await posting.now(free=True)
                # Deadlines and people wake the ticker, whose points nothing else reaches.
                for available in (False, True) * 3:
                    await client.set_available("anna", available=available)
            assert await dying == -9, f"{point} killed nobody"
        await asyncio.to_thread(daemon.start)
        await posting.now(born=True)
        await posting.answered(CLIENTS)
    await report(daemon, posting, mails, capsys, len(POINTS))


@pytest.mark.alone("counts what one process does")
async def test_killed_at_its_start_it_starts_the_next_time(daemon: Daemon) -> None:
    daemon.start(crash_at="distribute.before_commit")
    assert daemon.ended() == -9
    daemon.start(crash_at="accept.after_commit:2")
    async with daemon.client() as client:
        await client.accepted(key="one", phone="+79120000001")
        with pytest.raises(aiohttp.ClientError):
            pytest.fail(f"it answered {(await client.send(key='two', phone='+79120000002')).status}")
        assert daemon.ended() == -9
        daemon.start()
        assert (await client.send(key="two", phone="+79120000002")).json["duplicate"] is True
        assert (await client.send(key="one", phone="+79120000001")).json["duplicate"] is True
        await client.settled()
        assert len(await client.listed("/api/leads")) == 2


async def test_killed_at_random_nothing_is_lost_and_nothing_is_doubled(
    daemon: Daemon,
    mails: MailServer,
    chance: random.Random,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    kills = pytestconfig.getoption("--kills")
    loop = asyncio.get_running_loop()
    async with daemon.client() as client, crowd(client, chance) as posting:
        for _ in range(kills):
            await asyncio.to_thread(daemon.start)
            await posting.now(born=True)
            await posting.answered(chance.randint(1, 60))
            killed = loop.create_future()
            loop.call_later(chance.uniform(0, 0.05), killed.set_result, None)
            await killed
            await asyncio.to_thread(daemon.strike, chance)
        await asyncio.to_thread(daemon.start)
        await posting.now(born=True)
    await report(daemon, posting, mails, capsys, kills)


async def recovered(client: Client) -> None:
    """Return when all that was pending is decided: three deaths of a process are rightly laid to the envelope it had in hand."""
    pending = {item["id"] for item in await client.listed("/api/envelopes", outcome="pending")}

    async def decided() -> bool:
        return pending.isdisjoint(item["id"] for item in await client.listed("/api/envelopes", outcome="pending"))

    await until(decided)


async def report(
    daemon: Daemon, posting: Crowd, mails: MailServer, capsys: pytest.CaptureFixture[str], kills: int
) -> None:
    """Compare the store with the clients' truth, say the result in a line, and fail where anything is broken."""
    broken = [*posting.strange, *await settle(daemon, mails)]
    store = Store(daemon.store_url)
    try:
        broken += store.peek(lambda db: list(compare(db, posting)))
        leads_told = store.peek(lambda db: list(db.execute(sa.select(leads.c.uid)).scalars()))
    finally:
        store.close()
    mailed = "\n".join(mail.message.get_content() for mail in mails.mails)
    broken += [f"nobody was told of lead {uid}" for uid in leads_told if uid not in mailed]
    with capsys.disabled():
        print(f"\nkills {kills} contacts {len(posting.ids)} broken {len(broken)}")
    assert not broken, "\n".join(broken[:40])


async def settle(daemon: Daemon, mails: MailServer) -> list[str]:
    """Bring everything home: nothing pending, everybody available, every notice sent; then stop. What the ledger has against it."""
    async with daemon.client() as client:
        await client.settled()
        # Kills at random may well have met one envelope three times.
        died = [item["id"] for item in await client.listed("/api/envelopes", outcome="failed", reason="died")]
        if died:
            await client.ask("POST", "/api/replay", json={"ids": died})
            await client.settled()
        for manager in ("anna", "boris"):
            await client.set_available(manager, available=True)

        async def all_sent() -> bool:
            return not (await client.get("/api/notices"))["items"]

        await until(all_sent)
        ledger = await client.get("/api/ledger")
    assert await asyncio.to_thread(daemon.stop) == 0
    broken = [] if ledger["balanced"] else [f"the ledger does not balance: {ledger}"]
    done = sum(item["created"] + item["attached"] for item in ledger["items"])
    received = sum(item["received"] for item in ledger["items"])
    return broken if done == received else [*broken, f"{received - done} envelopes have another outcome: {ledger}"]


def compare(db: sa.Connection, posting: Crowd) -> Iterator[str]:
    """What differs between the store and what the clients were told."""
    yield from (f"{key} has several ids: {ids}" for key, ids in posting.ids.items() if len(ids) != 1)
    told = sorted(uid for ids in posting.ids.values() for uid in ids)
    stored = sorted(db.execute(sa.select(journal.c.uid)).scalars())
    yield from (f"lost: {uid}" for uid in set(told) - set(stored))
    yield from (f"stored and never accepted: {uid}" for uid in set(stored) - set(told))
    if len(stored) != len(told):
        yield f"{len(stored)} envelopes are stored, {len(told)} were accepted"
    for table, real in ((contacts, len(posting.people)), (leads, len(posting.people)), (interactions, len(told))):
        there = db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if there != real:
            yield f"{there} {table.name}, in truth {real}"
    yield from opened(db)
    yield from (f"counters of managers drift: {name} {pair}" for name, pair in rotation.recount(db).items())
    unowned = db.execute(sa.select(leads.c.uid).where(leads.c.owner_id.is_(None))).scalars()
    yield from (f"lead {uid} has no owner" for uid in unowned)
    yield from (f"lead {lead} has no notice" for lead in _without_notice(db))


def opened(db: sa.Connection) -> Iterator[str]:
    """Leads whose opening interaction is not exactly one of their own; interactions that no or several envelopes explain."""
    by_lead: dict[int, list[Any]] = defaultdict(list)
    for row in db.execute(sa.select(interactions.c.id, interactions.c.lead_id, interactions.c.title)):
        by_lead[row.lead_id].append(row)
    for lead in db.execute(sa.select(leads.c.id, leads.c.uid, leads.c.opened_by)):
        opening = [row.id for row in by_lead.pop(lead.id, []) if row.title is not None]
        if opening != [lead.opened_by]:
            yield f"lead {lead.uid} is opened by {lead.opened_by}, its opening interactions are {opening}"
    yield from (f"interactions of lead {lead}, which is not there" for lead in by_lead)
    created: dict[int, int] = defaultdict(int)
    for lead_id in db.execute(sa.select(journal.c.lead_id).where(journal.c.outcome == "created")).scalars():
        created[lead_id] += 1
    yield from (f"lead {lead} was created {times} times" for lead, times in created.items() if times != 1)
    several = (
        sa.select(journal.c.interaction_id, sa.func.count())
        .group_by(journal.c.interaction_id)
        .having(sa.func.count() != 1)
    )
    yield from (f"interaction {one} belongs to {times} envelopes" for one, times in db.execute(several))


def _without_notice(db: sa.Connection) -> list[str]:
    assigned = sa.select(outbox.c.lead_id).where(outbox.c.code == "lead_assigned")
    return list(db.execute(sa.select(leads.c.uid).where(leads.c.id.not_in(assigned))).scalars())
