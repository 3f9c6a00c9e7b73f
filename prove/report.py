"""The table of promises, and the line under it."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from prove.promises import SENTENCES
from prove.trial import Outcome

EXAMPLES: Final = 3


def table(outcomes: Sequence[Outcome]) -> str:
    """Promise, tried, broken: over all stores."""
    width = max(len(sentence) for sentence in SENTENCES.values()) + 4
    lines = [f"{'promise':{width}}{'tried':>10}{'broken':>8}"]
    for number, sentence in SENTENCES.items():
        tried = sum(one.verdicts[number].tried for one in outcomes)
        broken = sum(len(one.verdicts[number].broken) for one in outcomes)
        lines.append(f"{f'{number}. {sentence}':{width}}{tried:>10,}{broken:>8,}")
    return "\n".join(lines)


def examples(outcomes: Sequence[Outcome]) -> list[str]:
    """Some of what is broken, each with its store."""
    return [
        f"  {verdict.number}. {one.store}: {said}"
        for one in outcomes
        for verdict in one.verdicts.values()
        for said in verdict.broken[:EXAMPLES]
    ]


def happened(outcomes: Sequence[Outcome]) -> list[str]:
    """How often each fault happened, by store, and which crash points killed."""
    lines = []
    for one in outcomes:
        said = ", ".join(f"{name} {times}" for name, times in sorted(one.faults.items()))
        lines.append(f"{one.store}: {one.people} people, kills {one.kills}, {said}")
        points = ", ".join(f"{name} {times}" for name, times in sorted(one.points.items()))
        lines.append(f"{one.store}: killed at {points or 'no named point'}")
    return lines


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line: its words are for programs."""
    kills = sum(one.kills for one in outcomes)
    faults = sum((one.faults for one in outcomes), Counter[str]()).total()
    contacts = sum(one.contacts for one in outcomes)
    return f"kills {kills} faults {faults} contacts {contacts} broken {broken(outcomes)}"


def broken(outcomes: Sequence[Outcome]) -> int:
    """How much is broken in all."""
    return sum(one.verdicts.broken for one in outcomes)
