"""Whose turn it is: fairness, capacity, order, the client's own manager, and why a lead stays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, combinations, pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routing.distribute import (
    OBSTACLES,
    REASONS,
    Distribution,
    Given,
    Left,
    Reason,
    Standing,
    Waiting,
    anyone_free,
    distribute,
    next_shift_change,
)
from routing.hours import ALWAYS, Hours, parse_hours
from routing.policy import Manager, Team

MOSCOW: Final = ZoneInfo("Europe/Moscow")
NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)  # Monday, 12:00 in Moscow
NEVER_NOW: Final = parse_hours("Sun 03:00-03:01")
WAIT: Final = timedelta(minutes=10)
NAMES: Final = ("anna", "boris", "vera", "gleb", "dina")


def manager(name: str, *, capacity: int | None = None, hours: Hours = ALWAYS) -> Manager:
    return Manager(name, name.title(), capacity, hours, MOSCOW)


def free(name: str, open_leads: int = 0) -> Standing:
    return Standing(name, available=True, open=open_leads)


def leads(count: int, *, first: int = 1, owner: str | None = None) -> list[Waiting]:
    return [Waiting(lead, NOW + timedelta(seconds=lead), owner) for lead in range(first, first + count)]


@dataclass
class Floor:
    """A team at work: what the store would keep between one distribution and the next."""

    team: Team
    managers: dict[str, Manager]
    standings: dict[str, Standing]
    turns: Mapping[str, int]
    now: datetime = NOW

    def distribute(self, waiting: Sequence[Waiting]) -> Distribution:
        done = distribute(self.team, self.managers, waiting, self.standings, self.turns, self.now)
        self.turns = done.turns
        for one in done.given:
            self.change(one.manager, open=self.standings[one.manager].open + 1)
        return done

    def change(self, name: str, **facts: bool | int) -> None:
        self.standings[name] = replace(self.standings[name], **facts)  # type: ignore[arg-type] # mypy cannot see which

    def is_eligible(self, name: str) -> bool:
        """The rule of who may have a lead, said the long way."""
        if name not in self.managers or name not in self.standings:
            return False
        who, standing = self.managers[name], self.standings[name]
        return (
            who.hours.open_at(self.now, who.zone)
            and standing.available
            and not standing.on_call
            and not standing.leaving
            and (who.capacity is None or standing.open < who.capacity)
        )


def floor(*members: Manager, sticky_wait: timedelta | None = WAIT) -> Floor:
    """A team of these managers, everybody free."""
    team = Team("sales", tuple(member.name for member in members), None, sticky_wait)
    return Floor(
        team, {member.name: member for member in members}, {member.name: free(member.name) for member in members}, {}
    )


def five() -> Floor:
    return floor(*map(manager, NAMES))


def shares(done: Distribution) -> Counter[str]:
    return Counter(one.manager for one in done.given)


def only(left: Sequence[Left]) -> Left:
    (one,) = left
    return one


# While a telephone rings


def test_a_lead_whose_telephone_rings_waits_for_an_answer_as_long_as_it_may_and_is_then_anybodys() -> None:
    desk = five()
    rings = Waiting(1, NOW, None, NOW + timedelta(seconds=60), "ringing")
    done = desk.distribute([rings, *leads(1, first=2)])
    assert only(done.left) == Left(1, "ringing", NOW + timedelta(seconds=60), ())
    assert shares(done) == {"anna": 1}
    desk.now = NOW + timedelta(seconds=60)
    assert shares(desk.distribute([rings])) == {"boris": 1}


def test_a_telephone_that_has_stopped_ringing_leaves_the_whole_wait_for_the_clients_own_manager() -> None:
    desk = five()
    desk.change("vera", available=False)
    rang = Waiting(1, NOW, "vera", NOW - timedelta(seconds=1), "ringing")
    assert only(desk.distribute([rang]).left) == Left(1, "waiting_for_owner", NOW + WAIT, (("vera", "away"),))


# The turn


def test_leads_go_round_in_the_teams_order_when_nobody_had_a_turn() -> None:
    desk = five()
    done = desk.distribute(leads(7))
    assert [one.manager for one in done.given] == [*NAMES, "anna", "boris"]
    assert [one.turn for one in done.given] == [1, 2, 3, 4, 5, 6, 7]
    assert done.turns == {"anna": 6, "boris": 7, "vera": 3, "gleb": 4, "dina": 5}


def test_the_turn_is_of_him_who_had_his_longest_ago_and_becomes_the_latest_of_all() -> None:
    desk = floor(manager("anna"), manager("boris"), manager("vera"))
    desk.turns = {"anna": 40, "boris": 12, "vera": 41, "gone": 50}
    done = desk.distribute(leads(1))
    assert (done.given[0].manager, done.given[0].turn) == ("boris", 51)
    assert done.turns == {"anna": 40, "boris": 51, "vera": 41, "gone": 50}


def test_the_turns_that_are_handed_in_are_not_changed() -> None:
    desk = five()
    before: dict[str, int] = {}
    desk.turns = before
    desk.distribute(leads(3))
    assert before == {}


def test_five_hundred_leads_over_five_managers_are_a_hundred_each() -> None:
    assert set(shares(five().distribute(leads(500))).values()) == {100}


def test_the_turns_of_an_absentee_spread_over_all_the_others() -> None:
    desk = five()
    desk.change("boris", available=False)
    assert shares(desk.distribute(leads(400))) == {"anna": 100, "vera": 100, "gleb": 100, "dina": 100}


def test_absences_that_come_and_go_do_not_favour_the_neighbour() -> None:
    desk = five()
    got: Counter[str] = Counter()
    for lead in range(400):
        desk.change("boris", available=lead % 2 == 0)
        got += shares(desk.distribute(leads(1, first=lead)))
    others = [got[name] for name in NAMES if name != "boris"]
    assert max(others) - min(others) <= 1


def test_a_return_brings_one_turn_and_no_burst() -> None:
    desk = five()
    desk.change("boris", available=False)
    desk.distribute(leads(100))
    desk.change("boris", available=True)
    given = [one.manager for one in desk.distribute(leads(10, first=101)).given]
    assert given.count("boris") == 2
    assert given[0] == given[5] == "boris"


def test_a_limit_in_the_team_leaves_the_rest_to_all_the_others() -> None:
    desk = floor(manager("anna", capacity=10), *map(manager, NAMES[1:]))
    assert shares(desk.distribute(leads(410))) == {"anna": 10, "boris": 100, "vera": 100, "gleb": 100, "dina": 100}


def test_a_lead_counts_against_the_limit_as_soon_as_it_is_given() -> None:
    desk = floor(manager("anna", capacity=3), manager("boris", capacity=0))
    desk.change("anna", open=1)
    done = desk.distribute(leads(5))
    assert [(one.lead, one.manager) for one in done.given] == [(1, "anna"), (2, "anna")]
    assert [(one.lead, one.reason) for one in done.left] == [
        (3, "all_at_limit"),
        (4, "all_at_limit"),
        (5, "all_at_limit"),
    ]


def test_who_is_above_a_lowered_limit_gets_nothing() -> None:
    desk = floor(manager("anna", capacity=3))
    desk.change("anna", open=7)
    assert only(desk.distribute(leads(1)).left).reason == "all_at_limit"


def test_leads_go_by_their_place_and_then_by_their_number_whatever_the_order_they_are_handed_in() -> None:
    desk = floor(manager("anna"))
    early, late = NOW - timedelta(days=30), NOW + timedelta(days=1)
    waiting = [Waiting(9, late), Waiting(8, NOW), Waiting(7, early), Waiting(2, NOW)]
    assert [one.lead for one in desk.distribute(waiting).given] == [7, 2, 8, 9]


def test_a_decision_tells_who_was_eligible_and_why_the_others_were_not() -> None:
    desk = floor(
        manager("anna"),
        manager("boris", capacity=2),
        manager("vera", hours=NEVER_NOW),
        *map(manager, ("gleb", "dina", "egor", "gone", "unread")),
    )
    desk.change("boris", open=2)
    desk.change("gleb", available=False, on_call=True)
    desk.change("dina", on_call=True)
    desk.change("egor", leaving=True, available=False)
    del desk.managers["gone"]
    del desk.standings["unread"]
    one = desk.distribute(leads(1)).given[0]
    assert one.eligible == ("anna",)
    assert one.skipped == (
        ("boris", "at_limit"),
        ("vera", "off_shift"),
        ("gleb", "away"),
        ("dina", "on_call"),
        ("egor", "leaving"),
        ("gone", "leaving"),
        ("unread", "leaving"),
    )


def test_who_reaches_his_limit_is_skipped_for_the_next_lead() -> None:
    desk = floor(manager("anna", capacity=1), manager("boris"))
    first, second = desk.distribute(leads(2)).given
    assert (first.eligible, first.skipped) == (("anna", "boris"), ())
    assert (second.eligible, second.skipped) == (("boris",), (("anna", "at_limit"),))


# Why a lead stays


@pytest.mark.parametrize(
    ("anna", "boris", "reason"),
    [
        ({"open": 1}, {"open": 1}, "all_at_limit"),
        ({"open": 1}, {"available": False}, "all_at_limit"),
        ({"available": False}, {"available": False}, "nobody_available"),
        ({"on_call": True}, {"on_call": True}, "nobody_available"),
        ({"available": False, "open": 1}, {"leaving": True}, "nobody_available"),
        ({"leaving": True}, {"leaving": True, "open": 1}, "outside_hours"),
    ],
)
def test_a_lead_that_nobody_can_take_stays_with_the_reason(
    anna: dict[str, bool | int], boris: dict[str, bool | int], reason: Reason
) -> None:
    desk = floor(manager("anna", capacity=1), manager("boris", capacity=1))
    desk.change("anna", **anna)
    desk.change("boris", **boris)
    left = only(desk.distribute(leads(1)).left)
    assert (left.reason, left.wait_until) == (reason, None)
    assert [name for name, _ in left.skipped] == ["anna", "boris"]


def test_a_lead_out_of_hours_says_so_even_where_others_are_away_or_full() -> None:
    desk = floor(manager("anna", hours=NEVER_NOW), manager("boris", hours=NEVER_NOW, capacity=0))
    desk.change("anna", available=False)
    assert only(desk.distribute(leads(1)).left).reason == "outside_hours"


def test_one_who_is_on_shift_decides_the_reason_over_those_who_are_not() -> None:
    desk = floor(manager("anna", hours=NEVER_NOW), manager("boris"))
    desk.change("boris", available=False)
    assert only(desk.distribute(leads(1)).left).reason == "nobody_available"


def test_a_team_of_nobody_is_out_of_hours() -> None:
    assert only(floor().distribute(leads(1)).left) == Left(1, "outside_hours", None, ())


def test_nothing_waiting_changes_nothing() -> None:
    desk = five()
    desk.turns = {"anna": 3}
    assert desk.distribute([]) == Distribution((), (), {"anna": 3})


def test_anyone_is_free_where_one_manager_at_least_could_have_a_lead() -> None:
    desk = floor(manager("anna", capacity=1), manager("boris", hours=NEVER_NOW))
    assert anyone_free(desk.managers, desk.standings, NOW)
    desk.change("anna", open=1)
    assert not anyone_free(desk.managers, desk.standings, NOW)
    desk.standings["gone"] = free("gone")
    assert not anyone_free(desk.managers, desk.standings, NOW)
    assert not anyone_free(desk.managers, {}, NOW)


# The client's own manager


def test_a_clients_own_manager_gets_the_lead_without_a_turn() -> None:
    desk = five()
    done = desk.distribute([*leads(1, owner="gleb"), *leads(1, first=2)])
    assert done.given[0] == Given(1, "gleb", "own_client", None, ("gleb",), ())
    assert (done.given[1].manager, done.given[1].turn) == ("anna", 1)
    assert done.turns == {"anna": 1}


def test_a_clients_own_manager_need_not_be_in_the_team() -> None:
    desk = floor(manager("anna"))
    desk.managers["zoya"] = manager("zoya", capacity=1)
    desk.standings["zoya"] = free("zoya")
    done = desk.distribute(leads(2, owner="zoya"))
    assert done.given[0].manager == "zoya"
    assert only(done.left) == Left(2, "waiting_for_owner", NOW + WAIT, (("zoya", "at_limit"),))


def test_the_leads_of_his_own_clients_count_against_the_limit_of_one_in_rotation() -> None:
    desk = floor(manager("anna", capacity=1), manager("boris"))
    done = desk.distribute([*leads(1, owner="anna"), *leads(2, first=2)])
    assert [one.manager for one in done.given] == ["anna", "boris", "boris"]
    assert done.given[1].skipped == (("anna", "at_limit"),)


@pytest.mark.parametrize("facts", [{"available": False}, {"on_call": True}, {"open": 1}])
def test_a_lead_waits_for_its_owner_on_shift_and_then_goes_to_everybody(facts: dict[str, bool | int]) -> None:
    desk = floor(manager("anna", capacity=1), manager("boris"))
    desk.change("anna", **facts)
    (lead,) = leads(1, owner="anna")
    left = only(desk.distribute([lead]).left)
    assert (left.reason, left.wait_until) == ("waiting_for_owner", NOW + WAIT)
    lead = replace(lead, wait_until=left.wait_until)
    desk.now = NOW + WAIT - timedelta(microseconds=1)
    assert only(desk.distribute([lead]).left) == left
    desk.now = NOW + WAIT
    one = desk.distribute([lead]).given[0]
    assert (one.manager, one.by, one.turn) == ("boris", "turn", 1)


def test_a_lead_that_waits_goes_to_its_owner_as_soon_as_he_is_eligible() -> None:
    desk = floor(manager("anna"), manager("boris"))
    lead = Waiting(1, NOW, "anna", NOW + WAIT)
    desk.now = NOW + timedelta(minutes=1)
    assert desk.distribute([lead]).given[0].by == "own_client"


def test_a_wait_that_is_over_does_not_begin_again_and_the_owner_is_still_preferred() -> None:
    desk = floor(manager("anna"), manager("boris"))
    desk.change("anna", available=False)
    desk.change("boris", available=False)
    lead = Waiting(1, NOW, "anna", NOW - timedelta(hours=1))
    left = only(desk.distribute([lead]).left)
    assert (left.reason, left.wait_until) == ("nobody_available", lead.wait_until)
    desk.change("anna", available=True)
    desk.change("boris", available=True)
    assert desk.distribute([lead]).given[0].by == "own_client"


def test_a_lead_waits_for_an_owner_whose_shift_begins_before_the_bound_and_not_for_a_later_one() -> None:
    desk = floor(
        manager("anna", hours=parse_hours("12:09-20:00")),
        manager("vera", hours=parse_hours("12:10-20:00")),
        manager("boris"),
    )
    done = desk.distribute([*leads(2, owner="anna"), *leads(1, first=3, owner="vera")])
    assert [(one.lead, one.reason, one.wait_until) for one in done.left] == [
        (1, "waiting_for_owner", NOW + WAIT),
        (2, "waiting_for_owner", NOW + WAIT),
    ]
    assert [(one.lead, one.manager) for one in done.given] == [(3, "boris")]


def test_a_lead_does_not_wait_for_an_owner_who_never_works() -> None:
    desk = floor(manager("anna", hours=Hours(())), manager("boris"))
    assert desk.distribute(leads(1, owner="anna")).given[0].manager == "boris"


@pytest.mark.parametrize("owner", ["leaver", "stranger", "unread"])
def test_a_lead_whose_owner_is_leaving_or_unknown_goes_straight_to_everybody(owner: str) -> None:
    desk = floor(manager("anna"), manager("leaver"))
    desk.change("leaver", leaving=True)
    desk.managers["unread"] = manager("unread")
    one = desk.distribute(leads(1, owner=owner)).given[0]
    assert (one.manager, one.by) == ("anna", "turn")
    assert one.skipped.count((owner, "leaving")) == 1


def test_a_team_without_sticky_pays_no_regard_to_whose_client_it_is() -> None:
    desk = floor(manager("anna"), manager("boris"), sticky_wait=None)
    assert [one.manager for one in desk.distribute(leads(2, owner="boris")).given] == ["anna", "boris"]


def test_a_sticky_wait_of_nothing_gives_the_lead_to_its_owner_at_once_or_to_everybody() -> None:
    desk = floor(manager("anna"), manager("boris"), sticky_wait=timedelta(0))
    assert desk.distribute(leads(1, owner="boris")).given[0].by == "own_client"
    desk.change("boris", available=False)
    assert desk.distribute(leads(1, owner="boris")).given[0].manager == "anna"


def test_a_lead_that_waits_for_its_owner_holds_nobody_else_up() -> None:
    desk = floor(manager("anna"), manager("boris"))
    desk.change("anna", on_call=True)
    done = desk.distribute([*leads(1, owner="anna"), *leads(1, first=2)])
    assert [(one.lead, one.manager) for one in done.given] == [(2, "boris")]


# The next change of shift


def test_the_next_change_of_shift_is_the_earliest_of_anyone() -> None:
    early = manager("anna", hours=parse_hours("Mon-Fri 09:00-13:00"))
    late = replace(early, zone=ZoneInfo("Asia/Yekaterinburg"), hours=parse_hours("Mon-Fri 10:00-14:30"))
    assert next_shift_change([early, late, manager("vera")], NOW) == NOW + timedelta(minutes=30)
    assert next_shift_change([manager("vera")], NOW) is None
    assert next_shift_change([], NOW) is None


# What holds whatever happens

SHIFTS: Final = (ALWAYS, parse_hours("Mon-Fri 09:00-18:00"), NEVER_NOW, parse_hours("12:05-20:00"))
A_STANDING = st.builds(
    Standing,
    manager=st.just(""),
    available=st.integers(0, 3).map(bool),
    open=st.integers(0, 4),
    on_call=st.integers(0, 4).map(lambda number: number == 1),
    leaving=st.integers(0, 5).map(lambda number: number == 1),
)
AN_OWNER = st.none() | st.sampled_from([*NAMES, "zoya", "stranger"])


@st.composite
def a_floor(draw: st.DrawFn) -> Floor:
    names = (*NAMES, "zoya")
    limits = st.none() | st.integers(0, 5)
    managers = {name: manager(name, capacity=draw(limits), hours=draw(st.sampled_from(SHIFTS))) for name in names}
    members = draw(st.lists(st.sampled_from(NAMES), unique=True))
    waits = st.sampled_from([WAIT, timedelta(0), None])
    return Floor(
        Team("sales", tuple(members), None, draw(waits)),
        managers,
        {name: replace(draw(A_STANDING), manager=name) for name in names},
        draw(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3))),
    )


@st.composite
def a_queue(draw: st.DrawFn) -> list[Waiting]:
    places = st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours))
    bounds = st.none() | st.sampled_from([NOW - WAIT, NOW, NOW + timedelta(minutes=3), NOW + timedelta(minutes=8)])
    numbers = draw(st.lists(st.integers(1, 60), unique=True, max_size=20))
    return [Waiting(number, draw(places), draw(AN_OWNER), draw(bounds)) for number in numbers]


def copy(desk: Floor) -> Floor:
    return replace(desk, standings=dict(desk.standings))


@given(desk=a_floor(), queue=a_queue())
@settings(max_examples=50, deadline=None)
def test_every_lead_is_given_or_left_and_only_to_one_who_may_have_it(desk: Floor, queue: list[Waiting]) -> None:
    world = copy(desk)
    done = desk.distribute(queue)
    settled = [one.lead for one in done.given] + [one.lead for one in done.left]
    assert sorted(settled) == sorted(one.lead for one in queue)
    for one in done.given:
        assert world.is_eligible(one.manager)
        assert one.manager in one.eligible
        assert (one.turn is None) == (one.by == "own_client")
        assert one.by == "own_client" or one.manager in desk.team.members
        world.change(one.manager, open=world.standings[one.manager].open + 1)


@given(desk=a_floor(), queue=a_queue())
@settings(max_examples=50, deadline=None)
def test_no_lead_is_left_to_everybody_while_a_member_may_have_one(desk: Floor, queue: list[Waiting]) -> None:
    done = desk.distribute(queue)
    if any(one.reason != "waiting_for_owner" for one in done.left):
        assert not any(map(desk.is_eligible, desk.team.members))


@given(desk=a_floor(), queue=a_queue())
@settings(max_examples=50, deadline=None)
def test_nothing_is_given_while_an_older_lead_that_the_same_manager_could_take_waits(
    desk: Floor, queue: list[Waiting]
) -> None:
    done = desk.distribute(queue)
    facts = {one.lead: one for one in queue}
    for left in done.left:
        older = facts[left.lead]
        takers = {older.owner} if left.reason == "waiting_for_owner" else set(desk.team.members)
        newer = [one for one in done.given if (facts[one.lead].place, one.lead) > (older.place, older.lead)]
        assert takers.isdisjoint(one.manager for one in newer)


@given(desk=a_floor(), queue=a_queue(), sizes=st.lists(st.integers(1, 5), min_size=1))
@settings(max_examples=50, deadline=None)
def test_one_call_and_many_give_the_same(desk: Floor, queue: list[Waiting], sizes: list[int]) -> None:
    apart, together = copy(desk), desk.distribute(queue)
    ordered = sorted(queue, key=lambda one: (one.place, one.lead))
    cuts = [0, *accumulate(sizes), len(ordered)]
    parts = [apart.distribute(ordered[start:end]) for start, end in pairwise(sorted(cuts))]
    assert [one for part in parts for one in part.given] == list(together.given)
    assert [one for part in parts for one in part.left] == list(together.left)
    assert apart.turns == together.turns


class Desk(RuleBasedStateMachine):
    """A team through days of leads, absences, calls, limits and shifts; it distributes after whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        nights = parse_hours("22:00-06:00")
        self.floor = floor(
            manager("anna"),
            manager("boris", capacity=2),
            manager("vera", hours=parse_hours("Mon-Fri 09:00-18:00")),
            manager("gleb", hours=nights, capacity=4),
            manager("dina", capacity=1),
        )
        self.waiting: dict[int, Waiting] = {}
        self.reasons: dict[int, Reason] = {}
        self.holder: dict[int, str] = {}
        self.history: list[tuple[str, frozenset[str]]] = []
        self.number = 0

    def settle(self) -> None:
        before = frozenset(filter(self.floor.is_eligible, NAMES))
        bounds = {lead: one.wait_until for lead, one in self.waiting.items()}
        done = self.floor.distribute(list(self.waiting.values()))
        full: set[str] = set()
        opened = {name: self.floor.standings[name].open - shares(done)[name] for name in NAMES}
        for one in done.given:
            del self.waiting[one.lead]
            self.holder[one.lead] = one.manager
            if one.by == "turn":
                self.history.append((one.manager, before - full))
            opened[one.manager] += 1
            if opened[one.manager] == self.floor.managers[one.manager].capacity:
                full.add(one.manager)
        # An instant at which somebody is not eligible ends the windows in which he was, though nothing is given in it.
        self.history.append(("", before - full))
        self.reasons = {one.lead: one.reason for one in done.left}
        for left in done.left:
            assert bounds[left.lead] in (None, left.wait_until)
            self.waiting[left.lead] = replace(self.waiting[left.lead], wait_until=left.wait_until)

    @rule(count=st.integers(1, 6), owner=st.none() | st.sampled_from(NAMES), hours=st.integers(0, 24))
    def leads_come(self, count: int, owner: str | None, hours: int) -> None:
        for _ in range(count):
            self.number += 1
            self.waiting[self.number] = Waiting(self.number, self.floor.now + timedelta(hours=hours), owner)
        self.settle()

    @rule(name=st.sampled_from(NAMES), available=st.booleans(), on_call=st.booleans())
    def a_manager_comes_or_goes(self, name: str, *, available: bool, on_call: bool) -> None:
        self.floor.change(name, available=available, on_call=on_call)
        self.settle()

    @rule(name=st.sampled_from(NAMES), leaving=st.integers(0, 3).map(lambda number: number == 0))
    def a_manager_leaves(self, name: str, *, leaving: bool) -> None:
        self.floor.change(name, leaving=leaving)
        self.settle()

    @rule(name=st.sampled_from(NAMES))
    def leads_are_closed(self, name: str) -> None:
        self.holder = {lead: holder for lead, holder in self.holder.items() if holder != name}
        self.floor.change(name, open=0)
        self.settle()

    @rule(minutes=st.sampled_from([1, 5, 10, 60, 300, 900]))
    def time_passes(self, minutes: int) -> None:
        self.floor.now += timedelta(minutes=minutes)
        self.settle()

    @invariant()
    def nobody_holds_more_than_his_limit(self) -> None:
        held = Counter(self.holder.values())
        for name, who in self.floor.managers.items():
            assert self.floor.standings[name].open == held[name]
            assert who.capacity is None or held[name] <= who.capacity

    @invariant()
    def every_lead_is_in_one_state_with_a_reason_that_is_true(self) -> None:
        assert self.waiting.keys().isdisjoint(self.holder)
        assert self.waiting.keys() == self.reasons.keys()
        rotating = [lead for lead, reason in self.reasons.items() if reason != "waiting_for_owner"]
        assert not (rotating and any(map(self.floor.is_eligible, NAMES)))

    @invariant()
    def who_waits_for_his_owner_waits_until_a_time_to_come(self) -> None:
        for lead, reason in self.reasons.items():
            if reason == "waiting_for_owner":
                until = self.waiting[lead].wait_until
                assert until is not None
                assert self.floor.now < until <= self.floor.now + WAIT

    def teardown(self) -> None:
        self.turns_of_any_two_differ_by_at_most_one_while_both_are_eligible()
        self.from_every_reason_people_and_time_lead_out()

    def turns_of_any_two_differ_by_at_most_one_while_both_are_eligible(self) -> None:
        for one, other in combinations(NAMES, 2):
            lead = low = high = 0
            for taker, eligible in self.history:
                if not {one, other} <= eligible:
                    lead = low = high = 0
                    continue
                lead += (taker == one) - (taker == other)
                low, high = min(low, lead), max(high, lead)
                assert high - low <= 1

    def from_every_reason_people_and_time_lead_out(self) -> None:
        for name in NAMES:
            self.floor.change(name, available=True, on_call=False, leaving=False)
        # Who is back may be full at once: only from then on his clients' further leads wait for him.
        self.settle()
        self.floor.now += WAIT
        self.settle()
        assert self.waiting == {}


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_codes_are_listed_once_each() -> None:
    assert len(set(OBSTACLES)) == len(OBSTACLES)
    assert len(set(REASONS)) == len(REASONS)
