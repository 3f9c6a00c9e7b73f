"""Offers: who is asked, how many at once, when there is no time left, and what follows when all have refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routing.distribute import Given, Left, Shown, Waiting, anyone_free, find_obstacle, find_obstacle_among
from routing.hours import parse_hours
from routing.policy import LAST_MINUTES, Policy, Team
from tests.routing.test_distribute import NAMES, NEVER_NOW, NOW, Floor, floor, leads, manager, only, shares

ACCEPT: Final = timedelta(minutes=3)
OFFICE: Final = parse_hours("Mon-Fri 09:00-18:00")


def offering(*members: Any, **more: Any) -> Floor:
    """A team with three minutes to accept."""
    desk = floor(*members)
    desk.team = replace(desk.team, **{"accept_within": ACCEPT, **more})
    return desk


def asked(desk: Floor, *waiting: Waiting) -> list[Given | Shown | Left]:
    """What becomes of leads, in their order."""
    done = desk.distribute(waiting)
    return sorted((*done.given, *done.shown, *done.left), key=lambda one: one.lead)


def lead(number: int = 1, *, refused: Sequence[str] = (), **more: Any) -> Waiting:
    return Waiting(number, NOW, refused=frozenset(refused), **more)


# How many at once, and when


def test_an_offer_is_to_be_answered_in_the_teams_working_time() -> None:
    desk = offering(manager("anna", hours=OFFICE), accept_within=timedelta(hours=7))
    assert desk.distribute([lead()]).answer_by == NOW + timedelta(hours=22)  # an hour into Tuesday
    assert offering(manager("anna")).distribute([lead()]).answer_by == NOW + ACCEPT
    assert floor(manager("anna")).distribute([lead()]).answer_by is None


def test_nobody_has_more_offers_than_his_limit_and_the_rest_waits() -> None:
    anna, boris = (replace(manager(name), offers=3) for name in ("anna", "boris"))
    done = offering(anna, boris).distribute(leads(10))
    assert shares(done) == {"anna": 3, "boris": 3}
    assert {one.reason for one in done.left} == {"all_at_limit"}
    assert done.left[0].skipped == (("anna", "at_offers"), ("boris", "at_offers"))
    assert done.exhausted == "all_at_limit"


def test_a_limit_of_offers_means_nothing_in_a_team_that_does_not_ask() -> None:
    desk = floor(replace(manager("anna"), offers=1))
    assert shares(desk.distribute(leads(5))) == {"anna": 5}


def test_the_limit_of_open_leads_is_told_before_that_of_offers() -> None:
    desk = offering(replace(manager("anna", capacity=1), offers=1))
    desk.distribute(leads(1))
    desk.change("anna", offered=1)
    assert only(desk.distribute(leads(1)).left).skipped == (("anna", "at_limit"),)


def test_offers_that_are_open_already_count() -> None:
    desk = offering(replace(manager("anna"), offers=3))
    desk.change("anna", offered=2)
    assert shares(desk.distribute(leads(3))) == {"anna": 1}
    desk.change("anna", offered=3)
    assert not anyone_free(desk.managers, desk.standings, NOW, desk.team)
    assert anyone_free(desk.managers, desk.standings, NOW)


def test_the_leads_of_his_own_clients_are_offers_too() -> None:
    desk = offering(replace(manager("anna"), offers=1), manager("boris"))
    first, second = asked(desk, lead(1, owner="anna"), lead(2, owner="anna"))
    assert isinstance(first, Given)
    assert first.by == "own_client"
    assert isinstance(second, Left)
    assert second.skipped == (("anna", "at_offers"),)


@pytest.mark.parametrize(
    ("accept_within", "left", "is_asked"),
    [
        (ACCEPT, ACCEPT, True),
        (ACCEPT, ACCEPT - timedelta(seconds=1), False),
        (timedelta(hours=4), LAST_MINUTES, True),
        (timedelta(hours=4), LAST_MINUTES - timedelta(seconds=1), False),
    ],
)
def test_nothing_is_offered_when_the_shift_ends_before_it_could_be_answered(
    accept_within: timedelta, left: timedelta, *, is_asked: bool
) -> None:
    desk = offering(manager("anna", hours=OFFICE), accept_within=accept_within)
    desk.now = NOW + timedelta(hours=6) - left
    (one,) = asked(desk, lead())
    if is_asked:
        assert isinstance(one, Given)
    else:
        assert one == Left(1, "outside_hours", None, (("anna", "shift_ending"),))


def test_a_team_that_does_not_ask_gives_to_the_last_minute() -> None:
    assert find_obstacle(manager("anna", hours=OFFICE), floor(manager("anna")).standings["anna"], NOW) is None
    desk = floor(manager("anna", hours=OFFICE))
    desk.now = NOW + timedelta(hours=6) - timedelta(seconds=1)
    assert shares(desk.distribute(leads(1))) == {"anna": 1}


def test_of_several_teams_one_that_would_give_him_a_lead_is_enough() -> None:
    anna = manager("anna", hours=OFFICE)
    standing, evening = floor(anna).standings["anna"], NOW + timedelta(hours=6) - timedelta(seconds=1)
    asking, giving = offering(anna).team, floor(anna).team
    obstacles = [find_obstacle_among(teams, anna, standing, evening) for teams in ([asking], [asking, giving], [])]
    assert obstacles == ["shift_ending", None, None]


def test_a_lead_does_not_wait_for_an_owner_whose_shift_is_ending() -> None:
    desk = offering(manager("anna", hours=OFFICE), manager("boris"))
    desk.now = NOW + timedelta(hours=6) - timedelta(minutes=1)
    (one,) = asked(desk, lead(owner="anna"))
    assert isinstance(one, Given)
    assert (one.manager, one.skipped) == ("boris", (("anna", "shift_ending"),))


# Refused


def test_who_refused_is_not_asked_again_and_uses_no_further_turn() -> None:
    desk = offering(manager("anna"), manager("boris"), manager("vera"))
    first, second = asked(desk, lead(1, refused=["anna"]), lead(2))
    assert isinstance(first, Given)
    assert isinstance(second, Given)
    assert (first.manager, first.eligible, first.skipped) == ("boris", ("boris", "vera"), (("anna", "refused"),))
    assert second.manager == "anna"


def test_a_lead_that_its_own_manager_refused_goes_to_the_others_and_waits_for_no_owner() -> None:
    desk = offering(manager("anna"), manager("boris"))
    (one,) = asked(desk, lead(owner="anna", refused=["anna"]))
    assert isinstance(one, Given)
    assert (one.manager, one.by) == ("boris", "turn")
    desk.change("anna", on_call=True)
    (one,) = asked(desk, lead(owner="anna", refused=["zoya"]))
    assert isinstance(one, Given)
    assert one.manager == "boris"


def test_when_all_who_are_there_have_refused_everybody_is_asked_at_once() -> None:
    desk = offering(*map(manager, ("anna", "boris")), manager("vera", hours=NEVER_NOW))
    (one,) = asked(desk, lead(refused=["anna", "boris"]))
    assert one == Shown(1, ("anna", "boris"), "everyone", (("vera", "off_shift"),))


def test_one_who_comes_later_is_asked_with_the_others_and_nobody_twice() -> None:
    desk = offering(*map(manager, ("anna", "boris", "vera")))
    waiting = lead(refused=["anna", "boris"], reason="refused_by_all", shown=frozenset({"anna", "boris"}))
    (one,) = asked(desk, waiting)
    assert one == Shown(1, ("vera",), "everyone", ())
    (one,) = asked(desk, replace(waiting, shown=frozenset(desk.managers)))
    assert one == Left(1, "refused_by_all", None, ())


@pytest.mark.parametrize(
    ("facts", "reason"), [({"on_call": True}, "nobody_available"), ({"offered": 1}, "all_at_limit")]
)
def test_a_lead_waits_for_one_who_has_not_refused_it_and_will_be_free_in_a_moment(
    facts: dict[str, int], reason: str
) -> None:
    desk = offering(manager("anna"), replace(manager("boris"), offers=1))
    desk.change("boris", **facts)
    (one,) = asked(desk, lead(refused=["anna"]))
    assert isinstance(one, Left)
    assert one.reason == reason


@pytest.mark.parametrize("facts", [{"available": False}, {"open": 1}, {"leaving": True}])
def test_a_lead_does_not_wait_for_one_who_may_be_busy_for_days(facts: dict[str, int]) -> None:
    desk = offering(manager("anna"), manager("boris", capacity=1))
    desk.change("boris", **facts)
    (one,) = asked(desk, lead(refused=["anna"]))
    assert isinstance(one, Shown)
    assert one.managers == ("anna",)


def test_why_a_refused_lead_stays_is_told_by_those_who_did_not_refuse_it() -> None:
    desk = offering(manager("anna", capacity=0), manager("boris"))
    desk.change("boris", available=False)
    assert only(desk.distribute([lead(refused=["anna"])]).left).reason == "nobody_available"
    assert only(desk.distribute([lead(refused=["anna", "boris"])]).left).reason == "all_at_limit"


def test_a_lead_back_from_an_owner_who_is_away_says_so_until_somebody_takes_it() -> None:
    desk = offering(manager("anna"), manager("boris"))
    desk.change("anna", available=False)
    desk.change("boris", available=False)
    back = lead(owner="anna", reason="owner_away")
    assert only(desk.distribute([back]).left).reason == "owner_away"
    desk.change("boris", available=True)
    assert desk.distribute([back]).given[0].manager == "boris"
    desk.change("anna", available=True)
    assert desk.distribute([back]).given[0].by == "own_client"


# The first to accept


def test_where_the_first_to_accept_has_it_all_are_asked_at_once_and_no_turn_is_used() -> None:
    desk = offering(*map(manager, ("anna", "boris")), manager("vera", hours=NEVER_NOW), strategy="first_to_accept")
    done = desk.distribute([lead(1), lead(2, refused=["anna"])])
    assert done.shown == (
        Shown(1, ("anna", "boris"), "first", (("vera", "off_shift"),)),
        Shown(2, ("boris",), "first", (("vera", "off_shift"), ("anna", "refused"))),
    )
    assert (done.turns, done.answer_by) == ({}, NOW + ACCEPT)


def test_the_first_to_accept_is_asked_for_no_more_leads_at_once_than_his_limit_of_offers() -> None:
    desk = offering(replace(manager("anna"), offers=2), replace(manager("boris"), offers=3), strategy="first_to_accept")
    done = desk.distribute(leads(5))
    assert [one.managers for one in done.shown] == [("anna", "boris"), ("anna", "boris"), ("boris",)]
    assert {one.reason for one in done.left} == {"all_at_limit"}


def test_the_first_to_accept_is_asked_for_no_more_leads_than_he_could_have() -> None:
    anna, boris = manager("anna", capacity=4), manager("boris", capacity=9)
    desk = offering(anna, boris, strategy="first_to_accept")
    desk.change("anna", open=1, offered=1, asked=1)
    assert [one.managers for one in desk.distribute(leads(4)).shown] == [
        ("anna", "boris"),
        ("anna", "boris"),
        ("boris",),
        ("boris",),
    ]
    desk.change("anna", open=3)
    assert desk.distribute(leads(1)).shown[0].skipped == (("anna", "at_limit"),)


@pytest.mark.parametrize("before", [1, 2])
def test_a_client_of_his_own_counts_beside_what_the_first_to_accept_is_asked_for(before: int) -> None:
    desk = offering(manager("anna", capacity=before + 1), manager("boris"), strategy="first_to_accept")
    done = desk.distribute([*map(lead, range(1, before + 1)), lead(8, owner="anna"), lead(9)])
    assert [given.manager for given in done.given] == ["anna"]
    assert [one.managers for one in done.shown] == [("anna", "boris")] * before + [("boris",)]


# What holds whatever happens


class Offers(RuleBasedStateMachine):
    """A team that is asked for days: it accepts, refuses, stays silent, comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        hours = parse_hours("Mon-Sun 08:00-20:00")
        names = (replace(manager(name, capacity=9, hours=hours), offers=2 + n % 2) for n, name in enumerate(NAMES))
        self.floor = offering(*names)
        self.number = 0
        self.waiting: dict[int, Waiting] = {}
        self.offered: dict[int, str] = {}
        self.accepted: dict[int, str] = {}
        self.since: dict[int, datetime] = {}
        self.history: list[tuple[str, frozenset[str], frozenset[str]]] = []

    def stand(self) -> None:
        offers, work = Counter(self.offered.values()), Counter(self.accepted.values())
        for name in NAMES:
            self.floor.change(name, offered=offers[name], open=offers[name] + work[name])

    def settle(self) -> None:
        self.stand()
        world = replace(self.floor, standings=dict(self.floor.standings))
        done = self.floor.distribute(list(self.waiting.values()))
        for one in done.given:
            waiting = self.waiting.pop(one.lead)
            able = frozenset(name for name in NAMES if self.may_have_an_offer(world, name))
            assert one.manager in able - waiting.refused
            self.history.append((one.manager, able, waiting.refused))
            self.offered[one.lead] = one.manager
            self.since[one.lead] = waiting.place
            standing = world.standings[one.manager]
            world.change(one.manager, offered=standing.offered + 1, open=standing.open + 1)
            self.refusals = {**getattr(self, "refusals", {}), one.lead: waiting.refused}
        able = frozenset(name for name in NAMES if self.may_have_an_offer(world, name))
        self.history.append(("", able, frozenset()))
        for shown in done.shown:
            assert shown.by == "everyone"
            waiting = self.waiting[shown.lead]
            assert able <= waiting.refused | waiting.shown or waiting.reason == "refused_by_all"
            self.waiting[shown.lead] = replace(
                waiting, reason="refused_by_all", shown=waiting.shown | set(shown.managers)
            )
        for left in done.left:
            waiting = self.waiting[left.lead]
            takers = able - waiting.refused if left.reason != "refused_by_all" else able - waiting.shown
            assert not takers
            self.waiting[left.lead] = replace(waiting, reason=left.reason, wait_until=left.wait_until)
        self.stand()

    @staticmethod
    def may_have_an_offer(world: Floor, name: str) -> bool:
        """The rule of who may have an offer, said the long way."""
        who, standing = world.managers[name], world.standings[name]
        ends_in_time = who.hours.open_at(world.now + ACCEPT - timedelta(microseconds=1), who.zone)
        return world.is_eligible(name) and ends_in_time and who.offers is not None and standing.offered < who.offers

    @rule(count=st.integers(1, 8))
    def leads_come(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.waiting[self.number] = Waiting(self.number, self.floor.now)
        self.settle()

    @rule(pick=st.integers(0, 99))
    def one_is_accepted(self, pick: int) -> None:
        if self.offered:
            number = sorted(self.offered)[pick % len(self.offered)]
            self.accepted[number] = self.offered.pop(number)
        self.settle()

    @rule(pick=st.integers(0, 99))
    def one_is_refused(self, pick: int) -> None:
        if self.offered:
            number = sorted(self.offered)[pick % len(self.offered)]
            name = self.offered.pop(number)
            self.waiting[number] = Waiting(number, self.since[number], refused=self.refusals[number] | {name})
        self.settle()

    @rule(pick=st.integers(0, 99), who=st.sampled_from(NAMES))
    def one_that_everybody_refused_is_accepted(self, pick: int, who: str) -> None:
        shown = sorted(number for number, one in self.waiting.items() if who in one.shown)
        if shown:
            number = shown[pick % len(shown)]
            del self.waiting[number]
            self.accepted[number] = who
        self.settle()

    @rule(name=st.sampled_from(NAMES), available=st.booleans())
    def a_manager_comes_or_goes(self, name: str, *, available: bool) -> None:
        self.floor.change(name, available=available)
        self.settle()

    @rule(name=st.sampled_from(NAMES))
    def leads_are_closed(self, name: str) -> None:
        self.accepted = {number: owner for number, owner in self.accepted.items() if owner != name}
        self.settle()

    @rule(minutes=st.sampled_from([1, 30, 400]))
    def time_passes(self, minutes: int) -> None:
        self.floor.now += timedelta(minutes=minutes)
        self.settle()

    @invariant()
    def nobody_holds_more_offers_than_his_limit(self) -> None:
        for name, number in Counter(self.offered.values()).items():
            limit = self.floor.managers[name].offers
            assert limit is not None
            assert number <= limit

    def teardown(self) -> None:
        """Any two who were eligible throughout a window: one turn apart, and one more for each lead that either refused."""
        for one, other in combinations(NAMES, 2):
            lead = low = high = extra = 0
            for taker, able, refused in self.history:
                if not {one, other} <= able:
                    lead = low = high = extra = 0
                    continue
                lead += (taker == one) - (taker == other)
                extra += bool(taker and {one, other} & refused)
                low, high = min(low, lead), max(high, lead)
                assert high - low <= 1 + extra


TestOffers = Offers.TestCase
TestOffers.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_a_team_without_anybody_asks_nobody() -> None:
    desk = offering(strategy="weighted")
    assert desk.team == Team("sales", (), None, desk.team.sticky_wait, "weighted", ACCEPT)
    assert only(desk.distribute([lead()]).left).reason == "outside_hours"


def test_who_oversees_a_team_is_its_head_and_where_it_has_none_every_director() -> None:
    teams = {name: Team(name, (), None, None, head=head) for name, head in (("sales", "anna"), ("south", None))}
    policy = Policy({}, teams, (), (), "", ("irina", "oleg"))
    assert policy.overseers("sales") == ("anna",)
    assert policy.overseers("south") == ("irina", "oleg")
