"""What the store keeps of a configuration compiles to the same policy in every process."""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.config.policy import policy, policy_from, revision_document
from ingest.config.schema import Config
from routing.hours import ALWAYS, parse_hours
from routing.policy import During, From, Known, Manager, Mentions, OneOf, Rule, Team, Topic
from routing.words import parse_word
from tests.ingest.configured import SMALL, configured

WORDS = st.sampled_from(["цемент", "опт*", "Яндекс", "a b"])
LARGE = """\
timezone: Europe/Samara
calendars: {office: {hours: "Mon-Fri 09:00-18:00"}}
hours: office
channels: {site: {kind: webform, source: Сайт, team: sales}, two: {kind: webform}}
managers:
  boris: {name: Борис, capacity: 5, hours: "22:00-06:00", timezone: Asia/Omsk}
  anna: {name: Анна, email: anna@example.com}
teams:
  support: {managers: [boris, anna], sticky: false}
  sales: {managers: [anna], respond_within: 90s, sticky: {wait: 0s}}
routing:
  - when: {source: [Яндекс], keyword: ["опт*"], known: true, hours: [office, always], utm_source: y}
    team: sales
    respond_within: 1h
  - {team: support}
own: {domains: ["@Example.com"], phones: ["8 495 123-45-99"]}
test: {phones: ["+79990000000"], emails: [qa@example.com]}
directors: {irina: {name: Ирина, email: irina@example.com}}
matching: {shared: {emails: ["info@*"], phones: ["8 495 123-45-00"]}, enquiry: {reopen_within: 36h, new_after: 60d}}
title: "{name}"
topics: {Я: [цемент], А: ["достав*"]}
reasons: {lost: [дорого]}
api: {token: "${SECRET}"}
accounts: {info: {smtp: {host: h}, user: u, password: "${SECRET}"}}
storage: {url: "postgresql://u:${SECRET}@h/d"}
notices: {email: {account: info, from: a@example.com}}
"""


def test_the_policy_has_every_default_filled_in(tmp_path: Path) -> None:
    made = policy(configured(tmp_path, LARGE, {"SECRET": "s"}))
    office, samara = parse_hours("Mon-Fri 09:00-18:00"), ZoneInfo("Europe/Samara")
    assert made.managers == {
        "anna": Manager("anna", "Анна", None, office, samara),
        "boris": Manager("boris", "Борис", 5, parse_hours("22:00-06:00"), ZoneInfo("Asia/Omsk")),
    }
    assert made.teams == {
        "sales": Team("sales", ("anna",), timedelta(seconds=90), timedelta(0)),
        "support": Team("support", ("boris", "anna"), None, None),
    }
    conditions = (
        During((office, ALWAYS), samara),
        Mentions((parse_word("опт*"),)),
        Known(frozenset({True})),
        OneOf("source", frozenset({"яндекс"})),
        OneOf("utm_source", frozenset({"y"})),
    )
    assert made.rules == (Rule(conditions, "sales", timedelta(hours=1)), Rule((), "support", None))
    assert made.topics == (Topic("Я", (parse_word("цемент"),)), Topic("А", (parse_word("достав*"),)))
    assert made.title == "{name}"


def test_without_hours_everybody_works_always(tmp_path: Path) -> None:
    made = policy(configured(tmp_path, SMALL))
    assert {manager.hours for manager in made.managers.values()} == {ALWAYS}


def test_without_routing_the_one_team_takes_everything(tmp_path: Path) -> None:
    compiled = policy(configured(tmp_path, SMALL))
    assert (compiled.rules, tuple(compiled.teams)) == ((), ("sales",))


def test_the_document_is_plain_json_that_survives_sorted_keys(tmp_path: Path) -> None:
    config = configured(tmp_path, LARGE, {"SECRET": "s"})
    document = revision_document(config)
    kept = json.loads(json.dumps(document, sort_keys=True))
    assert kept == document
    assert policy_from(kept) == policy(config)
    assert [topic.name for topic in policy_from(kept).topics] == ["Я", "А"]


def test_the_document_says_what_matching_and_intake_need(tmp_path: Path) -> None:
    document = revision_document(configured(tmp_path, LARGE, {"SECRET": "s"}))
    assert document["channels"] == {
        "site": {"kind": "webform", "source": "Сайт", "team": "sales", "was": None},
        "two": {"kind": "webform", "source": None, "team": None, "was": None},
    }
    assert document["matching"] == {
        "shared": {"emails": ["info@*"], "phones": ["8 495 123-45-00"], "over": None},
        "enquiry": {"reopen_within": "36h", "new_after": "60d"},
    }
    assert (document["region"], document["reasons"]) == ("RU", {"lost": ["дорого"]})
    assert document["own"] == {"domains": ["example.com"], "phones": ["8 495 123-45-99"]}
    assert document["test"] == {"phones": ["+79990000000"], "emails": ["qa@example.com"]}
    assert document["directors"]["irina"]["email"] == "irina@example.com"


