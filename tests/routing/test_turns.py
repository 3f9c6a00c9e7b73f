"""Ways of taking turns: shares that stay near their weights, loads that level out, and nothing to catch up on a return."""

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Final, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.policy import STRATEGIES, Strategy
from routing.turns import take_turns

NAMES: Final = ("anna", "boris", "vera", "gleb")
EQUAL: Final = dict.fromkeys(NAMES, 1.0)


def those(bits: int) -> frozenset[str]:
    """The names whose bits are set."""
    return frozenset(name for place, name in enumerate(NAMES) if bits >> place & 1)


class Team:
    """Turns as the store keeps them: every lead is a distribution of its own."""

    def __init__(self, strategy: Strategy, weights: Mapping[str, float] = EQUAL) -> None:
        self.strategy, self.weights = strategy, weights
        self.turns: dict[str, int] = {}
        self.open: Counter[str] = Counter()

    def give(self, eligible: Collection[str] = NAMES, refused: Collection[str] = ()) -> str | None:
        order = [name for name in NAMES if name in eligible]
        chosen = take_turns(self.strategy, order, self.turns, self.weights, lambda name: self.open[name]).next(refused)
        if chosen is None:
            return None
        name, self.turns[chosen[0]] = chosen
        self.open[name] += 1
        return name

    def many(self, count: int, eligible: Collection[str] = NAMES) -> list[str | None]:
        return [self.give(eligible) for _ in range(count)]


def test_every_way_passes_over_those_who_refused_and_gives_nothing_where_all_have() -> None:
    for strategy in STRATEGIES:
        team = Team(strategy)
        assert team.give(refused={"anna", "vera"}) == "boris"
        assert team.give(refused=NAMES) is None


def test_every_way_forgets_whom_it_was_told_to_drop() -> None:
    for strategy in STRATEGIES:
        turns = take_turns(strategy, NAMES, {}, EQUAL, lambda _: 0)
        turns.drop("anna")
        assert turns.next(()) == ("boris", turns_after_one(strategy))


def turns_after_one(strategy: Strategy) -> int:
    return 1_000_000 if strategy == "weighted" else 1


def test_strategies_are_listed_once_each() -> None:
    assert sorted(STRATEGIES) == sorted(get_args(Strategy))


# Least loaded


def test_least_loaded_counts_nobodys_leads_as_none_and_takes_ties_in_turn() -> None:
    team = Team("least_loaded")
    team.open |= {"anna": 2, "boris": 1}
    assert team.many(8) == ["vera", "gleb", "boris", "vera", "gleb", "anna", "boris", "vera"]


@given(days=st.lists(st.tuples(st.integers(1, 15), st.integers(0, 3), st.integers(0, 3)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_least_loaded_never_gives_to_one_who_has_more_than_another(days: list[tuple[int, int, int]]) -> None:
    team = Team("least_loaded")
    for bits, who, closed in days:
        team.open[NAMES[who]] = max(0, team.open[NAMES[who]] - closed)
        eligible = those(bits)
        before = dict(team.open)
        name = team.give(eligible)
        assert name is not None
        assert before.get(name, 0) == min(before.get(one, 0) for one in eligible)


def test_least_loaded_with_equal_loads_is_round_robin() -> None:
    loaded, robin = Team("least_loaded"), Team("round_robin")
    assert loaded.many(40) == robin.many(40)


# Weighted


def test_shares_are_as_the_weights() -> None:
    team = Team("weighted", {"anna": 1, "boris": 0.5, "vera": 2, "gleb": 0.5})
    got = Counter(team.many(400))
    assert got == {"anna": 100, "boris": 50, "vera": 200, "gleb": 50}


def test_equal_weights_go_round() -> None:
    assert Team("weighted").many(8) == [*NAMES, *NAMES]


def test_one_who_returns_has_nothing_to_catch_up() -> None:
    team = Team("weighted", {"anna": 1, "boris": 1, "vera": 1, "gleb": 3})
    team.many(60)
    team.many(300, NAMES[:3])
    after = team.many(12)
    # Half of the turns are his by weight; one more is the turn that he has at once.
    assert after.count("gleb") == 7


def test_one_who_was_never_there_begins_where_the_others_are() -> None:
    team = Team("weighted")
    team.many(300, NAMES[:3])
    assert Counter(team.many(40)) == dict.fromkeys(NAMES, 10)


WEIGHTS: Final = st.sampled_from([0.2, 0.5, 1.0, 1.5, 3.0])


# Who is there, in bits: one number for each lead.
PRESENCES: Final = st.lists(st.integers(1, 15), min_size=5, max_size=60)


@given(presences=PRESENCES, weights=st.tuples(WEIGHTS, WEIGHTS, WEIGHTS, WEIGHTS))
@settings(max_examples=60, deadline=None)
def test_shares_of_two_who_are_there_differ_by_a_lead_of_each_at_most(
    presences: list[int], weights: tuple[float, float, float, float]
) -> None:
    """Goyal's bound: in any window in which both are there, shares divided by weights differ by the sum of one lead of each."""
    team = Team("weighted", dict(zip(NAMES, weights, strict=True)))
    history = []
    for bits in presences:
        eligible = those(bits)
        history.append((team.give(eligible), eligible))
    for one, other in combinations(NAMES, 2):
        bound = 1 / team.weights[one] + 1 / team.weights[other]
        lead = low = high = 0.0
        for taker, eligible in history:
            if not {one, other} <= eligible:
                lead = low = high = 0.0
                continue
            lead += (taker == one) / team.weights[one] - (taker == other) / team.weights[other]
            low, high = min(low, lead), max(high, lead)
            assert high - low <= bound + 1e-6
