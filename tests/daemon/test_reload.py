"""A running daemon whose file changes under load: nothing is lost, no bad file replaces a good one."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json, team, until

POSTS = 300
ROUNDS = 12


@pytest.fixture
def daemon(tmp_path: Path, founded: Make) -> Iterator[Daemon]:
    made = founded(tmp_path)
    made.start()
    yield made
    made.close()


def hang_up(daemon: Daemon) -> None:
    os.kill(daemon.pid, signal.SIGHUP)


async def managers_of(client: Client) -> set[str]:
    return {row["name"] for row in await client.listed("/api/managers") if not row["leaving"]}


async def test_a_changed_file_counts_after_a_hangup_and_after_the_command(daemon: Daemon) -> None:
    async with daemon.client() as client:
        daemon.configure(**team("anna", "boris", "vera"))
        hang_up(daemon)

        async def three() -> bool:
            return await managers_of(client) == {"anna", "boris", "vera"}

        await until(three)
        # Another port is for the next start: until then commands find the daemon of a SQLite file where it is.
        moved = {"http": {"port": 0}} if daemon.store_url.startswith("sqlite:") else {}
        daemon.configure(**team("anna"), **moved)
        planned = await asyncio.to_thread(daemon.command, "plan")
        assert planned.returncode == 0, planned.stderr
        assert ("http: takes effect at the next start" in planned.stdout) == bool(moved)
        assert "manager boris: leaves with 0 open leads" in planned.stdout
        assert await managers_of(client) == {"anna", "boris", "vera"}
        done = await asyncio.to_thread(daemon.command, "reload")
        assert done.returncode == 0, done.stderr
        assert await managers_of(client) == {"anna"}


async def test_a_new_channel_takes_in_at_once_and_one_that_is_gone_no_more(daemon: Daemon) -> None:
    async with daemon.client() as client:
        daemon.configure(channels={"landing": {"kind": "webform", "source": "Лендинг"}})
        assert (await asyncio.to_thread(daemon.command, "reload")).returncode == 0
        lead = await client.lead_of(await client.accepted("/in/landing", name="Анна", phone="8 912 345-67-89"))
        assert (lead["channel"], lead["source"]) == ("landing", "Лендинг")
        assert (await client.send("/in/site", name="Анна")).status == 404


async def test_a_file_with_faults_is_refused_with_each_of_them_and_changes_nothing(daemon: Daemon) -> None:
    async with daemon.client() as client:
        daemon.configure(teams={"sales": {"managers": ["anna", "nobody"]}}, titel="x")
        refused = await asyncio.to_thread(daemon.command, "reload")
        assert refused.returncode == 2
        assert "nobody" in refused.stderr
        assert "titel" in refused.stderr
        hang_up(daemon)

        async def said() -> bool:
            return "config.refused" in daemon.log

        await until(said)
        lead = await client.lead(name="Анна", phone="8 912 345-67-89")
        assert lead["owner"] in {"anna", "boris"}


def test_a_plan_without_a_daemon_compares_with_what_the_store_knows(tmp_path: Path, founded: Make) -> None:
    daemon = founded(tmp_path)
    daemon.start()
    daemon.stop()
    daemon.configure(**team("anna"))
    planned = daemon.command("plan", "--json")
    daemon.close()
    assert planned.returncode == 0, planned.stderr
    assert '"manager_removed"' in planned.stdout
    assert daemon.command("reload").returncode == 1


async def test_reloads_under_load_lose_nothing_and_double_nothing(daemon: Daemon) -> None:
    """Good files, spoilt files and half-written ones, while people write."""
    random.seed(18)
    crews = itertools.cycle([("anna", "boris"), ("anna", "boris", "vera"), ("anna",), ("boris", "vera")])

    async with daemon.client() as client:

        async def post(number: int) -> str:
            return await client.accepted(name=f"Клиент {number}", phone=f"8 912 3{number:06}")

        async def meddle() -> None:
            for turn in range(ROUNDS):
                daemon.configure(**team(*next(crews)), title=f"{turn} {{name}}")
                if turn % 3 == 2:
                    text = daemon.path.read_text()
                    cut = random.randrange(len(text))
                    daemon.path.write_text(text[:cut] + random.choice(["", "}", "\tx: [", "sales", ": :", "\x00"]))
                hang_up(daemon)
                answer = await client.ask("POST", "/api/config/reload", json={})
                assert answer.status in {200, 422}, answer.body

        async def write() -> list[str]:
            return [await post(number) for number in range(POSTS)]

        sent, _ = await asyncio.gather(write(), meddle())
        await client.settled()
        ledger = await client.get("/api/ledger")
        leads: list[Json] = await client.listed("/api/leads")
    assert ledger["balanced"]
    assert len(set(sent)) == POSTS
    assert len(leads) == POSTS
    assert {lead["state"] for lead in leads} == {"assigned"}
    assert "Traceback" not in daemon.log
