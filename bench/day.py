"""A day of a large company in minutes: `python -m bench.day [--contacts N] [--postgresql [URL]]`.

Made-up people (`bench.people`) write through twelve forms to a daemon with forty managers in four teams; most come in the
morning. The daemon's clock is stepped five minutes at a time by the test hook, so that due times, rhythms and summaries live
through a day as well. Afterwards it is counted whether anything was lost, whether the turns were fair, how memory went, and what
each table grew by. Exit code 1 where anything is not as promised.
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg
import sqlalchemy as sa

from bench import daemon, machine, postgresql
from bench.machine import Broken
from bench.people import Approach, World
from kernel.ids import uuid7
from storage import migrate
from storage.schema import embedded as embedded_tables
from storage.schema import metadata
from storage.store import Store
from tests.postgres import Missing

CONTACTS: Final = 100_000
MANAGERS: Final = 40
TEAMS: Final = 4
CHANNELS: Final = 12
CONNECTIONS: Final = 32
STEP: Final = 5
STEPS: Final = 24 * 60 // STEP
GIVE_UP: Final = 1800.0
# What share of a day's contacts an hour has, in thousandths.
HOURS: Final = (2, 1, 1, 1, 2, 5, 15, 45, 95, 150, 140, 110, 85, 65, 60, 55, 50, 40, 25, 18, 14, 10, 7, 4)
TOKEN: Final = "bench-of-a-day"  # noqa: S105 - of a daemon that lives for minutes, on loopback
# Memory may grow until the caches are full, and by so much after noon: a share of what it is then.
STEADY: Final = 0.10


@dataclass(slots=True)
class Day:
    """What happened: ids that were accepted, refusals and their retries, and memory in MB after each hour."""

    accepted: set[str] = field(default_factory=set)
    retried: int = 0
    memory: list[float] = field(default_factory=list)
    seconds: float = 0.0


def steps(contacts: int) -> list[int]:
    """How many contacts come in each five minutes; together as many as asked for."""
    per_hour = 60 // STEP
    marks = [0, *accumulate(share for share in HOURS for _ in range(per_hour))]
    rounded = [round(contacts * mark / marks[-1]) for mark in marks]
    return [after - before for before, after in pairwise(rounded)]


def configuration(port: int, url: str) -> str:
    """Twelve forms, four teams of ten, each form its team."""
    names = [f"m{number:02d}" for number in range(MANAGERS)]
    channels = [f"  form{n}: {{kind: webform, source: Form {n}, team: team{n % TEAMS}}}" for n in range(CHANNELS)]
    teams = [f"  team{n}: {{managers: [{', '.join(names[n::TEAMS])}]}}" for n in range(TEAMS)]
    return "\n".join([
        f"http: {{host: 127.0.0.1, port: {port}}}",
        f"api: {{token: {TOKEN}}}",
        f'storage: {{url: "{url}"}}',
        "matching: {shared: {emails: ['info@*'], over: 8}}",
        "channels:", *channels,
        "managers:", *(f"  {name}: {{name: Manager {name}}}" for name in names),
        "teams:", *teams, "routing: [{team: team0}]",
        "",
    ])  # fmt: skip


async def live(product: daemon.Daemon, approaches: Sequence[Approach], give_up: float) -> Day:
    """Send the day, step by step. Raises Broken."""
    day = Day()
    began = time.monotonic()
    left = iter(approaches)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{product.port}", connector=connector) as http:
        for step, number in enumerate(steps(len(approaches))):
            some = list(islice(left, number))
            await asyncio.gather(*(_sender(http, some[place::CONNECTIONS], day) for place in range(CONNECTIONS)))
            async with http.post("/test/clock", json={"advance": f"{STEP}m"}) as answer:
                answer.raise_for_status()
            if (step + 1) % (60 // STEP) == 0:
                _tell(product, day, (step + 1) * STEP // 60)
            if time.monotonic() - began > give_up:
                raise Broken(f"the day took longer than {give_up:.0f} s")
    day.seconds = time.monotonic() - began
    return day


def _tell(product: daemon.Daemon, day: Day, hour: int) -> None:
    day.memory.append(machine.memory(product.process_id) if machine.PROC.exists() else 0.0)
    print(f"  {hour:02d}:00  {len(day.accepted):>7,} accepted  {day.memory[-1]:6.1f} MB", flush=True)


async def _sender(http: aiohttp.ClientSession, approaches: Sequence[Approach], day: Day) -> None:
    """One after another; what is refused for now is sent again, as a form's owner would."""
    for approach in approaches:
        said = {
            "name": approach.name,
            "phone": ", ".join(approach.phones),
            "email": ", ".join(approach.emails),
            "city": approach.city or "",
            "message": "Нужен цемент, двадцать мешков, с доставкой до объекта.",
            "submission_id": str(uuid7()),
        }
        while True:
            async with http.post(f"/in/form{approach.person % CHANNELS}", json=said) as answer:
                if answer.status == 202:
                    day.accepted.add((await answer.json())["id"].replace("-", ""))
                    break
                if answer.status not in {429, 503}:
                    raise Broken(f"a form was answered {answer.status}: {await answer.text()}")
                day.retried += 1
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))


