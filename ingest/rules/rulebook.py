"""The applied revision, compiled: what matching and distribution go by inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dedup.enquiry import Limits
from dedup.keys import KeyRules
from dedup.staff import StaffRules
from ingest.config.policy import policy_from
from ingest.rules.automatic_texts import Courtesy, courtesy_from
from kernel.durations import parse_duration
from routing.addressee import addressee
from routing.policy import Policy, Team
from routing.working_time import WorkingTime, working_time
from storage import revisions
from storage.names import Names


@dataclass(frozen=True, slots=True)
class Origin:
    """What a channel's entry says of all that comes through it. `numbers`: sources by `addressee`; `courtesy`: its answers."""

    kind: str
    source: str | None
    team: str | None
    numbers: Mapping[str, str] = field(default_factory=dict)
    courtesy: Courtesy | None = None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One revision, compiled. `shared_over`: a key seen with more other keys than this is shared; None: without limit."""

    revision: int
    policy: Policy
    keys: KeyRules
    limits: Limits
    origins: Mapping[str, Origin]
    staff: StaffRules
    clocks: Mapping[str, WorkingTime]
    chats: Mapping[str, str]
    """The Telegram ids that the configuration names, by manager."""
    shared_over: int | None = None
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The lines of each manager at the telephone exchange, as `addressee` gives them; the first is his main one."""

    def manager_at(self, line: str | None) -> str | None:
        """Whose line this is, however the exchange writes it; None where it is no manager's."""
        if not line:
            return None
        wanted = addressee(line, self.keys.region)
        return next((name for name, lines in self.lines.items() if wanted in lines), None)

    def deadline(self, team: str, since: datetime, span: timedelta | None) -> datetime | None:
        """`since` and `span` of the time in which anybody of a team works; None without a span, or where nobody ever does."""
        return None if span is None else self.clocks[team].deadline(since, span)

    def escalation_at(self, team: str, since: datetime) -> datetime | None:
        """When the first step of a team's chain is due for a lead that waits `since`; None without a chain, or such a team."""
        known = self.policy.teams.get(team)
        return self.deadline(team, since, known.escalate[0].after) if known is not None and known.escalate else None

    def due_at(self, team: str, since: datetime, within: timedelta | None) -> datetime | None:
        """When a lead of a team must be answered; by the calendar where nobody of the team ever works."""
        return None if within is None else self.deadline(team, since, within) or since + within


def compile_rulebook(revision: int, document: Mapping[str, Any]) -> Rulebook:
    """Compile a revision document: the same in every process that reads it from the store."""
    matching = document["matching"]
    shared = matching["shared"]
    enquiry = matching["enquiry"]
    policy = policy_from(document)
    test = document.get("test", {})
    return Rulebook(
        revision,
        policy,
        KeyRules(
            document["region"],
            tuple(shared["emails"]),
            tuple(shared["phones"]),
            (*test.get("phones", ()), *test.get("emails", ())),
        ),
        Limits(parse_duration(enquiry["reopen_within"]), parse_duration(enquiry["new_after"])),
        {name: _origin(channel, document) for name, channel in document["channels"].items()},
        _staff(document),
        {name: _clock(policy, team) for name, team in policy.teams.items()},
        {name: str(m["telegram"]) for name, m in document["managers"].items() if m.get("telegram")},
        shared.get("over"),
        {
            name: tuple(addressee(line, document["region"]) for line in manager.get("extension") or ())
            for name, manager in document["managers"].items()
        },
    )


def _staff(document: Mapping[str, Any]) -> StaffRules:
    """A revision of an earlier version says less of its people."""
    own, test = document.get("own", {}), document.get("test", {})
    people = [*document["managers"].values(), *document.get("directors", {}).values()]
    extensions = [text for person in people for text in person.get("extension") or ()]
    return StaffRules(
        region=document["region"],
        domains=tuple(own.get("domains", ())),
        phones=(*own.get("phones", ()), *extensions),
        emails=tuple(person["email"] for person in people if person.get("email")),
        identities=tuple(("telegram", str(person["telegram"])) for person in people if person.get("telegram")),
        extensions=tuple(extensions),
        test_phones=tuple(test.get("phones", ())),
        test_emails=tuple(test.get("emails", ())),
    )


def _clock(policy: Policy, team: Team) -> WorkingTime:
    return working_time(policy.managers[name] for name in team.members if name in policy.managers)


def _origin(channel: Mapping[str, Any], document: Mapping[str, Any]) -> Origin:
    numbers = {addressee(number, document["region"]): source for number, source in channel.get("numbers", {}).items()}
    courtesy = courtesy_from(channel.get("answer"), ZoneInfo(document["timezone"]))
    return Origin(channel["kind"], channel["source"], channel["team"], numbers, courtesy)


class Rulebooks:
    """The rulebook in force, compiled once a revision."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._current: Rulebook | None = None

    def current(self, db: sa.Connection) -> Rulebook:
        """The rulebook of the revision that this transaction sees as the latest. Raises LookupError before the first."""
        number = revisions.current_id(db)
        if number is None:
            raise LookupError("no revision of managers, teams and rules has been applied to this store yet")
        # A thread whose reading is older may put its own in place meanwhile: what this one goes by is its own.
        current = self._current
        if current is None or current.revision != number:
            self._names.refresh(db)
            current = self._current = compile_rulebook(number, revisions.load(db, number).document)
        return current
