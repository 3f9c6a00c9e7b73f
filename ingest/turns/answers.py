"""What a manager says to an offer, and what becomes of the offers of a lead that moves on. Under the locks of the teams."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from desk.ports import Refused
from ingest.rules.rulebook import Rulebook
from storage import activities, decisions, handling, offers, rotation
from storage.decisions import Decision
from storage.handling import CLOSED, COUNTED, Standing
from storage.leads import DEFAULT_PLACE
from storage.names import Names
from storage.offers import Offer
from storage.rotation import Notice

WAITING = frozenset({"unprocessed", "assigned"})


class Answers:
    """Accepting and refusing. Writes offers, silences, notices and its own decisions; the lead itself is the hand's business.

    What was to be done about a lead is done when somebody closes it.
    """

    def __init__(self, names: Names, new_id: Callable[[], int]) -> None:
        self._names = names
        self._new_id = new_id

    def check_acceptance(self, db: sa.Connection, before: Standing, after: Standing, order: Mapping[str, Any]) -> None:
        """Refuse what came too late: somebody has the lead; or with `offer`, by its number, the lead went on to another."""
        if before.state == "in_work":
            raise Refused(409, "taken", f"the lead is in work with {before.owner}")
        if order.get("offer") is None or before.owner in {None, after.owner}:
            return
        if all(one.id != order["offer"] for one in offers.open_of(db, self._names, [before.id])):
            raise Refused(409, "taken", f"the lead went on to {before.owner}")

    def over(
        self, db: sa.Connection, before: Standing, after: Standing, rulebook: Rulebook, actor: str, now: datetime
    ) -> None:
        """What a person's hand on a lead does to its offers and its clocks: one is accepted or none, and the others are told."""
        accepted = after.state == "in_work" and after.owner is not None
        if after.state not in {*WAITING, "in_work"}:
            activities.done(db, before.id, actor, now)
        if accepted and after.owner is not None:
            offers.has_answered(db, self._names, after.owner)
        if after.state in WAITING and (before.state not in WAITING or after.team != before.team):
            handling.begin_escalation(db, before.id, rulebook.escalation_at(after.team, now))
        if before.state in CLOSED and after.state not in CLOSED:
            within = handling.respond_within(db, before.id)
            place_at = now + (within or DEFAULT_PLACE)
            due_at = rulebook.due_at(after.team, now, within) if after.team in rulebook.policy.teams else None
            handling.wait_anew(db, before.id, place_at, due_at)
        were = offers.withdraw(db, self._names, [before.id], now)
        if after.state not in WAITING or after.team != before.team:
            offers.forget(db, [before.id])
        mine = [one for one in were if accepted and one.manager == after.owner]
        offers.answer(db, [(one.id, "accepted", None) for one in mine], now)
        heir = after.owner if after.state in COUNTED else None
        self._tell_others(db, [one for one in were if one.manager not in {heir, actor}], heir, now)

    def _tell_others(self, db: sa.Connection, others: list[Offer], heir: str | None, now: datetime) -> None:
        code = "offer_withdrawn" if heir is None else "taken_by"
        record = {} if heir is None else {"manager": heir}
        told = {one.manager: Notice(code, one.lead, one.manager, one.id, record) for one in others}
        rotation.tell(db, self._names, told.values(), (self._new_id() for _ in told), now)

    def decline(
        self,
        db: sa.Connection,
        before: Standing,
        order: Mapping[str, Any],
        rulebook: Rulebook,
        actor: str,
        now: datetime,
    ) -> bool:
        """`manager`, else whoever has the lead, cannot take it, for a `reason` where he gives one. Whether that changed anything.

        The lead is not offered to him again until somebody accepts it or it goes to another team. Raises Refused.
        """
        standing = offers.of_lead(db, self._names, before.id)
        manager = self._decliner(before, order, standing, rulebook)
        mine = next((one for one in standing if one.manager == manager and one.state == "open"), None)
        if mine is None and before.owner != manager:
            if any(one.manager == manager and one.state == "declined" for one in standing):
                return False
            raise Refused(409, "not_offered", f"the lead is not offered to {manager}")
        if before.state not in WAITING:
            what = f"accepted by {before.owner}; hand it over" if before.state == "in_work" else before.state
            raise Refused(409, "taken" if before.state == "in_work" else "closed", f"the lead is {what}")
        if order.get("version") is not None and order["version"] != before.version:
            raise Refused(409, "stale", "the lead was changed meanwhile")
        self._close(db, before, manager, mine, order.get("reason"), now)
        self._back(db, before, manager, [one for one in standing if one.state == "open" and one is not mine])
        offers.has_answered(db, self._names, manager)
        record = {"code": "decline", "manager": manager, "team": before.team, "reason": order.get("reason")}
        decisions.write(db, [Decision(self._new_id(), now, "action", record, before.id, actor=actor)])
        return True

    def undelivered(self, db: sa.Connection, before: Standing, offer: int, now: datetime) -> bool:
        """Nobody could tell him of his offer, by any route: the lead goes to the next, and he has neither refused nor been silent.

        Whether that changed anything: not where it was answered meanwhile.
        """
        standing = offers.of_lead(db, self._names, before.id)
        mine = next((one for one in standing if one.id == offer and one.state == "open"), None)
        if mine is None or before.state not in WAITING:
            return False
        offers.answer(db, [(mine.id, "undelivered", None)], now)
        self._back(db, before, mine.manager, [one for one in standing if one.state == "open" and one is not mine])
        record = {"code": "undelivered", "manager": mine.manager, "team": before.team}
        decisions.write(db, [Decision(self._new_id(), now, "offer", record, before.id)])
        return True

    @staticmethod
    def _decliner(before: Standing, order: Mapping[str, Any], standing: list[Offer], rulebook: Rulebook) -> str:
        name = order.get("manager") or before.owner
        if name is None:
            asked = [one.manager for one in standing if one.state == "open"]
            if len(asked) != 1:
                raise Refused(422, "incomplete", "say which manager cannot take it")
            name = asked[0]
        if name not in rulebook.policy.managers and name != before.owner:
            raise Refused(
                422, "no_such_manager", f"there is no manager {name!r}; there are {', '.join(rulebook.policy.managers)}"
            )
        return str(name)

    def _close(
        self,
        db: sa.Connection,
        before: Standing,
        manager: str,
        mine: Offer | None,
        reason: str | None,
        now: datetime,
    ) -> None:
        """His offer is declined; one who was given the lead without any is noted the same way."""
        if mine is not None:
            offers.answer(db, [(mine.id, "declined", reason)], now)
            return
        noted = Offer(self._new_id(), before.id, manager, before.team, "hand", None, now, None, "declined", reason)
        offers.write(db, self._names, [noted], now)

    def _back(self, db: sa.Connection, before: Standing, manager: str, others: list[Offer]) -> None:
        """The lead waits again where it was his, or where nobody else is asked any more."""
        is_his = before.owner == manager
        if before.state == "assigned" and (is_his or not others):
            offers.take_back(db, [before.id])
        else:
            offers.count_refusals(db, [before.id])
        if is_his and before.state in COUNTED:
            offers.change_loads(db, self._names, {manager: -1})
