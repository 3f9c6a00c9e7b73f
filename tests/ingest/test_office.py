"""A person's hand over both databases: what each action does, once, and that asking leaves no trace."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from desk.ports import Refused
from ingest.assembly import Parts as Assembled
from ingest.assembly import assemble
from ingest.turns.hand import ACTIONS
from storage.journal import Result
from storage.schema import decisions, journal, leads
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, Parts, at_clock, envelope, wire

CONFIG = """\
channels: {site: {kind: webform}}
reasons: {disqualified: [спам], lost: [дорого]}
managers: {anna: {name: Анна, capacity: 2}, boris: {name: Борис, capacity: 2}}
teams: {sales: {managers: [anna, boris]}, south: {managers: [boris]}}
routing: [{team: sales}]
"""
ANNA, BORIS = {"phones": ["8 912 345-67-81"]}, {"phones": ["8 912 345-67-82"]}
ORDERS: dict[str, dict[str, Any]] = {
    "accept": {},
    "decline": {"manager": "anna"},
    "assign": {"manager": "boris"},
    "disqualify": {"reason": "спам"},
    "lose": {"reason": "дорого"},
    "convert": {},
    "reopen": {},
}
STATES = ("unprocessed", "assigned", "in_work", "converted", "lost", "disqualified")


class Hand:
    """The office of a store, and its parts."""

    def __init__(self, parts: Parts, assembled: Assembled) -> None:
        self.parts, self.office, self.clock = parts, assembled.serving.office, assembled.core.clock

    def post(self, *said: dict[str, Any]) -> list[str]:
        """Leads of these people; their ids."""
        numbers = [result.lead for result in self.parts.take(*said, at=self.clock.now())]
        return [str(self.parts.lead(number)["uid"]) for number in numbers]

    async def act(self, uid: str, action: str, actor: str = "irina", **order: Any) -> dict[str, Any]:
        return dict(await self.office.leads.act(uid, action, order, actor))

    async def bring(self, uid: str, state: str) -> None:
        """A lead that waits, into a state by a person's hand."""
        if state != "unprocessed":
            await self.act(uid, "assign", manager="boris")
        if state not in {"unprocessed", "assigned"}:
            action = {"in_work": "accept", "converted": "convert", "lost": "lose", "disqualified": "disqualify"}[state]
            await self.act(uid, action, **ORDERS[action])


@pytest.fixture
async def hand(store: Store, tmp_path: Path) -> Hand:
    assembled = await assemble(configured(tmp_path, CONFIG), store, at_clock(NOW))
    return Hand(wire(store), assembled)


async def refused(command: Callable[[], Awaitable[Any]]) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        await command()
    return error.value.status, error.value.code


# What a closed lead does not refuse: to be closed in the same way again, and to be reopened.
CLOSED = {
    "converted": {"convert", "reopen"},
    "lost": {"lose", "reopen"},
    "disqualified": {"disqualify", "reopen"},
}
# An order that the lead is given to whom it has already changes nothing, as accepting twice does.
LEADS_TO = {
    "unprocessed": {
        "accept": "in_work",
        "assign": "assigned",
        "disqualify": "disqualified",
        "lose": "lost",
        "convert": "converted",
    },
    "assigned": {
        "accept": "in_work",
        "decline": "unprocessed",
        "disqualify": "disqualified",
        "lose": "lost",
        "convert": "converted",
    },
    "in_work": {"disqualify": "disqualified", "lose": "lost", "convert": "converted"},
    "converted": {"reopen": "unprocessed"},
    "lost": {"reopen": "unprocessed"},
    "disqualified": {"reopen": "unprocessed"},
}


@pytest.mark.parametrize("state", STATES)
async def test_an_action_leads_where_it_should_and_nowhere_else(hand: Hand, state: str) -> None:
    for name in ("anna", "boris"):
        await hand.office.managers.set_available(name, available=False, actor="irina")
    for number, action in enumerate(ACTIONS, 10):
        (uid,) = hand.post({"phones": [f"8 912 345-67-{number}"]})
        await hand.bring(uid, state)
        order = ORDERS[action] | ({"manager": "anna"} if action == "accept" and state == "unprocessed" else {})
        order |= {"manager": "boris"} if action == "decline" else {}
        if state in CLOSED and action not in CLOSED[state]:
            assert await refused(partial(hand.act, uid, action, **order)) == (409, "closed")
            continue
        if action == "decline" and state != "assigned":
            why = {"unprocessed": "not_offered", "in_work": "taken"}[state]
            assert await refused(partial(hand.act, uid, action, **order)) == (409, why)
            continue
        after = (await hand.act(uid, action, **order))["state"]
        assert (action, after) == (action, LEADS_TO[state].get(action, state))
        assert hand.parts.balanced()


