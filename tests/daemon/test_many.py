"""Many at once: simultaneous approaches of a few people, and fair turns under a crowd. On SQLite and on PostgreSQL."""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
import sqlalchemy as sa

from storage import migrate
from storage.schema import channels, decisions, leads
from storage.store import Store
from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json

SPELLINGS: Final = (
    "+7912{0}{1}{2}",
    "8 (912) {0}-{1}-{2}",
    "8-912-{0}-{1}-{2}",
    "7 912 {0} {1} {2}",
    "912{0}{1}{2}",
    "+7(912){0}{1}{2}",
)
PEOPLE: Final = 8
POSTS: Final = 240
LEADS: Final = 500
AT_A_TIME: Final = 16
LIMIT: Final = 10
TEAMS: Final = ("all", "absent", "limited")


@pytest.fixture(
    scope="module", params=[pytest.param("sqlite", marks=pytest.mark.alone("SQLite has one process")), "postgresql"]
)
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, founded: Make) -> Iterator[Daemon]:
    """One over each kind of store: a form and five managers for each of the teams, and a form for the few people."""
    made = founded(tmp_path_factory.mktemp("many"))
    members = {team: [f"{team}{n}" for n in range(1, 6)] for team in TEAMS}
    managers: Json = {name: {"name": name.title()} for names in members.values() for name in names}
    managers["limited5"]["capacity"] = LIMIT
    forms = {name: {"kind": "webform", "team": name} for name in TEAMS}
    made.configure(
        channels={"people": {"kind": "webform", "team": "all"}, **forms},
        managers=managers,
        teams={team: {"managers": names} for team, names in members.items()},
        routing=[{"team": "all"}],
    )
    if request.param == "postgresql":
        made.store_url = request.getfixturevalue("postgresql").create("many")
        with contextlib.closing(Store(made.store_url)) as store:
            migrate.create(store)
    made.start()
    yield made
    made.close()


async def test_simultaneous_approaches_of_eight_people_make_eight_contacts_with_one_lead_each(client: Client) -> None:
    def form(number: int) -> Json:
        person = number % PEOPLE
        spelling = SPELLINGS[number // PEOPLE % len(SPELLINGS)].format(f"{person}45", "67", "89")
        mail = {"email": f"Client{person}@Example.org"} if number // PEOPLE % 2 else {}
        return {"name": f"Клиент {person}", "phone": spelling, "message": f"обращение {number}", **mail}

    sent = await asyncio.gather(*(client.accepted("/in/people", **form(number)) for number in range(POSTS)))
    assert len(set(sent)) == POSTS
    await client.settled()

    people = await client.listed("/api/contacts")
    assert len(people) == PEOPLE
    for contact in people:
        assert sorted(key["kind"] for key in contact["keys"]) == ["email", "phone"]
    found = await client.listed("/api/leads", channel="people")
    assert len(found) == PEOPLE
    assert {lead["contact"]["id"] for lead in found} == {contact["id"] for contact in people}
    whole = [await client.get(f"/api/leads/{lead['id']}") for lead in found]
    assert [len(lead["interactions"]) for lead in whole] == [POSTS // PEOPLE] * PEOPLE
    explained = itertools.chain.from_iterable(i["envelopes"] for lead in whole for i in lead["interactions"])
    assert sorted(explained) == sorted(sent)

    ledger = await client.get("/api/ledger")
    days = [item for item in ledger["items"] if item["channel"] == "people"]
    figures = [sum(day[name] for day in days) for name in ("received", "created", "attached")]
    assert figures == [POSTS, PEOPLE, POSTS - PEOPLE]
    assert ledger["balanced"] is True


async def given(client: Client, daemon: Daemon, team: str) -> list[Any]:
    """The owners of 500 new leads of a team, in the order in which they came, posted 16 at a time."""
    block = TEAMS.index(team) + 1
    numbers = iter(range(LEADS))

    async def post() -> None:
        for number in numbers:
            await client.accepted(f"/in/{team}", name=f"Клиент {number}", phone=f"+79{block}0{number:07d}")

    await asyncio.gather(*(post() for _ in range(AT_A_TIME)))
    await client.settled()
    assert len(await client.listed("/api/leads", channel=team)) == LEADS
    assert (await client.get("/api/ledger"))["balanced"] is True
    return by_turn(daemon, team)


def by_turn(daemon: Daemon, channel: str) -> list[Any]:
    """The owners of a channel's leads in the order of their turns, which is not that of the leads where several workers give."""
    made = (
        sa.select(decisions.c.record)
        .join(leads, leads.c.id == decisions.c.lead_id)
        .join(channels, channels.c.id == leads.c.channel_id)
        .where(decisions.c.stage == "assignment", channels.c.name == channel)
    )
    with contextlib.closing(Store(daemon.store_url)) as store:
        records = [json.loads(record) for record in store.peek(lambda db: db.execute(made).scalars().all())]
    return [one["manager"] for one in sorted(records, key=lambda one: int(one.get("turn") or 0)) if one.get("turn")]


def widest(owners: list[Any], among: list[str]) -> int:
    """By how much the numbers of any two managers differed at most, at any moment."""
    counts = Counter(dict.fromkeys(among, 0))
    differences = [0]
    for owner in owners:
        counts[owner] += 1
        differences.append(max(counts.values()) - min(counts.values()))
    return max(differences)


async def test_five_managers_never_differ_by_more_than_one_turn(client: Client, daemon: Daemon) -> None:
    owners = await given(client, daemon, "all")
    assert widest(owners, [f"all{n}" for n in range(1, 6)]) == 1


async def test_the_turns_of_one_who_is_away_are_spread_over_all_the_others(client: Client, daemon: Daemon) -> None:
    await client.set_available("absent3", available=False)
    owners = await given(client, daemon, "absent")
    assert widest(owners, ["absent1", "absent2", "absent4", "absent5"]) == 1
    assert "absent3" not in owners


async def test_one_at_his_capacity_is_passed_over_and_the_others_share_alike(client: Client, daemon: Daemon) -> None:
    owners = await given(client, daemon, "limited")
    assert owners.count("limited5") == LIMIT
    others = [owner for owner in owners if owner != "limited5"]
    assert widest(others, [f"limited{n}" for n in range(1, 5)]) == 1
    filled = len(owners) - owners[::-1].index("limited5")
    assert widest(owners[:filled], [f"limited{n}" for n in range(1, 6)]) == 1
    managers = {item["name"]: item for item in await client.listed("/api/managers")}
    assert (managers["limited5"]["open"], managers["limited5"]["why_not"]) == (LIMIT, "at_limit")
