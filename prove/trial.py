"""One store's trial from beginning to end: contacts and faults for a while, then everything is brought home and judged."""

import asyncio
import contextlib
import json
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from prove import faults, found
from prove.company import SALES, SERVICE, VISITING
from prove.daemons import Daemon
from prove.promises import Verdict, Verdicts, judge, nobody_waits, over, poisoned
from prove.sabotage import SABOTAGES, Sabotage
from prove.site import Site, opened
from prove.truth import EVERYBODY
from storage import account, schema
from storage.store import Away, Conflict

SAMPLES_EVERY: Final = 2.0
LOOK_EVERY: Final = 0.2
SABOTAGED_EVERY: Final = 0.3
"""Seconds between looks at what must hold at any instant."""
LATEST: Final = 100
"""Updates of a messenger that such a look takes in."""
KILLS_EVERY: Final = (0.3, 2.0)
FAULTS_EVERY: Final = (1.0, 3.0)
WAITING: Final = 6
POISON: Final = 8
REST: Final = 10
"""So many times as long as a look took, the next one waits."""
PATIENCE: Final = 30.0
"""Seconds that each step of bringing everything home may take."""


@dataclass
class Outcome:
    """What a trial came to."""

    store: str
    verdicts: Verdicts
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    contacts: int = 0
    people: int = 0


async def run(
    folder: Path,
    kind: str,
    seed: int,
    seconds: float,
    sabotage: str = "",
    patience: float = PATIENCE,
    *,
    control: bool = False,
) -> Outcome:
    """Try one store for so long, then judge; as a `control`, by the course of the sabotage without it. Raises Missing, Lost."""
    verdicts = Verdicts()
    planted = SABOTAGES.get(sabotage)
    natures = (planted and planted.crowd) or EVERYBODY
    async with opened(folder, kind, seed, "" if control else sabotage, verdicts, natures) as site:
        trial = _Trial(site, seconds, patience, planted)
        site.fleet.configure()
        try:
            await site.fleet.start()
            await asyncio.to_thread(site.store.transact_raw, found.watch_cursors)
            await trial.go()
        finally:
            await site.fleet.stop()
        held = await asyncio.to_thread(site.store.peek, lambda db: found.read(db, site.mailed()))
        judge(site.crowd.truth, held, verdicts)
        for wrong in site.fleet.wrong:
            verdicts[1].hold(holds=False, otherwise=wrong)
        truth = site.crowd.truth
        counted = Counter(site.fleet.faults)
        return Outcome(kind, verdicts, site.fleet.kills, counted, site.points, len(truth.accepted), len(truth.people))


def caught(planted: Sabotage, verdicts: Verdicts) -> list[str]:
    """What the check of just this mistake has found."""
    return [said for said in verdicts[planted.promise].broken if planted.sign in said]


