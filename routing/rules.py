"""Which team an enquiry is for, and how soon it must be answered: the first rule that matches."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from routing.hours import Hours, parse_hours
from routing.policy import Condition, During, Known, Mentions, OneOf, Policy
from routing.words import fold, mentions, parse_word, searchable

CONDITIONS: Final = ("channel", "source", "city", "keyword", "known", "hours")
"""The names that `when` may use, besides `utm_` and anything after it."""

CONDITIONS_TO_COME: Final = ("to", "language", "region")
"""Names that the configuration knows and that nothing answers yet."""

_UTM: Final = re.compile(r"utm_\w+")
_ANSWERS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What rules may ask about an approach. `at` is its aware time; `known`: the client was there before it."""

    channel: str
    source: str | None
    city: str | None
    text: str
    subject: str | None
    campaign: Mapping[str, str]
    known: bool
    at: datetime
    channel_team: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The team and its time to respond. `rule` counts from 0 in `Policy.rules`; None for the channel's own team."""

    team: str
    respond_within: timedelta | None
    rule: int | None


def choose(policy: Policy, enquiry: Enquiry) -> Chosen:
    """The first rule that matches; a channel's own team stands just before a last rule that has no condition.

    Where nothing matches at all, the first team has it (`rule` None too): an enquiry is never without a team.
    """
    text = searchable(enquiry.subject, enquiry.text)
    last = len(policy.rules) - 1
    for place, rule in enumerate(policy.rules):
        if place == last and not rule.when and enquiry.channel_team is not None:
            break
        if all(_holds(condition, enquiry, text) for condition in rule.when):
            within = rule.respond_within
            return Chosen(rule.team, policy.teams[rule.team].respond_within if within is None else within, place)
    team = policy.teams[enquiry.channel_team or next(iter(policy.teams))]
    return Chosen(team.name, team.respond_within, None)


def conditions_from(
    when: Mapping[str, Sequence[str]], hours: Mapping[str, Hours], zone: ZoneInfo
) -> tuple[Condition, ...]:
    """The conditions of one `when`, each with its list of alternatives. `hours` are those that have a name.

    Raises ValueError that names the condition, and what is wrong with it.
    """
    return tuple(_condition(key, values, hours, zone) for key, values in when.items())


def _condition(key: str, values: Sequence[str], hours: Mapping[str, Hours], zone: ZoneInfo) -> Condition:
    if key in CONDITIONS_TO_COME:
        raise ValueError(f"the condition {key!r} is not built yet; there are {_known_names()}")
    if key not in CONDITIONS and not _UTM.fullmatch(key):
        raise ValueError(f"no condition {key!r}; there are {_known_names()}")
    if not values:
        raise ValueError(f"{key}: names nothing, so it would never hold; leave it out, or name something")
    try:
        return _of_kind(key, values, hours, zone)
    except ValueError as wrong:
        raise ValueError(f"{key}: {wrong}") from wrong


def _of_kind(key: str, values: Sequence[str], hours: Mapping[str, Hours], zone: ZoneInfo) -> Condition:
    match key:
        case "keyword":
            return Mentions(tuple(map(parse_word, values)))
        case "known":
            return Known(frozenset(map(_answer, values)))
        case "hours":
            return During(tuple(hours[name] if name in hours else parse_hours(name) for name in values), zone)
        case "channel":
            return OneOf(key, frozenset(values))
        case _:
            return OneOf(key, frozenset(map(fold, values)))


def _known_names() -> str:
    return ", ".join((*CONDITIONS, "utm_source, utm_medium and so on"))


def _answer(value: str) -> bool:
    if value.lower() not in _ANSWERS:
        raise ValueError(f"{value!r} is neither true nor false")
    return _ANSWERS[value.lower()]


def _holds(condition: Condition, enquiry: Enquiry, text: str) -> bool:
    """Whether `condition` holds; `text` is the enquiry's subject and text, `searchable`."""
    match condition:
        case OneOf(key, values):
            return _value(key, enquiry) in values
        case Mentions(words):
            return mentions(text, words)
        case Known(answers):
            return enquiry.known in answers
        case During(hours, zone):
            return any(one.open_at(enquiry.at, zone) for one in hours)
        case _:
            assert_never(condition)


def _value(key: str, enquiry: Enquiry) -> str:
    match key:
        case "channel":
            return enquiry.channel
        case "source":
            return fold(enquiry.source or "")
        case "city":
            return fold(enquiry.city or "")
        case _:
            return fold(enquiry.campaign.get(key, ""))