async def test_every_lead_is_in_exactly_one_state_that_has_its_fields(hand: Hand) -> None:
    await hand.office.managers.set_available("boris", available=False, actor="irina")
    uids = hand.post(*({"phones": [f"8 912 345-67-{n}"]} for n in range(10, 16)))
    await hand.act(uids[0], "accept", manager="anna")
    await hand.act(uids[1], "convert")
    await hand.act(uids[2], "lose")
    await hand.act(uids[3], "disqualify", reason="спам")
    for lead in hand.parts.leads():
        assert lead["state"] in STATES
        assert (lead["reason"] is not None) == (lead["state"] in {"unprocessed", "disqualified"})
        assert (lead["closed_at"] is not None) == (lead["state"] in {"converted", "lost", "disqualified"})
        if lead["state"] in {"assigned", "in_work"}:
            assert lead["owner"] is not None
        if lead["state"] == "unprocessed":
            assert lead["owner"] is None


@pytest.mark.parametrize("action", ACTIONS)
async def test_the_same_action_twice_is_done_once(hand: Hand, action: str) -> None:
    (uid,) = hand.post(ANNA)
    if action == "reopen":
        await hand.act(uid, "lose")
        await hand.office.managers.set_available("anna", available=False, actor="irina")
        await hand.office.managers.set_available("boris", available=False, actor="irina")
    first = await hand.act(uid, action, **ORDERS[action])
    before = hand.parts.everything()
    assert await hand.act(uid, action, **ORDERS[action], version=1) == first
    assert hand.parts.everything() == before
    assert hand.parts.balanced()