HOLIDAYS = """\
calendars:
  plain: {hours: "Mon-Fri 09:00-18:00"}
  office: {hours: "Mon-Fri 09:00-18:00", holidays: ru, except: "2026-12-31 closed"}
  own: {hours: "Mon-Fri 09:00-18:00", except: ["2026-12-30 09:00-15:00"]}
hours: office
channels: {site: {kind: webform}}
managers: {anna: {name: Анна, extension: 0101, language: en}, boris: {name: Борис, hours: own}}
teams: {sales: {managers: [anna, boris]}}
routing: [{when: {to: 8 495 123-45-67, region: kz, language: en-US, hours: office}, team: sales}, {team: sales}]
"""


def test_calendars_with_holidays_and_exceptions_are_kept_by_name_and_compiled_to_dates(tmp_path: Path) -> None:
    config = configured(tmp_path, HOLIDAYS)
    document = json.loads(json.dumps(revision_document(config), sort_keys=True))
    assert document["calendars"] == {
        "plain": "Mon-Fri 09:00-18:00",
        "office": {"hours": "Mon-Fri 09:00-18:00", "holidays": "RU", "except": ["2026-12-31 closed"]},
        "own": {"hours": "Mon-Fri 09:00-18:00", "holidays": None, "except": ["2026-12-30 09:00-15:00"]},
    }
    made = policy_from(document)
    assert made == policy(config)
    anna, boris = made.managers["anna"], made.managers["boris"]
    for day, open_to in ((date(2026, 11, 4), [boris]), (date(2026, 12, 31), [boris]), (date(2026, 12, 30), [anna])):
        evening = datetime.combine(day, time(17), anna.zone)
        assert [one for one in (anna, boris) if one.hours.open_at(evening, one.zone)] == open_to
    assert made.rules[0].when[1:] == (
        OneOf("language", frozenset({"en"})),
        From(frozenset({"KZ"}), ()),
        OneOf("to", frozenset({"+74951234567"})),
    )


def test_the_document_says_which_lines_and_which_language_a_manager_has(tmp_path: Path) -> None:
    managers = revision_document(configured(tmp_path, HOLIDAYS))["managers"]
    assert (managers["anna"]["extension"], managers["anna"]["language"]) == (["0101"], "en")
    assert (managers["boris"]["extension"], managers["boris"]["language"]) == ([], None)


def test_the_document_holds_no_secret(tmp_path: Path) -> None:
    document = revision_document(configured(tmp_path, LARGE, {"SECRET": "hunter2hunter2"}))
    assert "hunter2" not in json.dumps(document)
    assert not {"api", "storage", "accounts", "notices", "http"} & document.keys()


@settings(max_examples=40, deadline=None)
@given(
    manager=st.fixed_dictionaries(
        {"name": st.sampled_from(["А", "Б"])},
        optional={
            "capacity": st.integers(1, 500).map(str),
            "hours": st.sampled_from(["office", "24/7", "Пн-Пт 10:00-19:00", "22:00-06:00"]),
            "timezone": st.sampled_from(["Asia/Vladivostok", "UTC"]),
        },
    ),
    team=st.fixed_dictionaries(
        {"managers": st.just(["anna"])},
        optional={
            "respond_within": st.integers(1, 10**8).map(lambda seconds: f"{seconds}s"),
            "sticky": st.just("false") | st.integers(0, 10**6).map(lambda seconds: {"wait": f"{seconds}s"}),
        },
    ),
    when=st.dictionaries(
        st.sampled_from(["source", "city", "keyword", "utm_term"]),
        st.sampled_from([["цемент"], ["опт*", "Яндекс"]]),
        max_size=3,
    ),
    topics=st.dictionaries(WORDS, st.lists(WORDS, max_size=2), max_size=3),
)
def test_every_revision_compiles_after_its_stay_in_the_store(
    manager: dict[str, str], team: dict[str, object], when: dict[str, list[str]], topics: dict[str, list[str]]
) -> None:
    rules = [{"when": when, "team": "sales"}, {"team": "sales"}] if when else [{"team": "sales"}]
    config = Config.model_validate(
        {
            "calendars": {"office": {"hours": "Mon-Fri 09:00-18:00"}},
            "managers": {"anna": manager},
            "teams": {"sales": team},
            "routing": rules,
            "topics": topics,
        }
    )
    document = revision_document(config)
    assert policy_from(json.loads(json.dumps(document, sort_keys=True))) == policy(config)
