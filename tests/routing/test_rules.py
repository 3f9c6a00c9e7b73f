"""Which team an enquiry is for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from zoneinfo import ZoneInfo

import pytest

from routing.hours import parse_hours
from routing.policy import Condition, Policy, Rule, Team
from routing.rules import Chosen, Enquiry, choose, conditions_from

MOSCOW: Final = ZoneInfo("Europe/Moscow")
OFFICE: Final = parse_hours("Mon-Fri 09:00-18:00")
MONDAY_NOON: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
ENQUIRY: Final = Enquiry(
    channel="site",
    source="Сайт",
    city="Орёл",
    text="Нужен цемент оптом",
    subject="Вопрос",
    campaign={"utm_source": "Yandex"},
    known=False,
    at=MONDAY_NOON,
    channel_team=None,
    channel_source="Витрина",
    to="+74951234567",
    phones=("+79161234567", "+78452123456"),
)
SALES: Final = Team("sales", (), timedelta(minutes=30), None)
DIRECT: Final = Team("direct", (), None, None)
SERVICE: Final = Team("service", (), timedelta(hours=2), None)
SOON: Final = timedelta(minutes=5)


def rule(team: str, when: Mapping[str, list[str]] | None = None, within: timedelta | None = None) -> Rule:
    return Rule(conditions_from(when or {}, {"office": OFFICE}, MOSCOW, "RU"), team, within)


def policy(*rules: Rule) -> Policy:
    teams = {team.name: team for team in (SALES, DIRECT, SERVICE)}
    return Policy(managers={}, teams=teams, rules=rules, topics=(), title="")


def matches(enquiry: Enquiry, when: Mapping[str, list[str]]) -> bool:
    return choose(policy(rule("direct", when), rule("sales")), enquiry).team == "direct"


@pytest.mark.parametrize(
    "when",
    [
        {"channel": ["pbx", "site"]},
        {"source": ["сайт"]},
        {"city": ["Орел"]},
        {"city": ["  ОРЁЛ "]},
        {"keyword": ["песок", "опт*"]},
        {"keyword": ["вопрос"]},
        {"utm_source": ["google", "yandex"]},
        {"known": ["false"]},
        {"known": ["True", "False"]},
        {"hours": ["office"]},
        {"hours": ["Sun 09:00-18:00", "Mon 12:00-12:01"]},
        {"channel": ["site"], "keyword": ["цемент"], "hours": ["office"]},
        {"source": ["витрина"]},
        {"to": ["8 (495) 123-45-67"]},
        {"to": ["info@example.com", "74951234567"]},
        {"language": ["en", "ru-RU"]},
        {"region": ["ru"]},
        {"region": ["Саратов"]},
        {"region": ["саратовская обл."]},
        {"region": ["KZ", "Saratov"]},
        {"region": ["Россия"]},
    ],
)
def test_a_rule_matches_where_each_condition_has_an_alternative_that_holds(when: dict[str, list[str]]) -> None:
    assert matches(ENQUIRY, when)


@pytest.mark.parametrize(
    "when",
    [
        {"channel": ["Site"]},
        {"source": ["Сайт 2"]},
        {"city": ["Саратов"]},
        {"keyword": ["опт"]},
        {"utm_source": ["yandex.direct"]},
        {"utm_medium": ["cpc"]},
        {"to": ["+74951234568"]},
        {"to": ["site"]},
        {"language": ["en"]},
        {"region": ["KZ", "Самара"]},
        {"region": ["аратов"]},
        {"known": ["true"]},
        {"hours": ["Mon 12:01-13:00"]},
        {"channel": ["site"], "keyword": ["песок"]},
    ],
)
def test_a_rule_with_one_condition_that_does_not_hold_does_not_match(when: dict[str, list[str]]) -> None:
    assert not matches(ENQUIRY, when)


def test_what_an_enquiry_does_not_say_matches_nothing() -> None:
    silent = replace(
        ENQUIRY, source=None, city=None, subject=None, text="", campaign={}, channel_source=None, to=None, phones=()
    )
    said = {key: ["сайт"] for key in ("source", "city", "keyword", "utm_source", "to", "region")} | {"language": ["ru"]}
    assert not any(matches(silent, {key: values}) for key, values in said.items())


def test_the_language_of_a_text_that_does_not_tell_is_the_one_that_the_channel_says() -> None:
    call = replace(ENQUIRY, text="", subject=None, language="kk")
    assert matches(call, {"language": ["kk"]})
    assert not matches(call, {"language": ["ru"]})
    assert matches(replace(ENQUIRY, language="kk"), {"language": ["ru"]})


def test_the_first_rule_that_matches_has_it() -> None:
    rules = policy(
        rule("service", {"known": ["true"]}), rule("direct", {"channel": ["site"]}), rule("service", {"city": ["Орёл"]})
    )
    assert choose(rules, ENQUIRY) == Chosen("direct", None, 1)


def test_the_time_to_respond_is_the_rules_else_the_teams() -> None:
    assert choose(policy(rule("sales", within=SOON)), ENQUIRY) == Chosen("sales", SOON, 0)
    assert choose(policy(rule("sales", within=timedelta(0))), ENQUIRY).respond_within == timedelta(0)
    assert choose(policy(rule("sales")), ENQUIRY) == Chosen("sales", timedelta(minutes=30), 0)


def test_a_channels_own_team_stands_just_before_the_last_rule_that_has_no_condition() -> None:
    own = replace(ENQUIRY, channel_team="service")
    rules = policy(rule("direct", {"keyword": ["песок"]}), rule("sales"))
    assert choose(rules, own) == Chosen("service", timedelta(hours=2), None)
    assert choose(rules, ENQUIRY) == Chosen("sales", timedelta(minutes=30), 1)
    assert choose(rules, replace(own, text="песок")) == Chosen("direct", None, 0)


def test_a_rule_without_condition_that_is_not_the_last_goes_before_a_channels_own_team() -> None:
    own = replace(ENQUIRY, channel_team="service")
    assert choose(policy(rule("direct"), rule("sales")), own).team == "direct"


def test_a_channels_own_team_stands_behind_a_last_rule_that_has_a_condition() -> None:
    own = replace(ENQUIRY, channel_team="service")
    assert choose(policy(rule("direct", {"channel": ["site"]})), own).team == "direct"
    assert choose(policy(rule("direct", {"channel": ["pbx"]})), own) == Chosen("service", timedelta(hours=2), None)


def test_an_enquiry_that_nothing_matches_is_the_first_teams() -> None:
    assert choose(policy(), ENQUIRY) == Chosen("sales", timedelta(minutes=30), None)


@pytest.mark.parametrize("key", ["colour", "utm_", "UTM_source", "xutm_source", "team"])
def test_an_unknown_condition_is_refused_by_its_name(key: str) -> None:
    with pytest.raises(
        ValueError, match=f"no condition '{key}'; there are channel, to, source, city, region, language"
    ):
        conditions_from({key: ["red"]}, {}, MOSCOW, "RU")


@pytest.mark.parametrize(
    ("when", "wrong"),
    [
        ({"channel": []}, "channel: names nothing"),
        ({"known": ["maybe"]}, "known: 'maybe' is neither true nor false"),
        ({"hours": ["offise"]}, "hours: 'offise': 'offise' is neither a day nor a time"),
        ({"keyword": ["опт*ом"]}, "keyword: .* is not a word to look for"),
        ({"region": ["RU", "zz"]}, "region: 'ZZ' is no country; write two letters"),
        ({"language": ["русский"]}, "language: 'русский' is no language; write ru, en"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_condition(when: dict[str, list[str]], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        conditions_from(when, {}, MOSCOW, "RU")


def test_a_condition_of_an_unknown_kind_is_a_defect_that_shows() -> None:
    with pytest.raises(AssertionError):
        choose(policy(Rule((cast("Condition", "rain"),), "sales", None)), ENQUIRY)
