"""Which team an enquiry is for, and how soon it must be answered: the first rule that matches."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS

from kernel.facts import fact
from routing.addressee import addressee
from routing.hours import Hours, parse_hours
from routing.language import language_of, language_tag
from routing.policy import Condition, During, From, Known, Mentions, OneOf, Policy
from routing.region import load_places, place_name, place_of
from routing.words import Word, fold, mentions, parse_word, searchable

CONDITIONS: Final = ("channel", "to", "source", "city", "region", "language", "keyword", "known", "hours")
"""The names that `when` may use, besides `utm_` and anything after it."""

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_UTM: Final = re.compile(r"utm_\w+")
_ANSWERS: Final = {"true": True, "false": False}


@fact
class Enquiry:
    """What rules may ask about an approach. `at` is its aware time; `known`: the client was there before it.

    `source` is the lead's, `channel_source` what the channel says of all its leads: a rule may name either. `to` is as
    `addressee` gives it, `phones` are the client's in E.164, `language` is what the channel says of it.
    """

    channel: str
    source: str | None
    city: str | None
    text: str
    subject: str | None
    campaign: Mapping[str, str]
    known: bool
    at: datetime
    channel_team: str | None
    channel_source: str | None = None
    to: str | None = None
    phones: tuple[str, ...] = ()
    language: str | None = None


@fact
class Chosen:
    """The team and its time to respond. `rule` counts from 0 in `Policy.rules`; None for the channel's own team."""

    team: str
    respond_within: timedelta | None
    rule: int | None


def choose(policy: Policy, enquiry: Enquiry) -> Chosen:
    """The first rule that matches; a channel's own team stands just before a last rule that has no condition.

    Where nothing matches at all, the first team has it (`rule` None too): an enquiry is never without a team.
    """
    text = searchable(enquiry.subject, enquiry.text) if any(rule.when for rule in policy.rules) else ""
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
    when: Mapping[str, Sequence[str]], hours: Mapping[str, Hours], zone: ZoneInfo, region: str
) -> tuple[Condition, ...]:
    """The conditions of one `when`, each with its list of alternatives. `hours` are those that have a name.

    `region` is where numbers without a country code are dialled. Raises ValueError that names the condition, and what
    is wrong with it.
    """
    return tuple(_condition(key, values, hours, zone, region) for key, values in when.items())


def _condition(key: str, values: Sequence[str], hours: Mapping[str, Hours], zone: ZoneInfo, region: str) -> Condition:
    if key not in CONDITIONS and not _UTM.fullmatch(key):
        raise ValueError(f"no condition {key!r}; there are {_known_names()}")
    if not values:
        raise ValueError(f"{key}: names nothing, so it would never hold; leave it out, or name something")
    try:
        return _of_kind(key, values, hours, zone, region)
    except ValueError as wrong:
        raise ValueError(f"{key}: {wrong}") from wrong


def _of_kind(key: str, values: Sequence[str], hours: Mapping[str, Hours], zone: ZoneInfo, region: str) -> Condition:
    match key:
        case "keyword":
            return Mentions(tuple(map(parse_word, values)))
        case "known":
            return Known(frozenset(map(_answer, values)))
        case "hours":
            return During(tuple(hours[name] if name in hours else parse_hours(name) for name in values), zone)
        case "region":
            return _from(values)
        case _:
            return OneOf(key, frozenset(_alternative(key, value, region) for value in values))


def _alternative(key: str, value: str, region: str) -> str:
    """A value as `OneOf` compares it."""
    match key:
        case "channel":
            return value
        case "to":
            return addressee(value, region)
        case "language":
            return _language(value)
        case _:
            return fold(value)


def _from(values: Sequence[str]) -> From:
    """Two Latin letters are a country, anything else the beginning of a name or of a word in it."""
    countries = {value.strip().upper() for value in values if _COUNTRY.fullmatch(value.strip())}
    unknown = sorted(countries - SUPPORTED_REGIONS)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no country; write two letters of ISO 3166, such as RU, KZ or BY")
    names = [place_name(value) for value in values if value.strip().upper() not in countries]
    if names:
        load_places()
    return From(frozenset(countries), tuple(Word(name, begins=True, ends=False) for name in names))


def _language(value: str) -> str:
    tag = language_tag(value)
    if tag is None:
        raise ValueError(f"{value!r} is no language; write ru, en, or two letters that a channel says")
    return tag


def _known_names() -> str:
    return ", ".join((*CONDITIONS, "utm_source, utm_medium and so on"))


def _answer(value: str) -> bool:
    if value.lower() not in _ANSWERS:
        raise ValueError(f"{value!r} is neither true nor false")
    return _ANSWERS[value.lower()]


def _holds(condition: Condition, enquiry: Enquiry, text: str) -> bool:
    """Whether `condition` holds; `text` is the enquiry's subject and text, `searchable`."""
    match condition:
        case OneOf("source", values):
            return not values.isdisjoint(map(fold, filter(None, (enquiry.source, enquiry.channel_source))))
        case OneOf(key, values):
            return _value(key, enquiry) in values
        case Mentions(words):
            return mentions(text, words)
        case Known(answers):
            return enquiry.known in answers
        case During(hours, zone):
            return any(one.open_at(enquiry.at, zone) for one in hours)
        case From(countries, names):
            places = map(place_of, enquiry.phones)
            return any(place.country in countries or mentions("\n".join(place.names), names) for place in places)
        case _:
            assert_never(condition)


def _value(key: str, enquiry: Enquiry) -> str:
    match key:
        case "channel":
            return enquiry.channel
        case "to":
            return enquiry.to or ""
        case "language":
            return language_of(enquiry.text, enquiry.language) or ""
        case "city":
            return fold(enquiry.city or "")
        case _:
            return fold(enquiry.campaign.get(key, ""))
