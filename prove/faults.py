"""What goes wrong meanwhile. Each fault is applied while contacts come in, and is over when its function returns."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import sqlalchemy as sa

from kernel.seams import POINTS
from prove.company import SWITCHED
from prove.site import Site
from storage.store import Away

Fault = Callable[[Site], Awaitable[None]]

LONGER_THAN_A_LEASE: Final = 7.5
AWAY: Final = 3.0
ROOM: Final = 16_384
"""Bytes of any file for which a full disk still has room."""
DIES_WITHIN: Final = 4.0


async def kill(site: Site) -> None:
    """SIGKILL, at whatever it is doing."""
    (await site.fleet.any()).signal(signal.SIGKILL)


async def kill_at_a_point(site: Site, point: str = "") -> None:
    """SIGKILL at this named point, or the next: where nothing reaches it in time, as at random."""
    if not point:
        point = POINTS[site.next_point % len(POINTS)]
        site.next_point += 1
    daemon = await site.fleet.any(site.fleet.receivers if point.startswith("accept") else site.fleet.workers)
    life = daemon.life
    with site.fleet.sparing([daemon]):
        armed = {"at": f"{point}:{site.chance.choice((1, 1, 2))}"}
        for _ in range(10):
            if await site.fleet.ask(daemon, "POST", "/test/crash", armed) is not None:
                break
            await asyncio.sleep(0.2)
        until = asyncio.get_running_loop().time() + DIES_WITHIN
        available = False
        # Somebody who comes and goes has leads given out, and told.
        while daemon.life == life and daemon.alive and asyncio.get_running_loop().time() < until:
            path = f"/api/managers/{SWITCHED[0]}/availability"
            await site.fleet.ask(site.fleet.desk(), "PUT", path, {"available": available})
            available = not available
            await asyncio.sleep(0.1)
    if daemon.life > life or not daemon.alive:
        site.points[point] += 1
    else:
        daemon.signal(signal.SIGKILL)


async def terminate(site: Site) -> None:
    """SIGTERM, and a start after it."""
    site.fleet.terminate(await site.fleet.any())


async def stand_still(site: Site) -> None:
    """SIGSTOP for longer than any lease; then it goes on, as if nothing had been."""
    daemon = await site.fleet.any()
    life = daemon.life
    with site.fleet.sparing([daemon]):
        daemon.signal(signal.SIGSTOP)
        await asyncio.sleep(LONGER_THAN_A_LEASE)
        if daemon.life == life:
            daemon.signal(signal.SIGCONT)


async def step_clock(site: Site) -> None:
    """The clock jumps ahead, and back with the process's end."""
    await site.fleet.ask(
        await site.fleet.any(spared=True), "POST", "/test/clock", {"advance": f"{site.chance.choice((20, 90, 200))}s"}
    )


async def reload(site: Site) -> None:
    """Another configuration, by SIGHUP: somebody comes into the team, or leaves."""
    site.fleet.visited = not site.fleet.visited
    site.fleet.configure()
    for daemon in site.fleet.daemons:
        if daemon.up:
            daemon.signal(signal.SIGHUP)
    await asyncio.sleep(0.5)


async def switch(site: Site) -> None:
    """Managers go away and come back."""
    for available in (False, True):
        for name in SWITCHED:
            await site.set_available(name, available=available)
        await asyncio.sleep(site.chance.uniform(0.5, 2.5))


async def close_leads(site: Site) -> None:
    """Some of the service's leads are brought to an end, so that others can go out."""
    await site.close_leads(site.chance.randint(2, 8))


async def redeliver(site: Site) -> None:
    """What has been accepted lately comes again, in any order."""
    truth = site.crowd.truth
    recent = [truth.sent[token] for token in list(truth.accepted)[-60:]]
    again = [one for one in recent if one.named and not one.poison and one.kind in {"form", "call", "vk"}]
    site.chance.shuffle(again)
    await asyncio.gather(*(site.crowd.send(one) for one in again[:30]))