class _Trial:
    """The course of it."""

    def __init__(self, site: Site, seconds: float, patience: float, planted: Sabotage | None) -> None:
        self._site = site
        self._seconds = seconds
        self._patience = patience
        self._planted = planted
        self._under_way: set[str] = set()

    async def go(self) -> None:
        """Contacts and faults, and then everything home."""
        site = self._site
        keeper = asyncio.create_task(site.fleet.keep(), name="keeper")
        working = asyncio.create_task(site.crowd.work(), name="crowd")
        sampling = asyncio.create_task(self._sample(), name="samples")
        try:
            await _first_of(keeper, asyncio.create_task(self._break_things()))
            site.crowd.stop()
            home = self._home(working) if self._planted is None else self._look_at_once(working)
            await _first_of(keeper, asyncio.create_task(home))
        finally:
            for task in (keeper, working, sampling):
                task.cancel()
            await asyncio.gather(keeper, working, sampling, return_exceptions=True)

    async def _break_things(self) -> None:
        until = asyncio.get_running_loop().time() + self._seconds
        async with asyncio.TaskGroup() as group:
            # Of many daemons more are killed, and two at one time.
            for _ in range(max(len(self._site.fleet.daemons) // 2, 1)):
                group.create_task(self._kill(until))
            group.create_task(self._fail(until, group))

    async def _kill(self, until: float) -> None:
        site, loop, planted = self._site, asyncio.get_running_loop(), self._planted
        while loop.time() < until and not self._caught:
            await asyncio.sleep(site.chance.uniform(*KILLS_EVERY))
            if planted is None:
                await (faults.kill if site.chance.random() < 0.5 else faults.kill_at_a_point)(site)
            elif planted.killed:
                await faults.kill_at_a_point(site, planted.killed)

    async def _fail(self, until: float, group: asyncio.TaskGroup) -> None:
        """One fault after the other, each of them as often; they overlap, but none with itself."""
        site, loop = self._site, asyncio.get_running_loop()
        names = faults.applicable(site) if self._planted is None else list(self._planted.faults)
        pause = min(max(self._seconds / (len(names) * 1.2 + 1), FAULTS_EVERY[0]), FAULTS_EVERY[1])
        while loop.time() < until and names and not self._caught:
            site.chance.shuffle(names)
            for name in names:
                if loop.time() < until and name not in self._under_way:
                    self._under_way.add(name)
                    group.create_task(self._apply(name))
                await asyncio.sleep(pause)

    @property
    def _caught(self) -> bool:
        """Whether a look meanwhile has already found what is planted."""
        return self._planted is not None and bool(caught(self._planted, self._site.verdicts))

    async def _apply(self, name: str) -> None:
        try:
            await faults.FAULTS[name](self._site)
            self._site.fleet.faults[name] += 1
        finally:
            self._under_way.discard(name)

    async def _sample(self) -> None:
        """What must hold at any instant, looked at again and again past the daemon."""
        site = self._site
        while True:
            await asyncio.sleep(SAMPLES_EVERY if self._planted is None else SABOTAGED_EVERY)
            updates = dict(list(site.crowd.updates.items())[-LATEST:])
            with contextlib.suppress(Away, Conflict, sa.exc.SQLAlchemyError):
                loads, items, lost = await asyncio.to_thread(
                    site.store.peek,
                    lambda db, updates=updates: (
                        found.loads(db),
                        account.account(db),
                        found.ahead(db, updates, "bot"),
                    ),
                )
                over(site.verdicts[6], loads)
                for item in items:
                    site.verdicts[7].hold(bool(item["agrees"]), f"meanwhile the ledger did not agree: {dict(item)}")
                site.verdicts[1].hold(not lost, f"the cursor of bot is ahead of the journal: {sorted(lost)}")

    # ---- bringing everything home

    async def _home(self, working: "asyncio.Task[None]") -> None:
        site = self._site
        site.fleet.visited = True
        site.fleet.configure()
        for daemon in site.fleet.daemons:
            daemon.signal(signal.SIGCONT)
        await self._patiently(working, "what the crowd had sent was never accepted")
        await self._restart(mended=False)
        await self._brought_home(self._missing, "not everything that was accepted came into the journal")
        await self._brought_home(self._pending, "envelopes stay pending")
        held = await asyncio.to_thread(site.store.peek, lambda db: found.read(db, ()))
        poisoned(site.crowd.truth, held, site.verdicts[8])
        await self._restart(mended=True)
        await self._replay()
        for name in (*SALES, *SERVICE, VISITING):
            await site.set_available(name, available=True)
        for _ in range(2):
            await self._until(self._nobody_waits, "")
            await site.close_leads(5)
        await self._until(self._nobody_waits, "")
        await self._until(self._all_told, "notices stay unsent", step=True)
        await self._last_questions()

    async def _look_at_once(self, working: "asyncio.Task[None]") -> None:
        """After a sabotage: what it takes to see it, and no more."""
        if self._caught:
            return
        site = self._site
        site.fleet.mended = self._planted is None or self._planted.promise != POISON
        await self._patiently(working, "what the crowd had sent was never accepted")
        await self._brought_home(self._pending, "")
        held = await asyncio.to_thread(site.store.peek, lambda db: found.read(db, ()))
        poisoned(site.crowd.truth, held, site.verdicts[POISON])
        if self._planted is not None and self._planted.promise == WAITING:
            for name in (*SALES, *SERVICE, VISITING):
                await site.set_available(name, available=True)
            await site.close_leads(5)
            await self._until(self._nobody_waits, "")

    async def _restart(self, *, mended: bool) -> None:
        """A new life for each, that no crash point is armed in."""
        self._site.fleet.mended = mended
        async with asyncio.TaskGroup() as group:
            for daemon in self._site.fleet.daemons:
                group.create_task(self._renew(daemon))

    async def _renew(self, daemon: Daemon) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                life = (await self._site.fleet.any([daemon])).life
                self._site.fleet.terminate(daemon)
                while daemon.life == life or not daemon.up:
                    await asyncio.sleep(LOOK_EVERY)

    async def _patiently(self, task: "asyncio.Task[None]", otherwise: str) -> None:
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if done:
            task.result()
        else:
            self._site.verdicts[1].hold(holds=False, otherwise=otherwise)

    async def _until(self, condition: Callable[[], Awaitable[bool]], otherwise: str, *, step: bool = False) -> bool:
        """Look until it is so, for a while, and say whether it is; with `step`, the daemons' clocks run ahead meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while not await condition():
            if loop.time() > until:
                if otherwise:
                    self._site.verdicts[1].hold(holds=False, otherwise=otherwise)
                return False
            if step:
                for daemon in self._site.fleet.daemons:
                    await self._site.fleet.ask(daemon, "POST", "/test/clock", {"advance": "30m"})
            await asyncio.sleep(LOOK_EVERY)
        return True

    async def _count(self, statement: sa.Select[int]) -> int:
        return int(await asyncio.to_thread(self._site.store.peek, lambda db: db.execute(statement).scalar_one()))

    async def _missing(self) -> int:
        """How much of what was accepted is not in the journal yet."""
        tokens = await asyncio.to_thread(self._site.store.peek, found.tokens)
        return len(self._site.crowd.truth.accepted.keys() - tokens)

    async def _pending(self) -> int:
        return await self._count(sa.select(sa.func.count()).where(schema.journal.c.outcome == "pending"))

    async def _brought_home(self, left: Callable[[], Awaitable[int]], otherwise: str) -> None:
        """Look until nothing is left, for as long as it becomes less: after much trouble there may be much.

        What takes long to look at is looked at seldom: it would hold up the lines and servers that are played beside it.
        """
        loop = asyncio.get_running_loop()
        least: int | None = None
        until = loop.time() + self._patience
        while True:
            began = loop.time()
            number = await left()
            if number == 0:
                return
            now = loop.time()
            if least is None or number < least:
                least, until = number, now + self._patience
            elif now > until:
                if otherwise:
                    self._site.verdicts[1].hold(holds=False, otherwise=otherwise)
                return
            await asyncio.sleep(max(LOOK_EVERY, REST * (now - began)))

    async def _nobody_waits(self) -> bool:
        """No lead of the sales team, whose managers have no limit, and none of the service while one there is below his."""
        verdict = Verdict(6)
        nobody_waits(await asyncio.to_thread(self._site.store.peek, found.waiting), verdict)
        return not verdict.broken

    async def _all_told(self) -> bool:
        counted = sa.select(sa.func.count()).where(schema.outbox.c.state == "due")
        return await self._count(counted) == 0

    async def _all_listening(self) -> bool:
        # A poll that hangs is no sign of life yet.
        await self._site.bot.end_polls()
        shown = await self._site.fleet.ask(self._site.fleet.desk(), "GET", "/api/channels")
        states = {one["name"]: one["state"] for one in (shown or {}).get("items", ())}
        return bool(states) and all(states.get(name) == "listening" for name in ("bot", "info") if name in states)

    async def _replay(self) -> None:
        """What failed is run again, now that the reader is mended."""
        counted = sa.select(schema.journal.c.uid).where(schema.journal.c.outcome == "failed")
        failed = await asyncio.to_thread(
            self._site.store.peek, lambda db: [str(uid) for uid in db.execute(counted).scalars()]
        )
        for start in range(0, len(failed), 100):
            body = {"ids": failed[start : start + 100]}
            for _ in range(5):
                if await self._site.fleet.ask(self._site.fleet.desk(), "POST", "/api/replay", body) is not None:
                    break
        await self._brought_home(self._pending, "what was replayed stays pending")

    async def _last_questions(self) -> None:
        """What the product itself says in the end, by its own commands."""
        site = self._site
        code, said = await site.fleet.command("ledger", "--json")
        balanced = code == 0 and json.loads(said or "{}").get("balanced") is True
        site.verdicts[7].hold(balanced, f"priyom ledger --json ends with {code}: {said[-300:]}")
        leads = await asyncio.to_thread(
            site.store.peek, lambda db: list(db.execute(sa.select(schema.leads.c.uid).limit(3)).scalars())
        )
        for lead in leads:
            code, said = await site.fleet.command("explain", str(lead))
            site.verdicts[9].hold(
                code == 0 and bool(said.strip()), f"priyom explain {lead} ends with {code}: {said[-300:]}"
            )
        # Last, since what a process said before its latest start is shown for a while, and by one process longer than by another.
        listening = [await self._until(self._all_listening, "") for _ in range(3)]
        site.verdicts[10].hold(listening[-1], "a channel does not listen again: see the daemons' logs")


async def _first_of(keeper: "asyncio.Task[None]", task: "asyncio.Task[None]") -> None:
    """Wait for `task`; if the keeper cannot keep the daemons alive, that is the end of both."""
    done, _ = await asyncio.wait({keeper, task}, return_when=asyncio.FIRST_COMPLETED)
    if keeper in done:
        task.cancel()
        keeper.result()
    task.result()
