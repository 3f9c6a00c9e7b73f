"""The applied revision, compiled: what matching and distribution go by inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dedup.enquiry import Limits
from dedup.keys import KeyRules
from ingest.config.policy import policy_from
from kernel.durations import parse_duration
from routing.policy import Policy
from storage import revisions
from storage.names import Names


@dataclass(frozen=True, slots=True)
class Origin:
    """What a channel's entry says of all that comes through it."""

    kind: str
    source: str | None
    team: str | None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One revision, compiled."""

    revision: int
    policy: Policy
    keys: KeyRules
    limits: Limits
    origins: Mapping[str, Origin]
    chats: Mapping[str, str]
    """The Telegram ids that the configuration names, by manager."""


def compile_rulebook(revision: int, document: Mapping[str, Any]) -> Rulebook:
    """Compile a revision document: the same in every process that reads it from the store."""
    matching = document["matching"]
    shared = matching["shared"]
    enquiry = matching["enquiry"]
    return Rulebook(
        revision,
        policy_from(document),
        KeyRules(document["region"], tuple(shared["emails"]), tuple(shared["phones"])),
        Limits(parse_duration(enquiry["reopen_within"]), parse_duration(enquiry["new_after"])),
        {name: Origin(c["kind"], c["source"], c["team"]) for name, c in document["channels"].items()},
        {name: str(m["telegram"]) for name, m in document["managers"].items() if m.get("telegram")},
    )


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
        if self._current is None or self._current.revision != number:
            self._names.refresh(db)
            self._current = compile_rulebook(number, revisions.load(db, number).document)
        return self._current
