"""The applied revision, compiled: what matching and distribution go by inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from dedup.enquiry import Limits
from dedup.keys import KeyRules
from dedup.staff import StaffRules
from ingest.config.policy import policy_from
from kernel.durations import parse_duration
from routing.addressee import addressee
from routing.policy import Policy
from storage import revisions
from storage.names import Names


@dataclass(frozen=True, slots=True)
class Origin:
    """What a channel's entry says of all that comes through it. `numbers`: sources by `addressee`."""

    kind: str
    source: str | None
    team: str | None
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One revision, compiled. `shared_over`: a key seen with more other keys than this is shared; None: without limit."""

    revision: int
    policy: Policy
    keys: KeyRules
    limits: Limits
    origins: Mapping[str, Origin]
    staff: StaffRules
    shared_over: int | None = None


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
        {name: _origin(channel, document["region"]) for name, channel in document["channels"].items()},
        _staff(document),
        shared.get("over"),
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


def _origin(channel: Mapping[str, Any], region: str) -> Origin:
    numbers = {addressee(number, region): source for number, source in channel.get("numbers", {}).items()}
    return Origin(channel["kind"], channel["source"], channel["team"], numbers)


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
