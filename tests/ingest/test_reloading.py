"""A changed file in a running process: all of it or none; renames keep what hangs on a name; who leaves keeps his leads."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.adapter import Adapter
from desk.ports import Refused
from ingest.adapters import Adapters
from ingest.assembly import Parts, assemble
from kernel.ids import uuid7_hex
from storage import lead_views
from storage.schema import companies, leads, managers, revisions
from storage.store import Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.parts import NOW, Plain, at_clock, envelope, wire

TWO_TEAMS = SMALL.replace(
    "{sales: {managers: [anna, boris]}}", "{sales: {managers: [anna]}, south: {managers: [boris]}}"
)
RULED = TWO_TEAMS + "routing: [{team: south}]\n"
RENAMED = SMALL.replace("boris: {name: Борис", "bob: {was: boris, name: Борис").replace("[anna, boris]", "[anna, bob]")
ALONE = """\
channels: {site: {kind: webform}}
managers: {anna: {name: Анна}}
teams: {sales: {managers: [anna]}}
"""


class Office:
    """A process over a store, and the file that it was started from."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self.parts = parts
        self.file = folder / "config.yaml"

    async def reload(self, text: str) -> dict[str, Any]:
        self.file.write_text(text)
        return await self.parts.reloader.reload("irina")

    async def post(self, *said: dict[str, Any]) -> list[str]:
        """Leads of these people; their owners."""
        parts = wire(self.parts.core.store)
        found = parts.take(*said, at=self.parts.core.clock.now())
        return [str(parts.lead(result.lead)["owner"]) for result in found]

    def column(self, column: sa.Column[Any]) -> list[Any]:
        return self.parts.core.store.peek(lambda db: list(db.execute(sa.select(column)).scalars()))


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> Office:
    config = configured(tmp_path, SMALL)
    return Office(await assemble(config, store, at_clock(NOW), tmp_path / "config.yaml"), tmp_path)


PHONES = [{"phones": [f"8 912 345-67-{n:02}"]} for n in range(10)]


async def test_a_changed_file_counts_from_the_next_lead_on(office: Office) -> None:
    assert await office.post(*PHONES[:2]) == ["anna", "boris"]
    shown = await office.reload(RULED)
    assert {one["code"] for one in shown["changes"]} == {"team_added", "team_changed", "rules_changed"}
    assert await office.post(*PHONES[2:4]) == ["boris", "boris"]


async def test_a_file_with_a_fault_changes_nothing_and_says_every_fault(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        await office.reload(SMALL.replace("[anna, boris]", "[anna, borya]") + "titel: x\n")
    assert refused.value.status == 422
    assert len(str(refused.value).splitlines()) == 2
    assert office.column(revisions.c.id) == [1]
    assert await office.post(*PHONES[:2]) == ["anna", "boris"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(SMALL)), junk=st.text(max_size=20))
async def test_whatever_stands_in_the_file_the_old_configuration_stays_or_the_new_one_is_whole(
    office: Office, cut: int, junk: str
) -> None:
    office.file.write_bytes((SMALL[:cut] + junk + SMALL[cut:]).encode("utf-8", "surrogateescape"))
    with contextlib.suppress(Refused):
        await office.parts.reloader.reload("irina")
    names = office.parts.serving.office.managers.all
    assert {row["name"] for row in (await names())["items"]} >= {"anna", "boris"}


async def test_a_manager_who_is_gone_from_the_file_keeps_his_leads_until_they_are_handed_over(office: Office) -> None:
    assert await office.post(*PHONES[:4]) == ["anna", "boris", "anna", "boris"]
    shown = await office.reload(ALONE)
    assert {"code": "manager_removed", "name": "boris", "open_leads": 2} in [
        {k: v for k, v in one.items() if k in {"code", "name", "open_leads"}} for one in shown["changes"]
    ]
    assert await office.post(*PHONES[4:6]) == ["anna", "anna"]
    assert sorted(office.column(leads.c.owner_id)).count(2) == 2
    handed = await office.parts.serving.office.managers.hand_over("boris", "anna", "irina")
    assert handed["leads"] == 2
    assert set(office.column(leads.c.owner_id)) == {1}
    assert sorted(office.column(managers.c.open)) == [0, 6]


async def test_a_shared_line_of_a_manager_who_leaves_is_handed_over_with_his_clients(office: Office) -> None:
    await office.post(*PHONES[:1])

    def given(db: sa.Connection) -> None:
        line = {"id": 990, "uid": uuid7_hex(), "name": "Вега", "owner_id": 2, "created_at": 0}
        db.execute(sa.insert(companies).values(**line))

    office.parts.core.store.transact(given)
    await office.parts.serving.office.managers.hand_over("boris", "anna", "irina")
    assert office.column(companies.c.owner_id) == [1]


