"""Whose turn it is, by each way of taking turns. A turn is a number that a manager keeps in his team, and nothing else is kept.

Round robin takes the lowest number and raises it above all others. Least loaded takes the fewest open leads, and the lowest
number among equals. Weighted is start-time fair queueing (Goyal, Vin and Cheng, 1996): a number is the time by which its
holder has had his share, each lead moves it on by the inverse of his weight, and the earliest goes first. Time stands
where the latest lead was given, so one who was absent starts from there and has nothing to catch up.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol, assert_never

from routing.policy import Strategy

SHARE: Final = 1_000_000
"""By how much a lead moves on a manager of weight 1."""


class Turns(Protocol):
    """Who is next among those who are eligible now. It begins with the numbers as they are kept."""

    def next(self, refused: Collection[str]) -> tuple[str, int] | None:
        """The one whose turn it is, and his number from now on; None where all have refused."""

    def drop(self, name: str) -> None:
        """Leave out one who is not eligible any more."""


def take_turns(
    strategy: Strategy,
    eligible: Sequence[str],
    turns: Mapping[str, int],
    weights: Mapping[str, float],
    load: Callable[[str], int],
) -> Turns:
    """Turns by `strategy`, `eligible` in the order that settles ties. `load` tells how many leads are open with one by now."""
    match strategy:
        case "least_loaded":
            return _LeastLoaded(eligible, turns, load)
        case "weighted":
            return _Weighted(eligible, turns, weights)
        case "round_robin" | "first_to_accept":
            return _RoundRobin(eligible, turns)
        case _:
            assert_never(strategy)


class _RoundRobin:
    def __init__(self, eligible: Iterable[str], turns: Mapping[str, int]) -> None:
        self._latest = max(turns.values(), default=0)
        # The sort is stable: equal turns stay in the team's order.
        self._queue = deque(sorted(eligible, key=lambda name: turns.get(name, 0)))

    def next(self, refused: Collection[str]) -> tuple[str, int] | None:
        for place, name in enumerate(self._queue):
            if name not in refused:
                del self._queue[place]
                self._queue.append(name)
                self._latest += 1
                return name, self._latest
        return None

    def drop(self, name: str) -> None:
        self._queue.remove(name)


class _LeastLoaded:
    def __init__(self, eligible: Iterable[str], turns: Mapping[str, int], load: Callable[[str], int]) -> None:
        self._latest = max(turns.values(), default=0)
        self._turns = {name: turns.get(name, 0) for name in eligible}
        self._load = load

    def next(self, refused: Collection[str]) -> tuple[str, int] | None:
        candidates = [name for name in self._turns if name not in refused]
        if not candidates:
            return None
        name = min(candidates, key=lambda one: (self._load(one), self._turns[one]))
        self._latest += 1
        self._turns[name] = self._latest
        return name, self._latest

    def drop(self, name: str) -> None:
        del self._turns[name]


class _Weighted:
    def __init__(self, eligible: Iterable[str], turns: Mapping[str, int], weights: Mapping[str, float]) -> None:
        self._strides = {name: round(SHARE / weight) for name, weight in weights.items()}
        # Where the latest lead was given: its holder's number, less what that lead moved it on by.
        given_at = (turn - self._strides[name] for name, turn in turns.items() if name in self._strides)
        self._present = max(given_at, default=0)
        self._turns = {name: turns.get(name, 0) for name in eligible}

    def next(self, refused: Collection[str]) -> tuple[str, int] | None:
        candidates = [name for name in self._turns if name not in refused]
        if not candidates:
            return None
        name = min(candidates, key=self._starts_at)
        self._present = self._starts_at(name)
        self._turns[name] = self._present + self._strides[name]
        return name, self._turns[name]

    def drop(self, name: str) -> None:
        del self._turns[name]

    def _starts_at(self, name: str) -> int:
        return max(self._present, self._turns[name])
