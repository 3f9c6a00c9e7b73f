"""What several processes over one PostgreSQL promise together: two receive, two work, and any of them may be killed."""

import asyncio
import contextlib
import itertools
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import aiohttp
import pytest

from tests.daemon.company import Company
from tests.daemon.process import Client, Json, team, until

pytestmark = pytest.mark.alone("has several processes already")

AT_ONCE: Final = 12
RACES: Final = 3
_numbers = itertools.count(1)


def new_phone() -> str:
    """A number that no other test of this module uses."""
    return f"+7913{next(_numbers):07d}"


def sections(*forms: str) -> Json:
    """A team without limits, and one of two who have room for one lead each."""
    people = team("anna", "boris", "vera", "gleb", vera={"capacity": 1}, gleb={"capacity": 1})
    people["teams"] = {"sales": {"managers": ["anna", "boris"]}, "small": {"managers": ["vera", "gleb"]}}
    channels = {name: {"kind": "webform", "team": "sales"} for name in ("site", "promo", *forms)}
    return {
        "channels": channels | {"scarce": {"kind": "webform", "team": "small"}},
        "routing": [{"team": "sales"}],
        **people,
    }


@pytest.fixture(scope="module")
def daemon(several: Callable[..., Company], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    made = several(tmp_path_factory.mktemp("several"), **sections())
    made.start()
    yield made
    made.close()


async def test_one_delivery_many_times_at_two_receivers_at_once_is_one_envelope(client: Client) -> None:
    for named in ({"key": "one"}, {"submission_id": "one"}):
        form = {"name": "Анна", "phone": new_phone(), **named}
        answers = await asyncio.gather(*(client.send(**form) for _ in range(AT_ONCE)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert Counter(answer.json["duplicate"] for answer in answers) == {False: 1, True: AT_ONCE - 1}
        assert len((await client.lead_of(answers[0].json["id"]))["interactions"]) == 1


async def test_first_approaches_of_one_person_by_two_ways_at_once_are_one_contact_with_one_lead(client: Client) -> None:
    for race in range(RACES):
        phone, email = new_phone(), f"race{race}@client.example"
        forms = ({"phone": phone}, {"phone": phone, "email": email}, {"email": email.upper(), "phone": phone})
        sent = await asyncio.gather(
            *(
                client.accepted(path, message=f"обращение {number}", **form)
                for number, (path, form) in enumerate(itertools.product(("/in/site", "/in/promo"), forms))
            )
        )
        leads = [await client.lead_of(envelope) for envelope in sent]
        assert len({lead["id"] for lead in leads}) == len({lead["contact"]["id"] for lead in leads}) == 1
        whole = await client.get(f"/api/leads/{leads[0]['id']}")
        assert sorted(one for said in whole["interactions"] for one in said["envelopes"]) == sorted(sent)


async def test_racing_workers_give_nobody_more_than_his_limit_and_the_oldest_goes_first(client: Client) -> None:
    sent = await asyncio.gather(*(client.accepted("/in/scarce", phone=new_phone()) for _ in range(AT_ONCE)))
    await client.settled()
    leads = await client.listed("/api/leads", channel="scarce")
    assert len(leads) == len(sent)
    assert Counter(lead["owner"] for lead in leads) == {"vera": 1, "gleb": 1, None: AT_ONCE - 2}
    assert {lead["reason"] for lead in leads if lead["owner"] is None} == {"all_at_limit"}
    held = [lead["id"] for lead in leads if lead["owner"] is not None]
    # Two receivers and two workers: who came first says the receipt, not the number of a lead.
    received = sorted((one["received_at"], one["lead"]) for one in [await client.decided(uid) for uid in sent])
    waiting = [lead for _, lead in received if lead not in held]
    while waiting:
        # Who comes now is behind all who wait.
        envelope = await client.accepted("/in/scarce", phone=new_phone())
        newcomer = await client.lead_of(envelope)
        closing = (client.ask("POST", f"/api/leads/{one}/disqualify", json={"reason": "спам"}) for one in held)
        assert {answer.status for answer in await asyncio.gather(*closing)} == {200}
        assert newcomer["owner"] is None

        async def given() -> list[Json] | None:
            open_ones = await client.listed("/api/leads", channel="scarce", state="assigned")
            return open_ones if len(open_ones) == 2 else None

        now = await until(given)
        assert now is not None
        assert Counter(lead["owner"] for lead in now) == {"vera": 1, "gleb": 1}
        held = [lead["id"] for lead in now]
        assert set(held) == set(waiting[:2])
        waiting = waiting[2:]


async def test_processes_are_killed_and_nothing_is_lost_doubled_or_out_of_turn(client: Client, daemon: Company) -> None:
    for point in ("accept.before_commit", "accept.after_commit", "settle.before_commit", "settle.after_commit"):
        assert (await client.ask("POST", "/test/crash", json={"at": point})).status == 200
        dying = asyncio.create_task(asyncio.to_thread(daemon.ended))
        form = {"key": point, "name": point, "phone": new_phone()}
        with contextlib.suppress(aiohttp.ClientError):
            await client.send(**form)
        assert await dying == -signal.SIGKILL
        # The others go on, and whoever got no answer asks again.
        answer = await again(client, **form)
        if point.startswith("accept"):
            assert answer["duplicate"] is (point == "accept.after_commit")
            await asyncio.to_thread(daemon.start)
        lead = await client.lead_of(answer["id"])
        assert (len(lead["interactions"]), lead["state"]) == (1, "assigned")
        await asyncio.to_thread(daemon.start)
    await client.settled()
    owners = Counter(
        lead["owner"] for lead in await client.listed("/api/leads", state="assigned") if lead["team"] == "sales"
    )
    assert abs(owners["anna"] - owners["boris"]) <= 1
    assert (await client.get("/api/ledger"))["balanced"]


async def again(client: Client, **form: str) -> Json:
    """Send until somebody is there to answer."""

    async def taken() -> Json | None:
        with contextlib.suppress(aiohttp.ClientError):
            answer = await client.send(**form)
            assert answer.status == 202
            shown: Json = answer.json
            return shown
        return None

    found = await until(taken)
    assert found is not None
    return found


async def test_a_file_with_faults_reaches_nobody_and_a_good_one_everybody_under_load(
    client: Client, daemon: Company
) -> None:
    posting = asyncio.gather(*(client.accepted(phone=new_phone()) for _ in range(AT_ONCE)))
    daemon.configure(teams={"sales": {"managers": ["nobody"]}})
    refused = await client.ask("POST", "/api/config/reload")
    assert (refused.status, refused.error) == (422, "misconfigured")
    daemon.configure(**sections("landing"))
    assert (await client.ask("POST", "/api/config/reload")).status == 200

    async def everywhere() -> bool:
        answers = [await client.send("/in/landing", phone=new_phone()) for _ in range(2)]
        return all(answer.status == 202 for answer in answers)

    await until(everywhere)
    await posting
    await client.settled()
    ledger = await client.get("/api/ledger")
    assert ledger["balanced"]
    assert sum(item["failed"] for item in ledger["items"]) == 0
    owners = Counter(
        lead["owner"] for lead in await client.listed("/api/leads", state="assigned") if lead["team"] == "sales"
    )
    assert abs(owners["anna"] - owners["boris"]) <= 1
    assert await asyncio.to_thread(daemon.stop) == 0
    assert "Traceback" not in daemon.log
