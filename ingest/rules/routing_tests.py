"""The company's own tests of its rules: approaches given in the configuration, and what must come of each.

They go by the rules and the managers' hours alone: everybody is available, holds nothing and has had no turn.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from channels.message import Inbound
from dedup.keys import identify
from ingest.config.expectations import Expected, Given
from ingest.config.faults import Fault
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.rules.approach import enquiry_from
from ingest.rules.rulebook import Rulebook, compile_rulebook
from kernel.durations import format_duration
from routing.distribute import Standing, Waiting, distribute
from routing.rules import choose

NOON: Final = datetime(2026, 9, 16, 12)  # noqa: DTZ001 - in whatever zone the company has
"""The Wednesday noon at which an approach comes that says no time."""


_TOLD: Final = ("team", "rule", "source", "state", "reason", "owner", "respond_within")


def failed_routing_tests(config: Config) -> list[Fault]:
    """Each test of `routing_tests` that comes out otherwise than it says, as an error at its line."""
    if not config.routing_tests:
        return []
    rulebook, zone = compile_rulebook(0, revision_document(config)), ZoneInfo(config.timezone)
    faults = []
    for index, test in enumerate(config.routing_tests):
        expected, came = _expected(test.expect), try_approach(rulebook, test.given, zone)
        if any(came[key] != value for key, value in expected.items()):
            name = f"{test.name!r} " if test.name else ""
            problem = f"{name}expects {_told(expected)}; it comes to {_told(came)}"
            faults.append(
                Fault(
                    *config.place_of_test(index), f"routing_tests[{index}]", problem, "correct the rules, or the test"
                )
            )
    return faults


def try_approach(rulebook: Rulebook, given: Given, zone: ZoneInfo) -> dict[str, str | None]:
    """What would come of an approach, by the names of `Expected`; None where there is none."""
    at = given.at or NOON
    at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    said = _said(given)
    found = identify(said.phones, said.emails, (), said.text, rulebook.keys)
    known = given.known or given.owner is not None
    enquiry = enquiry_from(rulebook, given.channel, said, found, known=known, at=at)
    chosen = choose(rulebook.policy, enquiry)
    within = chosen.respond_within
    return {
        "team": chosen.team,
        "rule": None if chosen.rule is None else str(chosen.rule + 1),
        "source": enquiry.source,
        "respond_within": None if within is None else format_duration(within),
        **_lot(rulebook, chosen.team, given.owner, at),
    }


def _said(given: Given) -> Inbound:
    return Inbound(
        kind="test",
        text=given.text,
        subject=given.subject,
        name=given.name,
        phones=() if given.phone is None else (given.phone,),
        emails=() if given.email is None else (given.email,),
        company=given.company,
        city=given.city,
        to=given.to,
        page=given.page,
        referrer=given.referrer,
        campaign=given.campaign,
        fields={} if given.language is None else {"language": given.language},
    )


def _lot(rulebook: Rulebook, team: str, owner: str | None, at: datetime) -> dict[str, str | None]:
    """Who would have the lead, or why nobody."""
    policy = rulebook.policy
    standings = {name: Standing(name, available=True, open=0) for name in policy.managers}
    waiting = [Waiting(0, at, owner)]
    spread = distribute(policy.teams[team], policy.managers, waiting, standings, {}, at)
    if spread.given:
        return {"state": "assigned", "reason": None, "owner": spread.given[0].manager}
    return {"state": "unprocessed", "reason": spread.left[0].reason, "owner": None}


def _expected(expect: Expected) -> dict[str, str | None]:
    """What a test says, as `try_approach` tells it."""
    values = {key: getattr(expect, key) for key in _TOLD}
    return {
        key: format_duration(value) if isinstance(value, timedelta) else str(value)
        for key, value in values.items()
        if value is not None
    }


def _told(values: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key} {values[key]}" for key in _TOLD if values.get(key) is not None)