async def test_leads_handed_over_to_nobody_go_out_in_turn(office: Office) -> None:
    await office.post(*PHONES[:4])
    await office.reload(
        SMALL.replace("boris: {name", "vera: {name: Вера}, boris: {name").replace("boris]", "boris, vera]")
    )
    await office.parts.serving.office.managers.set_available("boris", available=False, actor="irina")
    assert (await office.parts.serving.office.managers.hand_over("boris", None, "irina"))["leads"] == 2
    owners = {row["name"]: row["open"] for row in (await office.parts.serving.office.managers.all())["items"]}
    assert owners == {"anna": 3, "boris": 0, "vera": 1}
    assert set(office.column(leads.c.state)) == {"assigned"}


async def test_handing_over_twice_or_to_nobody_known_is_said(office: Office) -> None:
    await office.post(*PHONES[:2])
    assert (await office.parts.serving.office.managers.hand_over("boris", "anna", "irina"))["leads"] == 1
    assert (await office.parts.serving.office.managers.hand_over("boris", "anna", "irina"))["leads"] == 0
    for manager, to, status in (("boris", "boris", 422), ("boris", "nobody", 422), ("nobody", "anna", 404)):
        with pytest.raises(Refused) as refused:
            await office.parts.serving.office.managers.hand_over(manager, to, "irina")
        assert refused.value.status == status


async def test_a_rename_keeps_leads_turns_and_the_switch(office: Office) -> None:
    await office.post(*PHONES[:2])
    await office.parts.serving.office.managers.set_available("boris", available=False, actor="irina")
    await office.reload(RENAMED)
    shown = {row["name"]: row for row in (await office.parts.serving.office.managers.all())["items"]}
    assert set(shown) == {"anna", "bob"}
    assert (shown["bob"]["open"], shown["bob"]["available"], shown["bob"]["turns"]) == (1, False, {"sales": 2})
    assert (await office.reload(RENAMED))["changes"] == []


async def test_a_channel_may_be_renamed_with_its_history(office: Office) -> None:
    await office.post(PHONES[0])
    await office.reload(SMALL.replace("site: {kind: webform}", "landing: {kind: webform, was: site}"))
    page = office.parts.core.store.peek(
        lambda db: lead_views.lead_page(db, lead_views.LeadFilter(channel="landing"), 10, None)
    )
    assert len(page.items) == 1
    assert list(office.parts.core.adapters) == ["desk", "landing"]
    assert office.parts.core.adapters.reader("site") is not None


async def test_what_needs_a_new_start_is_said_and_left_as_it_is(office: Office) -> None:
    shown = await office.reload(SMALL + "http: {port: 9999}\nlanguage: en\n")
    assert shown["restart"] == ["http", "language"]
    assert office.parts.core.current.config.http.port == 8080


async def test_a_file_whose_rules_fail_their_own_tests_changes_nothing(office: Office) -> None:
    tested = TWO_TEAMS + (
        "routing: [{when: {keyword: [опт]}, team: south}, {team: sales}]\n"
        "routing_tests: [{name: опт на юг, given: {channel: site, text: нужен опт}, expect: {team: %s}}]\n"
    )
    with pytest.raises(Refused) as refused:
        await office.reload(tested % "sales")
    assert "routing_tests[0]" in str(refused.value)
    assert office.column(revisions.c.id) == [1]
    await office.reload(tested % "south")
    assert sorted(office.column(revisions.c.id)) == [1, 2]


async def test_a_plan_leaves_no_trace(office: Office) -> None:
    office.file.write_text(RULED)
    planned = await office.parts.reloader.plan()
    assert planned["changes"]
    assert office.column(revisions.c.id) == [1]
    assert await office.post(*PHONES[:2]) == ["anna", "boris"]


def test_an_adapter_that_was_taken_away_still_reads_what_it_had_taken_in() -> None:
    adapters = Adapters({"site": Plain("site"), "old": Plain("old")})
    adapters.change({"site": Plain("site")})
    assert list(adapters) == ["site"]
    reader: Adapter[Any] | None = adapters.reader("old")
    assert reader is not None
    assert reader.parse(envelope({"text": "привет"})) is not None
    assert adapters.reader("never") is None


async def test_what_a_channel_had_taken_in_is_a_duplicate_under_its_new_name_too(office: Office) -> None:
    parts = wire(office.parts.core.store)
    (first,) = parts.append(envelope({"text": "раз"}, identity="e-1"))
    await office.reload(SMALL.replace("site: {kind: webform}", "landing: {kind: webform, was: site}"))
    (again,) = wire(office.parts.core.store).append(envelope({"text": "раз"}, identity="e-1", channel="landing"))
    assert (again.duplicate, again.id) == (True, first.id)
