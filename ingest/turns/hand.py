"""A person's hand on leads and on the availability switch, in the transaction of whoever asks: the API, a button, a mail link."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from desk.ports import Refused
from ingest.rules.rulebook import Rulebook, Rulebooks
from ingest.turns.answers import Answers
from ingest.turns.distribution import Distributor
from storage import decisions, handling, handover, messages, rotation
from storage.decisions import Decision
from storage.handling import Standing
from storage.merging import MERGED
from storage.names import Names
from storage.rotation import Notice

OPEN: Final = frozenset({"unprocessed", "assigned", "in_work"})
CLOSING: Final = {"disqualify": "disqualified", "lose": "lost", "convert": "converted"}
ACTIONS: Final = ("accept", "decline", "assign", "disqualify", "lose", "convert", "reopen")


class Hand:
    """What a person may do to a lead. `reasons` gives the configured ones, by the state that they explain."""

    def __init__(
        self,
        names: Names,
        rulebooks: Rulebooks,
        distributor: Distributor,
        reasons: Callable[[], Mapping[str, tuple[str, ...]]],
        new_id: Callable[[], int],
    ) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._distributor = distributor
        self._reasons = reasons
        self._new_id = new_id
        self._answers = Answers(names, new_id)

    def act(
        self, db: sa.Connection, number: int, action: str, order: Mapping[str, Any], actor: str, now: datetime
    ) -> None:
        """Do `action` to a lead, and distribute what that frees. Doing it again changes nothing. Raises Refused."""
        if action not in ACTIONS:
            raise Refused(404, "no_such_action", f"there is no action {action!r}; there are {', '.join(ACTIONS)}")
        rulebook = self._rulebooks.current(db)
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        before = handling.lead_for_update(db, self._names, number)
        if action == "decline":
            if self._answers.decline(db, before, order, rulebook, actor, now):
                self._distributor.everybody(db, rulebook, now)
                messages.tell_changed(db, [number], self._new_id, now)
            return
        try:
            after = self._intended(before, action, order, rulebook)
        except Refused:
            # Whoever has not seen how the lead stands by now is told that first: it may be what his order lacks.
            _require_as_seen(before, action, order)
            raise
        if after == before:
            return
        _require_as_seen(before, action, order)
        if action == "accept":
            self._answers.check_acceptance(db, before, after, order)
        handling.write(db, self._names, before, after, now)
        self._answers.over(db, before, after, rulebook, actor, now)
        record = {
            "code": action,
            "manager": after.owner,
            "team": after.team,
            "reason": order.get("reason"),
            "from": before.state,
        }
        decisions.write(db, [Decision(self._new_id(), now, "action", record, number, actor=actor)])
        if action == "assign" and after.owner is not None and after.owner != before.owner:
            rotation.tell(db, self._names, [Notice("lead_assigned", number, after.owner)], [self._new_id()], now)
        self._distributor.everybody(db, rulebook, now)
        messages.tell_changed(db, [number], self._new_id, now)

    def undelivered(self, db: sa.Connection, number: int, offer: int, now: datetime) -> None:
        """An offer that no route could deliver: the lead goes to the next manager."""
        rulebook = self._rulebooks.current(db)
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        if self._answers.undelivered(db, handling.lead_for_update(db, self._names, number), offer, now):
            self._distributor.everybody(db, rulebook, now)

    def set_available(self, db: sa.Connection, manager: str, *, available: bool, actor: str, now: datetime) -> None:
        """The availability switch; when it goes on, waiting leads go out in the same transaction. Raises Refused."""
        rulebook = self._rulebooks.current(db)
        if manager not in rulebook.policy.managers:
            raise Refused(404, "no_such_manager", f"there is no manager {manager!r}")
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        if handling.set_available(db, self._names, manager, available=available):
            record = {"code": "available" if available else "away", "manager": manager}
            decisions.write(db, [Decision(self._new_id(), now, "action", record, actor=actor)])
            self._distributor.everybody(db, rulebook, now)

    def hand_over(self, db: sa.Connection, manager: str, to: str | None, actor: str, now: datetime) -> int:
        """All open leads of somebody go to another, or to whoever has the turn; how many there were. Raises Refused."""
        rulebook = self._rulebooks.current(db)
        if manager not in self._names.managers.all(db):
            raise Refused(404, "no_such_manager", f"there is no manager {manager!r}")
        if to is not None and (to == manager or to not in rulebook.policy.managers):
            known = ", ".join(name for name in rulebook.policy.managers if name != manager)
            raise Refused(422, "no_such_manager", f"the leads cannot go to {to!r}; there are {known}")
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        handed = handover.hand_over(db, self._names, manager, to, now)
        for one in handed:
            if one.state == "in_work":
                handling.begin_escalation(db, one.lead, rulebook.escalation_at(one.team, now))
        decisions.write(
            db,
            [
                Decision(
                    self._new_id(),
                    now,
                    "action",
                    {
                        "code": "hand_over",
                        "manager": to,
                        "team": one.team,
                        "reason": None,
                        "from": None,
                        "left": manager,
                    },
                    one.lead,
                    actor=actor,
                )
                for one in handed
            ],
        )
        if to is not None:
            notices = [Notice("lead_assigned", one.lead, to) for one in handed]
            rotation.tell(db, self._names, notices, (self._new_id() for _ in notices), now)
        # What was taken from him is not to go straight back to him, whose turn or client it may be.
        self._distributor.everybody(db, rulebook, now, besides=manager if to is None else None)
        messages.tell_changed(db, [one.lead for one in handed], self._new_id, now)
        return len(handed)

    def _intended(self, before: Standing, action: str, order: Mapping[str, Any], rulebook: Rulebook) -> Standing:
        """The lead as the order wants it; equal to `before` where it is so already."""
        match action:
            case "accept":
                manager = self._manager(order, rulebook, before.owner)
                return replace(before, state="in_work", reason=None, owner=manager)
            case "assign":
                return self._assigned(before, order, rulebook)
            case "reopen":
                if before.state in OPEN:
                    return before
                return replace(before, state="unprocessed", reason=None, owner=None)
            case _:
                return replace(before, state=CLOSING[action], reason=self._reason(action, order))

    def _assigned(self, before: Standing, order: Mapping[str, Any], rulebook: Rulebook) -> Standing:
        team = order.get("team") or before.team
        if team not in rulebook.policy.teams:
            raise Refused(
                422, "no_such_team", f"there is no team {team!r}; there are {', '.join(rulebook.policy.teams)}"
            )
        if order.get("manager") is None:
            if order.get("team") is None:
                raise Refused(422, "incomplete", "say to which manager or team the lead goes")
            if team == before.team:
                return before
            return replace(before, team=team, state="unprocessed", reason=None, owner=None)
        manager = self._manager(order, rulebook, None)
        if manager == before.owner and team == before.team and before.state in {"assigned", "in_work"}:
            return before
        return replace(before, team=team, state="assigned", reason=None, owner=manager)

    @staticmethod
    def _manager(order: Mapping[str, Any], rulebook: Rulebook, default: str | None) -> str:
        name = order.get("manager") or default
        if name is None:
            raise Refused(422, "incomplete", "say which manager")
        if name not in rulebook.policy.managers:
            raise Refused(
                422, "no_such_manager", f"there is no manager {name!r}; there are {', '.join(rulebook.policy.managers)}"
            )
        return str(name)

    def _reason(self, action: str, order: Mapping[str, Any]) -> str | None:
        reason = order.get("reason")
        known = self._reasons().get(CLOSING[action], ())
        if action == "convert":
            return None
        if reason is None and action == "disqualify":
            raise Refused(422, "incomplete", f"say the reason{': ' + ', '.join(known) if known else ''}")
        if reason is not None and known and reason not in known:
            raise Refused(422, "no_such_reason", f"there is no reason {reason!r}; there are {', '.join(known)}")
        return reason


def _require_as_seen(before: Standing, action: str, order: Mapping[str, Any]) -> None:
    """Raises Refused, 409, for an order about a lead that stands otherwise than it takes it to."""
    if order.get("version") is not None and order["version"] != before.version:
        raise Refused(409, "stale", "the lead was changed meanwhile")
    if before.state == MERGED:
        raise Refused(409, "merged", "the lead goes on in another; undo the merge of its contacts first")
    if before.state not in OPEN and action != "reopen":
        raise Refused(409, "closed", f"the lead is {before.state}; reopen it first")