async def poison(site: Site) -> None:
    """A form that its reader cannot bear: mostly it raises, sometimes it kills, again and again."""
    kind = "kills" if site.poisoned % 6 == 2 else "raises"
    site.poisoned += 1
    person = site.crowd.generator.newcomer("poison")
    await site.crowd.send(site.crowd.generator.poison(person, "kills" if kind == "kills" else "raises"))


async def fill_disk(site: Site) -> None:
    """No room: of the daemon's files on SQLite; PostgreSQL takes no writes then, as where it is managed for its users."""
    if site.cluster is None:
        daemon = await site.fleet.any()
        life = daemon.life
        daemon.fill_disk(ROOM)
        await asyncio.sleep(AWAY)
        if daemon.life == life:
            daemon.fill_disk(None)
        return
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        await asyncio.to_thread(site.set_read_only, read_only=True)
    await asyncio.sleep(AWAY)
    for _ in range(20):
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            await asyncio.to_thread(site.set_read_only, read_only=False)
            return
        await asyncio.sleep(0.5)


async def cut_store(site: Site) -> None:
    """Every connection to the database is cut, and again while they come back."""
    assert site.store_line is not None
    for _ in range(3):
        site.store_line.cut()
        await asyncio.sleep(site.chance.uniform(0.05, 0.5))


async def kill_postgresql(site: Site) -> None:
    """PostgreSQL dies as when the power fails, and is started again."""
    assert site.cluster is not None
    async with site.cluster_turn:
        await asyncio.to_thread(site.cluster.kill)
        await asyncio.sleep(site.chance.uniform(0.2, AWAY))
        await asyncio.to_thread(site.cluster.start)


async def kill_valkey(site: Site) -> None:
    """Valkey dies with all that it knew, and is started empty."""
    assert site.valkey is not None
    await asyncio.to_thread(site.valkey.kill)
    await asyncio.sleep(site.chance.uniform(0.2, AWAY))
    await asyncio.to_thread(site.valkey.start)


async def drop_mailbox(site: Site) -> None:
    """The line to the mail server is cut while it is watched; for a while nobody comes through."""
    assert site.mail_line is not None
    site.mail_line.closed = site.chance.random() < 0.5
    site.mail_line.cut()
    await asyncio.sleep(site.chance.uniform(0.1, AWAY))
    site.mail_line.closed = False


async def renumber_mailbox(site: Site) -> None:
    """The folder is made anew: every mail has another number, and the numbers another UIDVALIDITY."""
    async with site.crowd.mailbox:
        with contextlib.suppress(Away):
            await asyncio.to_thread(site.renumber)


async def silence(site: Site) -> None:
    """Telegram cannot be reached: that is shown while it is so."""
    await site.silence()


FAULTS: Final[Mapping[str, Fault]] = {
    "SIGTERM": terminate,
    "SIGSTOP for longer than a lease": stand_still,
    "clock stepped": step_clock,
    "configuration reloaded": reload,
    "managers away and back": switch,
    "leads closed": close_leads,
    "redelivered, in another order": redeliver,
    "poison": poison,
    "disk full": fill_disk,
    "connections to the database cut": cut_store,
    "PostgreSQL killed": kill_postgresql,
    "Valkey killed and emptied": kill_valkey,
    "IMAP dropped in IDLE": drop_mailbox,
    "UIDVALIDITY changed": renumber_mailbox,
    "messenger away": silence,
}


def applicable(site: Site) -> list[str]:
    """The faults that this store and this machine can have."""
    missing: set[str] = set()
    if site.cluster is None:
        missing |= {"connections to the database cut", "PostgreSQL killed"}
    if site.valkey is None:
        missing |= {"Valkey killed and emptied"}
    if site.mail_line is None:
        missing |= {"IMAP dropped in IDLE", "UIDVALIDITY changed"}
    return [name for name in FAULTS if name not in missing]