async def test_a_stale_version_is_refused_with_the_present_state(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    version = (await hand.office.leads.lead(uid))["version"]
    await hand.act(uid, "accept", version=version)
    with pytest.raises(Refused) as error:
        await hand.act(uid, "convert", version=version)
    assert (error.value.status, error.value.code) == (409, "stale")
    assert error.value.present is not None
    assert (error.value.present["state"], error.value.present["version"]) == ("in_work", version + 1)
    assert (await hand.act(uid, "convert", version=version + 1))["state"] == "converted"


async def test_an_order_that_lacks_something_hears_first_that_the_lead_has_changed(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    version = (await hand.office.leads.lead(uid))["version"]
    await hand.act(uid, "assign", team="south")
    await hand.act(uid, "decline")
    assert (await hand.office.leads.lead(uid))["owner"] is None
    assert await refused(lambda: hand.act(uid, "accept", version=version)) == (409, "stale")
    assert await refused(lambda: hand.act(uid, "lose", version=version)) == (409, "stale")
    assert await refused(lambda: hand.act(uid, "accept")) == (422, "incomplete")
    await hand.act(uid, "disqualify", reason="спам")
    assert await refused(lambda: hand.act(uid, "accept")) == (409, "closed")


async def test_a_lead_that_another_has_in_work_is_taken(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    await hand.act(uid, "accept", manager="anna")
    assert await refused(lambda: hand.act(uid, "accept", manager="boris")) == (409, "taken")
    assert (await hand.act(uid, "assign", manager="boris"))["owner"] == "boris"


@pytest.mark.parametrize(
    ("action", "order", "answer"),
    [
        ("erase", {}, (404, "no_such_action")),
        ("assign", {}, (422, "incomplete")),
        ("assign", {"manager": "nobody"}, (422, "no_such_manager")),
        ("assign", {"team": "nowhere"}, (422, "no_such_team")),
        ("disqualify", {}, (422, "incomplete")),
        ("disqualify", {"reason": "просто"}, (422, "no_such_reason")),
        ("lose", {"reason": "просто"}, (422, "no_such_reason")),
    ],
)
async def test_an_order_that_cannot_be_done_changes_nothing(
    hand: Hand, action: str, order: dict[str, Any], answer: tuple[int, str]
) -> None:
    (uid,) = hand.post(ANNA)
    before = hand.parts.everything()
    assert await refused(lambda: hand.act(uid, action, **order)) == answer
    assert hand.parts.everything() == before


async def test_a_lead_that_is_not_there_is_not_found(hand: Hand) -> None:
    for uid in ("nothing", "01890a5d-ac96-774b-bcce-b302099a8057"):
        assert await refused(partial(hand.act, uid, "convert")) == (404, "no_such_lead")


async def test_closing_a_lead_frees_its_manager_for_the_oldest_that_waits(hand: Hand) -> None:
    uids = hand.post(*({"phones": [f"8 912 345-67-{n}"]} for n in range(10, 16)))
    waits = [lead["uid"] for lead in hand.parts.leads() if lead["state"] == "unprocessed"]
    assert waits == uids[4:]
    await hand.act(uids[0], "convert")
    assert [(await hand.office.leads.lead(uid))["state"] for uid in waits] == ["assigned", "unprocessed"]
    assert hand.parts.balanced()


async def test_another_team_distributes_the_lead_by_its_own_rotation(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    moved = await hand.act(uid, "assign", team="south")
    assert (moved["team"], moved["owner"], moved["state"]) == ("south", "boris", "assigned")
    assert hand.parts.shares() == {"boris": 1}
    assert hand.parts.balanced()


async def test_a_lead_keeps_its_enquiry_in_another_team_unless_that_one_is_taken(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    await hand.act(uid, "assign", team="south")
    (second,) = hand.post(ANNA)
    assert second != uid
    await hand.act(second, "assign", team="south")
    slots = {lead["uid"]: lead["enquiry_of"] for lead in hand.parts.leads()}
    assert slots[uid] is not None
    assert slots[second] is None
    assert hand.parts.balanced()


async def test_a_persons_hand_goes_over_a_limit_and_past_an_absence(hand: Hand) -> None:
    uids = hand.post(*({"phones": [f"8 912 345-67-{n}"]} for n in range(10, 14)))
    await hand.office.managers.set_available("anna", available=False, actor="irina")
    for uid in uids:
        assert (await hand.act(uid, "assign", manager="anna"))["owner"] == "anna"
    assert hand.parts.shares() == {"anna": 4}
    assert hand.parts.balanced()


async def test_away_keeps_open_leads_and_back_takes_what_waits(hand: Hand) -> None:
    hand.post(ANNA)
    for name in ("anna", "boris"):
        away = await hand.office.managers.set_available(name, available=False, actor="irina")
        assert (away["available"], away["eligible"], away["why_not"]) == (False, False, "away")
    (waits,) = hand.post(BORIS)
    assert (await hand.office.leads.lead(waits))["reason"] == "nobody_available"
    count = hand.parts.count(decisions)
    await hand.office.managers.set_available("boris", available=False, actor="irina")
    assert hand.parts.count(decisions) == count
    back = await hand.office.managers.set_available("boris", available=True, actor="irina")
    assert (back["open"], back["eligible"]) == (1, True)
    assert hand.parts.shares() == {"anna": 1, "boris": 1}
    unknown = hand.office.managers.set_available("nobody", available=True, actor="irina")
    assert await refused(lambda: unknown) == (404, "no_such_manager")


async def test_availability_outlives_a_restart_and_a_new_revision(hand: Hand, store: Store, tmp_path: Path) -> None:
    await hand.office.managers.set_available("anna", available=False, actor="irina")
    again = await assemble(configured(tmp_path, CONFIG + "language: en\n"), store, at_clock(NOW))
    stands = {row["name"]: row["available"] for row in (await again.serving.office.managers.all())["items"]}
    assert stands == {"anna": False, "boris": True}


async def test_the_notice_of_a_trial_is_in_its_readers_language_and_by_his_clock(store: Store, tmp_path: Path) -> None:
    text = CONFIG.replace("name: Анна", "name: Анна, language: en, timezone: Asia/Yekaterinburg")
    text = text.replace("[anna, boris]", "[anna], accept_within: 3m, respond_within: 30m", 1)
    assembled = await assemble(configured(tmp_path, text), store, at_clock(NOW))
    approach = {"channel": "site", "phone": "8 912 345-67-81", "at": "2026-11-25 23:10"}
    notice = (await assembled.serving.office.approaches.attempt(approach))["notice"]
    assert (notice["to"], notice["subject"]) == ("anna", "A lead is offered to you: 8 912 345-67-81")
    lines = notice["text"].splitlines()
    assert {"Accept by: 26.11.2026 01:13", "Answer by: 26.11.2026 01:40"} <= set(lines)


async def test_to_try_leaves_no_trace(hand: Hand) -> None:
    hand.post(ANNA)
    before = hand.parts.everything()
    approaches: list[dict[str, Any]] = [
        {"phone": "8 912 345-67-81", "name": "Борис"},
        {"email": "new@example.com", "name": "Вера", "text": "Цемент", "city": "Саратов"},
        {"email": "info@example.com"},
        {},
        {"phone": "8 912 345-67-81", "at": "2027-09-01 23:10"},
    ]
    shown = [await hand.office.approaches.attempt({"channel": "site", **approach}) for approach in approaches]
    assert [one["outcome"] for one in shown] == ["attached", "created", "created", "created", "created"]
    assert all(one["lead"]["owner"] in {"anna", "boris"} for one in shown)
    assert hand.parts.everything() == before
    assert await refused(lambda: hand.office.approaches.attempt({"channel": "nowhere"})) == (422, "no_such_channel")
    for at in ("soon", "0001-01-01", "9999-12-31 23:59"):
        wrong = {"channel": "site", "at": at}
        assert await refused(partial(hand.office.approaches.attempt, wrong)) == (422, "bad_time")


async def test_a_dry_replay_leaves_no_trace_and_a_replay_does_what_it_showed(hand: Hand) -> None:
    fast = b'{"phone": "8 912 345-67-81", "message": "\xd0\xa6\xd0\xb5\xd0\xbc\xd0\xb5\xd0\xbd\xd1\x82"}'
    broken = envelope(fast)
    broken = type(broken)("site", "x", fast, NOW, {"content_type": "application/json"}, broken.digest)
    (accepted,) = hand.parts.append(broken)
    (claimed,) = hand.parts.claim()
    fail = [Result(claimed.entry, "failed", "unreadable")]
    hand.parts.store.transact(lambda db: hand.parts.journal.decide(db, fail, NOW, "worker"))
    before = hand.parts.everything()
    (dry,) = (await hand.office.journal.replay([accepted.id], as_client=False, dry_run=True, actor="irina"))["items"]
    assert (dry["replayed"], dry["outcome"], dry["lead"]["state"]) == (False, "created", "assigned")
    assert hand.parts.everything() == before
    done = await hand.office.journal.replay([accepted.id, "nonsense"], as_client=False, dry_run=False, actor="irina")
    assert [(item["replayed"], item.get("code")) for item in done["items"]] == [
        (True, None),
        (False, "no_such_envelope"),
    ]
    assert [row["outcome"] for row in hand.parts.rows(journal)] == ["pending"]
    again = await hand.office.journal.replay([accepted.id], as_client=False, dry_run=False, actor="irina")
    assert [(item["replayed"], item["code"]) for item in again["items"]] == [(False, "pending")]
    assert hand.parts.balanced()


async def test_what_has_an_effect_is_not_replayed_and_says_so(hand: Hand) -> None:
    hand.post(ANNA)
    (uid,) = (row["uid"] for row in hand.parts.rows(journal))
    done = await hand.office.journal.replay([uid], as_client=False, dry_run=False, actor="irina")
    assert done == {"items": [{"id": uid, "replayed": False, "code": "decided"}]}


async def test_a_reopened_lead_waits_or_goes_out_and_comes_back_to_its_manager(hand: Hand) -> None:
    (uid,) = hand.post(ANNA)
    owner = (await hand.office.leads.lead(uid))["owner"]
    await hand.act(uid, "lose", reason="дорого")
    hand.clock.advance(timedelta(hours=1))
    reopened = await hand.act(uid, "reopen")
    assert reopened["state"] == "assigned"
    assert reopened["owner"] == owner
    assert hand.parts.count(leads) == 1
    assert hand.parts.balanced()
