"""Decisions told in sentences, as a manager or a head reads them: what the records keep as codes and ids, in words.

Records name keys by id, so personal values are looked up only when somebody asks. A record may come from another
version of the program: an unknown code is shown as itself, and what a record does not have is not told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dedup.keys import Key
from ingest.explaining.sentences import Vocabulary, say
from kernel.clock import iso
from kernel.texts import Language
from storage.decisions import Decision, keys_named


def sentences(
    db: sa.Connection, made: Sequence[Decision], language: Language, titles: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """`[{"at": time, "text": sentences}]`, one item a decision, in their order. One statement, whatever their number.

    `titles` are the names by which managers, and whoever else acts, are shown; one without a title is shown by his key.
    """
    keys = keys_named(db, {number for decision in made for number in _mentioned(decision)})
    teller = _Teller(language, keys, titles or {})
    return [{"at": iso(decision.at), "text": " ".join(teller.tell(decision))} for decision in made]


def suggestion(
    code: str, record: Mapping[str, Any] | None, names: tuple[str | None, str | None], language: Language
) -> str:
    """A suggestion about two contacts with these names, in words: what may be so, and why."""
    name, other = (said or say("phrase", "nameless", language) for said in names)
    told = say("suggested", code, language, name=name, other=other).removesuffix(".")
    reasons = (say("likeness", str(reason), language) for reason in (record or {}).get("reasons", ()))
    return f"{'; '.join((told, *reasons))}."


def _mentioned(decision: Decision) -> Iterator[int]:
    """The ids of the keys that a decision refers to."""
    if decision.stage in {"match", "people"} and decision.record.get("key") is not None:
        yield decision.record["key"]
    if decision.stage == "match":
        yield from (number for number, _verdict in decision.record.get("tried", ()))


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells decisions in one language, with the keys that they mention."""

    language: Language
    keys: Mapping[int, Key]
    titles: Mapping[str, str]

    def tell(self, decision: Decision) -> Iterator[str]:
        """The sentences of one decision; at least one."""
        code = str(decision.record.get("code", decision.stage))
        record, actor = decision.record, decision.actor
        by_stage: dict[str, Callable[[], Iterator[str]]] = {
            "match": lambda: self._match(code, record),
            "assignment": lambda: self._assignment(code, record),
            "offer": lambda: self._offer(code, record),
            "call": lambda: self._call(code, record),
            "answer": lambda: self._answer(code, record),
            "action": lambda: self._action(code, record, actor),
            "people": lambda: self._people(code, record, actor),
        }
        return by_stage.get(decision.stage, lambda: iter((code,)))()

    def _match(self, code: str, record: Mapping[str, Any]) -> Iterator[str]:
        joined_by = record.get("key")
        yield self._say("match", code, key=self._key(joined_by))
        yield from self._tried((number, verdict) for number, verdict in record.get("tried", ()) if number != joined_by)
        if record.get("others"):
            yield self._say("suggestion", "keys_of_two")
        if record.get("introduced"):
            yield self._say("phrase", "name_kept") if code == "shared_key" else self._say("suggestion", "another_name")
        if record.get("rejected"):
            reasons = [(self._say("kind", kind), self._say("rejected", why)) for kind, why in record["rejected"]]
            yield self._listed("not_used", reasons)
        if "enquiry" in record:
            yield self._say("enquiry", record["enquiry"])

    def _tried(self, tried: Iterable[tuple[int, str]]) -> Iterator[str]:
        keys: dict[str, list[str]] = {}
        for number, verdict in tried:
            keys.setdefault(verdict, []).append(self._key(number))
        for verdict, named in keys.items():
            yield f"{self._say('tried', verdict)}: {', '.join(named)}."

    def _assignment(self, code: str, record: Mapping[str, Any]) -> Iterator[str]:
        if record.get("team") is not None:
            yield self._team(record)
        manager = record.get("manager")
        reason = self._say("reason", record.get("reason"))
        managers = ", ".join(map(self._title, record.get("managers", ())))
        yield self._say("assignment", code, manager=self._title(manager), managers=managers, reason=reason)
        if record.get("within"):
            yield self._say("phrase", "answer_within", within=record["within"])
        also = [self._title(name) for name in record.get("eligible", ()) if name != manager]
        if also:
            yield f"{self._say('phrase', 'also_free')}: {', '.join(also)}."
        if record.get("skipped"):
            obstacles = [(self._title(name), self._say("obstacle", why)) for name, why in record["skipped"]]
            yield self._listed("cannot_take" if code == "unprocessed" else "skipped", obstacles)

    def _offer(self, code: str, record: Mapping[str, Any]) -> Iterator[str]:
        yield self._say("offer", code, manager=self._title(record.get("manager")), silences=record.get("silences", "?"))

    def _call(self, code: str, record: Mapping[str, Any]) -> Iterator[str]:
        manager, owner = self._title(record.get("manager")) or "?", self._title(record.get("owner"))
        yield self._say("call", code, manager=manager, owner=owner)

    def _answer(self, code: str, record: Mapping[str, Any]) -> Iterator[str]:
        yield self._say("answer", code, why=self._say("withheld", record.get("why")))

    def _team(self, record: Mapping[str, Any]) -> str:
        """How the team was chosen. Only a lead that was new then has a rule in its record, or None for no rule."""
        team = record["team"]
        if "rule" not in record:
            return self._say("phrase", "in_team", team=team)
        if record["rule"] is None:
            return self._say("phrase", "by_default", team=team)
        return self._say("phrase", "by_rule", team=team, rule=record["rule"] + 1)

    def _action(self, code: str, record: Mapping[str, Any], actor: str) -> Iterator[str]:
        manager, team = record.get("manager"), record.get("team")
        what = (
            {"assign": "assign_to_team", "hand_over": "hand_over_in_turn"}.get(code, code) if manager is None else code
        )
        if code == "done" and record.get("kind") == "answer":
            what = "done_answer"
        count, left = len(record.get("envelopes", ())), self._title(record.get("left"))
        done = self._say("action", what, manager=self._title(manager), team=team, count=count, left=left)
        yield f"{self._title(actor)}: {done}."
        if record.get("reason"):
            yield self._say("phrase", "with_reason", reason=record["reason"])
        if record.get("from"):
            yield self._say("phrase", "before", state=self._say("state", record["from"]))
        if record.get("as_client"):
            yield self._say("phrase", "as_client")

    def _people(self, code: str, record: Mapping[str, Any], actor: str) -> Iterator[str]:
        yield f"{self._title(actor)}: {self._say('people', code, manager=self._title(record.get('manager')))}."
        if record.get("key") is not None:
            yield self._say("phrase", "by_key", key=self._key(record["key"]))
        if record.get("from"):
            yield self._say("phrase", "before", state=self._say("state", record["from"]))
        if record.get("state"):
            yield self._say("phrase", "now", state=self._say("state", record["state"]))

    def _say(self, vocabulary: Vocabulary, code: object, **values: object) -> str:
        return say(vocabulary, str(code), self.language, **values)

    def _listed(self, heading: str, reasons: Iterable[tuple[str, str]]) -> str:
        told = (self._say("phrase", "because", what=what, why=why) for what, why in reasons)
        return f"{self._say('phrase', heading)}: {'; '.join(told)}."

    def _title(self, name: str | None) -> str:
        return "" if name is None else self.titles.get(name, name)

    def _key(self, number: int | None) -> str:
        key = None if number is None else self.keys.get(number)
        if key is None:
            return self._say("phrase", "erased")
        shown = f"{self._say('kind', key.kind)} {key.e164 or key.value}"
        return shown if key.extension is None else self._say("phrase", "extension", key=shown, extension=key.extension)