@dataclass(frozen=True, slots=True)
class Looked:
    """A store from outside: the outcome of each envelope by its id, turns of managers by team, rows and bytes of its tables."""

    outcomes: Mapping[str, str]
    turns: Mapping[str, Mapping[str, int]]
    tables: Mapping[str, tuple[int, int]]


_ASSIGNED: Final = "SELECT record FROM decisions WHERE stage = 'assignment'"
_OUTCOMES: Final = "SELECT uid, outcome FROM journal"


def look(url: str) -> Looked:
    """Look at a store through a connection of our own."""
    address = sa.make_url(url)
    embedded = address.get_backend_name() == "sqlite"
    db: Any = sqlite3.connect(f"file:{address.database}?mode=ro", uri=True) if embedded else psycopg.connect(url)
    with contextlib.closing(db):

        def rows(query: str) -> Sequence[Any]:
            found: Sequence[Any] = db.execute(query).fetchall()
            return found

        turns: dict[str, Counter[str]] = defaultdict(Counter)
        for (record,) in rows(_ASSIGNED):
            decided = json.loads(record)
            if decided["code"] == "turn":
                turns[decided["team"]][decided["manager"]] += 1
        outcomes = {str(uid).replace("-", ""): outcome for uid, outcome in rows(_OUTCOMES)}
        return Looked(outcomes, turns, _tables(rows, embedded=embedded))


