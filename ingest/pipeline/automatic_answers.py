"""Automatic answers: which mails of a batch are answered by themselves, in the transaction that takes them in.

The one gate for all of them: whatever says that a client may have one, there is one only where the mail itself, the channel, the
hour, and what his address has had before all allow it. Each yes and each no is a decision that explains itself. What is written
is a fixed number of statements; a batch without mail to a channel that answers costs none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from channels.message import Inbound
from dedup.keys import normalise
from ingest.rules.automatic_texts import Courtesy, Occasion, composed, is_silent
from ingest.rules.rulebook import Rulebook
from storage import answered, decisions
from storage.answered import Automatic
from storage.decisions import Decision
from storage.journal import Claimed
from storage.leads import NewInteraction
from storage.names import Names

LATE: Final = timedelta(hours=6)
"""Older mail is a backlog, or is read again after a fault: whoever wrote it has waited too long to hear that it has come."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that has become an interaction of a lead of `team`, on a channel that answers by itself."""

    claimed: Claimed
    said: Inbound
    mail: NewInteraction
    team: str
    test: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One that nothing speaks against so far: whom to answer, by the value of his key."""

    asked: Asked
    courtesy: Courtesy
    address: str
    value: str
    opens: datetime | None


def courtesy_of(rulebook: Rulebook, channel: str) -> Courtesy | None:
    """What a channel answers by itself."""
    origin = rulebook.origins.get(channel)
    return None if origin is None else origin.courtesy


class AutomaticAnswers:
    """Writes answers. They leave once the transaction is committed. Holds no state of its own."""

    def __init__(self, names: Names, new_id: Callable[[], int]) -> None:
        self._names = names
        self._new_id = new_id

    def write(self, db: sa.Connection, rulebook: Rulebook, mails: Sequence[Asked], now: datetime) -> bool:
        """Answer those of these mails that may be answered; whether there are any."""
        why: dict[int, str] = {}
        candidates: dict[str, _Candidate] = {}
        for asked in mails:
            found = _judged(asked, rulebook, now)
            if isinstance(found, str):
                why[asked.mail.id] = found
            elif found.value in candidates:
                why[asked.mail.id] = "answered_lately"
            else:
                candidates[found.value] = found
        chosen = self._free(db, candidates, why, now)
        written = self._written(db, chosen, now)
        answered.put(db, self._names, written, self._new_id, now)
        records = {one.answers.id: _sent(one, candidate) for one, candidate in zip(written, chosen, strict=True)}
        records |= {mail: {"code": "withheld", "why": code} for mail, code in why.items()}
        made = [
            Decision(self._new_id(), now, "answer", records[one.mail.id], one.mail.lead, one.claimed.entry)
            for one in mails
        ]
        decisions.write(db, made)
        return bool(written)

    @staticmethod
    def _free(
        db: sa.Connection, candidates: Mapping[str, _Candidate], why: dict[int, str], now: datetime
    ) -> list[_Candidate]:
        """Those whose address has had no answer lately, which are noted down as answered; `why` the others are not."""
        known = answered.addresses(db, sorted(candidates))
        pauses: dict[timedelta, list[int]] = {}
        for value, number in known.items():
            pauses.setdefault(candidates[value].courtesy.per_address, []).append(number)
        free = {number for pause in sorted(pauses) for number in answered.take(db, pauses[pause], pause, now)}
        for value, one in candidates.items():
            if known.get(value) not in free:
                why[one.asked.mail.id] = "answered_lately" if value in known else "no_key"
        return [one for value, one in sorted(candidates.items()) if known.get(value) in free]

    def _written(self, db: sa.Connection, chosen: Sequence[_Candidate], now: datetime) -> list[Automatic]:
        names = answered.named(db, [one.asked.mail.id for one in chosen])
        written = []
        for one in chosen:
            mail, said = one.asked.mail, one.asked.said
            uid, lead = names[mail.id]
            subject, text = composed(one.courtesy, Occasion(said.name, said.subject, said.text, lead, one.opens))
            written.append(Automatic(self._new_id(), mail, uid, one.address, subject, text, now))
        return written


def _judged(asked: Asked, rulebook: Rulebook, now: datetime) -> _Candidate | str:
    """A candidate, or the code of why there is no answer."""
    found, courtesy = asked.said.answerable, courtesy_of(rulebook, asked.claimed.envelope.channel)
    assert found is not None and courtesy is not None  # noqa: S101, PT018 - else nobody would have asked
    if found.address is None:
        return found.withheld or "no_sender"
    code = _forbidden(asked, found.address, rulebook, now)
    if code is not None:
        return code
    opens = _opens(rulebook, asked.team, now)
    if is_silent(courtesy, in_hours=opens is None):
        return "not_now"
    key = normalise("email", found.address, rulebook.keys.region)
    return "no_key" if key is None else _Candidate(asked, courtesy, found.address, key.value, opens)


def _forbidden(asked: Asked, address: str, rulebook: Rulebook, now: datetime) -> str | None:
    envelope = asked.claimed.envelope
    if asked.claimed.as_client:
        return "by_hand"
    if asked.test:
        return "test"
    if address in {origin.courtesy.address.lower() for origin in rulebook.origins.values() if origin.courtesy}:
        return "own"
    came = min(asked.said.at or envelope.received_at, envelope.received_at)
    return "late" if now - came > LATE else None


def _opens(rulebook: Rulebook, team: str, now: datetime) -> datetime | None:
    """When the team works again; None where it does now, and where it never does, since nobody can name a time then."""
    clock = rulebook.clocks[team]
    return None if clock.open_at(now) else clock.next_open(now)


def _sent(one: Automatic, candidate: _Candidate) -> dict[str, Any]:
    code = "in_hours" if candidate.opens is None else "out_of_hours"
    return {"code": code, "interaction": one.id}
