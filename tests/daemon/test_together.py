"""`make together` as its users have it: one command, six processes, and what one of them takes in another one shows.

Its database is also what a backup is tried on: dumped while posts come in, restored beside, and its account is balanced.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from ingest.cli import command
from tests import postgres, valkey
from tests.daemon.process import STARTS_WITHIN, TOKEN, Client, Json, until
from tests.daemon.test_backup import post_without_end

pytestmark = pytest.mark.alone("has several processes already")

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Together:
    """The command while it runs: where its processes answer, by role, and its database."""

    process: "subprocess.Popen[str]"
    addresses: dict[str, list[str]]
    store: str

    def ended(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what was said on the way."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=STARTS_WITHIN)
        return self.process.returncode, said


@pytest.fixture
def together() -> Iterator[Together]:
    try:
        postgres.found()
        with valkey.running():
            pass
    except (postgres.Missing, valkey.Missing) as why:
        pytest.skip(f"not here: {why}")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PRIYOM_")}
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.together", "--port", "0"],
        cwd=ROOT,
        env={**ours, "PRIYOM_API_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield introduced(process)
        if process.poll() is None:
            process.terminate()


def introduced(process: "subprocess.Popen[str]") -> Together:
    """What the command says of itself once all are ready."""
    assert process.stdout is not None
    said = ""
    while "together: ready" not in said:
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()}: {said}"
        said += line
    addresses: dict[str, list[str]] = {}
    for role, url in re.findall(r"^  (\w+) +(http://\S+)  process \d+$", said, re.MULTILINE):
        addresses.setdefault(role, []).append(url)
    store = re.search(r"PRIYOM_STORAGE_URL=(\S+)", said)
    assert store is not None
    return Together(process, addresses, store[1])


def restored(store: str, folder: Path) -> str:
    """The database, dumped and restored beside; its address."""
    there, _, name = store.rpartition("/")
    port = int(there.rpartition(":")[2])
    for program, *arguments in (
        ["pg_dump", "--format=custom", f"--file={folder / 'dump'}", store],
        ["createdb", "--maintenance-db", f"{there}/postgres", "restored"],
        ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={there}/restored", str(folder / "dump")],
    ):
        subprocess.run([postgres.found() / program, *arguments], check=True, env={"PGPORT": str(port), "LC_ALL": "C"})
    assert name != "restored"
    return f"{there}/restored"


async def test_one_command_runs_six_processes_over_two_servers_and_its_backup_is_whole(
    together: Together, tmp_path: Path
) -> None:
    assert {role: len(urls) for role, urls in together.addresses.items()} == {
        "receive": 2,
        "work": 2,
        "listen": 1,
        "desk": 1,
    }
    async with aiohttp.ClientSession(together.addresses["desk"][0]) as session:
        desk = Client(session)
        posted = []
        for number, url in enumerate(together.addresses["receive"]):
            async with session.post(f"{url}/in/site", json={"phone": f"+7916000000{number}"}) as answer:
                assert answer.status == 202
                posted.append((await answer.json())["id"])
        owners = {(await desk.lead_of(envelope))["owner"] for envelope in posted}
        assert owners == {"anna", "boris"}

        async with aiohttp.ClientSession(together.addresses["receive"][0]) as busy:
            posting = asyncio.create_task(post_without_end(Client(busy), desk))
            copy = await asyncio.to_thread(restored, together.store, tmp_path)
            assert not posting.done()
            posting.cancel()
    told = await asyncio.to_thread(ledger, copy)
    assert told["balanced"]
    assert sum(item["received"] for item in told["items"]) >= len(posted)

    code, said = await asyncio.to_thread(together.ended)
    assert (code, said.splitlines()[-1]) == (0, "together: all stopped.")

    async def silent() -> bool:
        return all([not await answers(url) for urls in together.addresses.values() for url in urls])

    await until(silent)


def ledger(store: str) -> Json:
    """The account of a restored store, by the verb."""
    given = {"PRIYOM_STORAGE_URL": store, "PRIYOM_PORT": str(postgres.free_port()), "PRIYOM_API_TOKEN": TOKEN}
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        for name, value in given.items():
            patched.setenv(name, value)
        command(["ledger", "--json", "--config", str(ROOT / "deploy" / "config.yaml")])
    account: Json = json.loads(printed.getvalue())
    return account


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            await session.get(f"{url}/healthz")
        except aiohttp.ClientConnectorError:
            return False
        return True
