"""A receiver and a worker over PostgreSQL and Valkey: a word through it is quick, and without it the work is done all the same."""

from collections.abc import Iterator
from time import monotonic

import pytest

from ingest.pipeline.pipeline import SWEEP
from storage import migrate
from storage.store import Store
from tests import postgres
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, until
from tests.valkey import Valkey

pytestmark = pytest.mark.alone("has several processes already")


@pytest.fixture
def store_url(postgresql: postgres.Server) -> Iterator[str]:
    made = Store(postgresql.create("wakes"))
    migrate.create(made)
    yield made.url.render_as_string(hide_password=False)
    made.close()


async def stands(client: Client, wakes: str) -> None:
    """Return when a process says so of its wake-ups; it is ready whatever it says."""

    async def so() -> bool:
        answer = await client.ask("GET", "/readyz", token=None)
        assert answer.status == 200
        return bool(answer.json["wakes"] == wakes)

    await until(so)


async def test_a_lead_is_assigned_at_once_over_valkey_and_soon_without_it(
    make: Make, store_url: str, redis_server: Valkey
) -> None:
    receiver, worker = processes = [make(redis={"url": "${TEST_REDIS}"}) for _ in range(2)]
    for one, roles in zip(processes, ("receive", "work,desk"), strict=True):
        one.store_url = store_url
        one.launch(roles=roles, TEST_REDIS=redis_server.url)
    for one in processes:
        one.greeted()
    async with receiver.client() as form, worker.client() as desk:
        await stands(form, "up")
        await stands(desk, "up")
        began = monotonic()
        for number in range(5):
            lead = await desk.lead_of(await form.accepted(name="Анна", phone=f"8 912 345-67-0{number}"))
            assert lead["state"] == "assigned"
        # Five looks by the clock would take five times half of a sweep.
        assert monotonic() - began < SWEEP
        redis_server.kill()
        envelope = await form.accepted(name="Борис", phone="8 912 345-67-89")
        assert (await desk.lead_of(envelope))["state"] == "assigned"
        await stands(form, "away")
        assert "priyom_wakes_up 0.0" in (await desk.ask("GET", "/metrics", token=None)).body.decode()
        redis_server.start()
        await stands(form, "up")
        await stands(desk, "up")
        assert (await desk.get("/api/ledger"))["balanced"]
    redis_server.freeze()
    assert [one.stop() for one in processes] == [0, 0]
    # Killed, and perhaps that it hangs at the end.
    assert all(count_of(one, '"action": "wakes.away"') in {1, 2} for one in processes)


def count_of(daemon: Daemon, words: str) -> int:
    """How many lines of its log hold these words."""
    return sum(words in line for line in daemon.log.splitlines())
