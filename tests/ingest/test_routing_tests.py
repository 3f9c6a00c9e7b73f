"""The company's own tests of its rules: what they are judged by, and how a failing one is told."""

from pathlib import Path
from typing import Final

import pytest

from ingest.config.schema import Config
from ingest.rules.routing_tests import failed_routing_tests
from tests.ingest.configured import configured
from tests.ingest.test_cli import here

COMPANY: Final = """\
calendars: {office: {hours: "Mon-Fri 09:00-18:00", holidays: RU, except: ["2026-11-05 12:00-15:00"]}}
hours: office
channels: {site: {kind: webform, source: Сайт}, info: {kind: webform, team: support}}
managers:
  anna: {name: Анна, timezone: Asia/Yekaterinburg}
  boris: {name: Борис}
teams: {sales: {managers: [anna, boris], respond_within: 30m}, support: {managers: [boris]}}
routing:
  - {when: {source: [Яндекс Директ]}, team: sales, respond_within: 5m}
  - {when: {to: ["8 495 123-45-67"], language: ru, region: [Саратов]}, team: support}
  - {when: {known: true, hours: "Sat 00:00-24:00"}, team: support}
  - {team: sales}
"""


def company(folder: Path, *tests: str) -> Config:
    return configured(folder, COMPANY + "routing_tests:\n" + "".join(f"  - {test}\n" for test in tests))


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ('at: "2026-11-06 07:30"', "team: sales, rule: 4, state: assigned, owner: anna, respond_within: 30m"),
        ('at: "2026-11-06 17:30"', "state: assigned, owner: boris, source: Сайт"),
        ('at: "2026-11-06T17:30+05:00"', "owner: anna"),
        ('at: "2026-11-28 23:10"', "team: sales, state: unprocessed, reason: outside_hours"),
        ('at: "2026-11-04 12:00"', "reason: outside_hours"),
        ('at: "2026-11-05 11:00"', "owner: anna"),
        ('at: "2026-11-05 14:30"', "owner: boris"),
        ("utm_source: yandex, utm_medium: cpc", "rule: 1, source: Яндекс Директ, respond_within: 5m"),
        ("campaign: {yclid: 7}", "rule: 1"),
        ('to: "74951234567", text: Добрый день, phone: 8 845 212-34-56', "rule: 2, team: support"),
        ('to: "74951234567", text: Hello, phone: 8 845 212-34-56', "rule: 4"),
        ('to: "74951234567", language: ru, phone: 8 845 212-34-56', "rule: 2"),
        ('at: "2026-11-28 12:00", known: true', "rule: 3"),
        ('at: "2026-11-28 12:00", owner: anna', "rule: 3, state: unprocessed"),
        ('owner: boris, at: "2026-11-06 12:00"', "owner: boris"),
        ('owner: anna, at: "2026-11-06 06:55"', "reason: waiting_for_owner"),
        ("name: Анна, city: Тула, company: К, subject: С, email: a@example.com, page: p, referrer: r", "owner: anna"),
    ],
)
def test_rules_hours_and_sources_decide_what_comes_of_an_approach(tmp_path: Path, given: str, expect: str) -> None:
    test = f"{{given: {{channel: site, {given}}}, expect: {{{expect}}}}}"
    assert [str(fault) for fault in failed_routing_tests(company(tmp_path, test))] == []


def test_a_channels_own_team_is_no_rule(tmp_path: Path) -> None:
    test = "{given: {channel: info}, expect: {team: support, rule: 1}}"
    (fault,) = failed_routing_tests(company(tmp_path, test))
    assert (
        fault.problem
        == "expects team support, rule 1; it comes to team support, source info, state assigned, owner boris"
    )


def test_a_failing_test_is_told_at_its_line_with_what_was_expected_and_what_came(tmp_path: Path) -> None:
    good = "{given: {channel: site}, expect: {team: sales}}"
    bad = '{name: Ночью, given: {channel: site, at: "2026-11-28 23:10"}, expect: {team: support, state: assigned}}'
    (fault,) = failed_routing_tests(company(tmp_path, good, bad))
    assert str(fault) == (
        f"{tmp_path / 'config.yaml'}:15: routing_tests[1]: 'Ночью' expects team support, state assigned; it comes to "
        "team sales, rule 4, source Сайт, state unprocessed, reason outside_hours, respond_within 30m; "
        "correct the rules, or the test"
    )
    assert fault.level == "error"


def test_without_tests_nothing_fails(tmp_path: Path) -> None:
    assert failed_routing_tests(configured(tmp_path, COMPANY)) == []


def test_a_configuration_that_came_from_no_file_has_its_tests_in_its_first_line() -> None:
    values = {
        "channels": {"site": {"kind": "webform"}},
        "managers": {"anna": {"name": "Анна"}},
        "teams": {"sales": {"managers": "anna"}},
        "routing_tests": [{"given": {"channel": "site"}, "expect": {"owner": "boris"}}],
    }
    (fault,) = failed_routing_tests(Config.model_validate(values))
    assert (fault.line, fault.key) == (1, "routing_tests[0]")


@pytest.mark.parametrize(("owner", "code"), [("anna", 0), ("boris", 2)])
def test_check_runs_the_tests_and_is_2_where_one_fails(tmp_path: Path, owner: str, code: int) -> None:
    company(tmp_path, f"{{given: {{channel: site}}, expect: {{owner: {owner}}}}}")
    told = here("check", "--config", str(tmp_path / "config.yaml"))
    assert told.code == code
    assert ("routing_tests[0]: expects owner boris" in told.out) == (code == 2)
    assert ("no errors" in told.out) == (code == 0)