def _tables(rows: Callable[[str], Sequence[Any]], *, embedded: bool) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, its indices included."""
    sizes: dict[str, int] = {}
    if embedded:
        with contextlib.suppress(sqlite3.OperationalError):  # a SQLite without dbstat
            query = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name GROUP BY 1"
            sizes = dict(rows(query))
    else:
        sizes = dict(rows("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"))
    names = [*metadata.tables, *(embedded_tables.tables if embedded else ())]
    return {name: (rows(f'SELECT count(*) FROM "{name}"')[0][0], int(sizes.get(name, 0))) for name in names}


def settled(url: str, product: daemon.Daemon, within: float) -> None:
    """Wait until nothing is pending. Raises Broken."""
    give_up = time.monotonic() + within
    while (waiting := sum(outcome == "pending" for outcome in look(url).outcomes.values())) > 0:
        if time.monotonic() > give_up:
            raise Broken(f"{waiting} envelopes are still pending after {within:.0f} s, process {product.process_id}")
        time.sleep(0.5)


def faults(day: Day, after: Looked, contacts: int, *, balanced: bool) -> list[str]:
    """What is not as promised, in sentences."""
    found: list[str] = []
    if len(day.accepted) != contacts:
        found.append(f"{contacts} contacts were sent, and {len(day.accepted)} ids were given")
    lost = day.accepted - after.outcomes.keys()
    if lost:
        found.append(f"{len(lost)} accepted contacts are not in the journal")
    bad = {uid: how for uid, how in after.outcomes.items() if how in {"pending", "failed"}}
    if bad:
        found.append(f"{len(bad)} contacts have no outcome or failed: {dict(Counter(bad.values()))}")
    if not balanced:
        found.append("the ledger does not balance")
    if len(after.outcomes) != len(day.accepted):
        found.append(f"{len(day.accepted)} contacts were accepted, and {len(after.outcomes)} are in the journal")
    for team, turns in after.turns.items():
        if max(turns.values()) - min(turns.values()) > 1 or len(turns) != MANAGERS // TEAMS:
            found.append(f"turns of {team} are not fair: {dict(turns)}")
    noon = day.memory[12] if len(day.memory) > 12 else 0.0
    if noon and max(day.memory[13:]) > noon * (1 + STEADY):
        found.append(f"memory grew from {noon:.0f} MB at 13:00 to {max(day.memory[13:]):.0f} MB")
    return found


def report(day: Day, before: Looked, after: Looked, contacts: int) -> None:
    """Print what the day came to."""
    outcomes = Counter(after.outcomes.values())
    print(f"\n{contacts:,} contacts of a day in {day.seconds:.0f} s, {contacts / day.seconds:,.0f} a second; ", end="")
    print(f"sent again after 429 or 503: {day.retried}; outcomes: {dict(outcomes)}")
    for team, turns in sorted(after.turns.items()):
        print(f"  turns in {team}: {len(turns)} managers, {min(turns.values()):,} to {max(turns.values()):,} each")
    print(f"\n{'table':<16} {'rows':>10} {'a contact':>10} {'MB':>8} {'bytes a contact':>16}")
    for name, (rows, size) in sorted(after.tables.items(), key=lambda one: -one[1][1]):
        more, larger = rows - before.tables[name][0], size - before.tables[name][1]
        if more or larger:
            print(f"{name:<16} {more:>10,} {more / contacts:>10.3f} {larger / 1e6:>8.1f} {larger / contacts:>16,.0f}")
    print()


@contextlib.contextmanager
def _store(asked: argparse.Namespace, folder: Path) -> Iterator[str]:
    """An empty store with the schema. Raises Missing."""
    if asked.postgresql is None:
        for old in folder.glob("day.db*"):
            old.unlink()
        url = f"sqlite:///{folder / 'day.db'}"
        _migrate(url)
        yield url
        return
    with postgresql.running(asked.postgresql or None) as server:
        server.create("priyom_empty", _migrate)
        with server.copied("priyom_empty") as url:
            yield url


def _migrate(url: str) -> None:
    store = Store(url)
    try:
        migrate.create(store)
    finally:
        store.close()


def _balanced(product: daemon.Daemon) -> bool:
    status, body = machine.ask(product.port, "GET", "/api/ledger", headers={"Authorization": f"Bearer {TOKEN}"})
    return status == 200 and bool(json.loads(body)["balanced"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=__doc__)
    parser.add_argument("--contacts", type=int, default=CONTACTS, help=f"how many come ({CONTACTS:,})")
    parser.add_argument(
        "--postgresql", metavar="URL", nargs="?", const="", help="over PostgreSQL, the wheel's or the server at URL"
    )
    parser.add_argument("--give-up", type=float, default=GIVE_UP, metavar="SECONDS", help=f"({GIVE_UP:.0f})")
    asked = parser.parse_args()
    folder = Path("var/bench").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = lived(asked, folder)
    except Missing as why:
        print(f"skipped: {why}")
        return 0
    except (Broken, OSError, aiohttp.ClientError) as why:
        found = [str(why)]
    told = [f"BROKEN: {fault}" for fault in found]
    print(*told or ["as promised: nothing lost, fair turns, memory steady"], sep="\n")
    return int(bool(found))


def lived(asked: argparse.Namespace, folder: Path) -> list[str]:
    """Make the people, live the day, report; what is not as promised. Raises Broken, Missing, OSError."""
    approaches = World(max(10, asked.contacts // 2 + 1)).approaches()[: asked.contacts]
    with _store(asked, folder) as url, daemon.serving(folder, url, configured=configuration) as product:
        before = look(url)
        day = asyncio.run(live(product, approaches, asked.give_up))
        settled(url, product, asked.give_up)
        after = look(url)
        report(day, before, after, len(approaches))
        return faults(day, after, len(approaches), balanced=_balanced(product))


if __name__ == "__main__":
    sys.exit(main())
