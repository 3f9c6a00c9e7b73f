"""What time alone brings about: offers that nobody answered, owners who are away, leads that a head must hear of.

All of it that is due at one instant is applied before the distribution of the same transaction.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from ingest.rules.rulebook import Rulebook
from routing.distribute import Standing
from storage import decisions, handling, offers, overdue, rotation
from storage.decisions import Decision
from storage.names import Names
from storage.offers import Offer
from storage.overdue import Left, Unanswered
from storage.rotation import Notice

SILENCES: Final = 2
"""So many offers in a row without an answer, and a manager counts as away until he says otherwise."""


def next_due(db: sa.Connection) -> datetime | None:
    """The next deadline of those that are kept in columns."""
    return min(filter(None, (offers.next_due(db), overdue.next_due(db))), default=None)


class Overdue:
    """Applies what is due. `since`: when this process began to look; offers that ran out before are nobody's silence.

    Who answered one while nobody ran has not been heard yet: what he said comes after.
    """

    def __init__(self, names: Names, new_id: Callable[[], int], since: datetime | None = None) -> None:
        self._names = names
        self._new_id = new_id
        self._since = since

    def apply(self, db: sa.Connection, rulebook: Rulebook, now: datetime) -> None:
        """Bring everything up to `now`, under the locks of the teams; costs two questions where nothing is due."""
        due = next_due(db)
        watches = any(team.owner_away is not None for team in rulebook.policy.teams.values())
        if not watches and (due is None or due > now):
            return
        standings = rotation.lock(db, self._names, tuple(rulebook.policy.teams), now).standings
        self._expire(db, rulebook, standings, now)
        if watches:
            standings = rotation.standings(db, self._names, now)
            self._watch_owners(db, rulebook, standings, now)
        self._come_back(db, rulebook, standings, now)
        self._escalate(db, rulebook, now)

    # ---- offers without an answer

    def _expire(self, db: sa.Connection, rulebook: Rulebook, standings: Mapping[str, Standing], now: datetime) -> None:
        over = offers.due(db, self._names, now)
        if not over:
            return
        offers.answer(db, [(one.id, "expired", None) for one in over], now)
        own = [one for one in over if one.by != "first"]
        owners = offers.owners(db, self._names, {one.lead for one in own})
        # One whose lead somebody has moved meanwhile without a word to its offer is only closed.
        his = [one for one in own if owners.get(one.lead) == one.manager]
        asked_together = {one.lead for one in over if one.by == "first"}
        still_asked = {one.lead for one in offers.open_of(db, self._names, asked_together)}
        offers.take_back(db, {one.lead for one in his} | asked_together - still_asked)
        offers.count_refusals(db, still_asked)
        offers.change_loads(db, self._names, {name: -n for name, n in Counter(one.manager for one in his).items()})
        self._write(db, ((one.lead, _expired(one)) for one in over), now)
        self._tell(db, [Notice("offer_expired", one.lead, one.manager, one.id, {}) for one in his], now)
        silent = [one for one in his if self._ran(one) and _was_there(one.manager, rulebook, standings, now)]
        self._count_silences(db, silent, now)

    def _ran(self, offer: Offer) -> bool:
        """Whether anybody could have heard an answer when the time ran out."""
        return self._since is None or offer.answer_by is None or offer.answer_by >= self._since

    def _count_silences(self, db: sa.Connection, silent: Sequence[Offer], now: datetime) -> None:
        """Who stayed silent too often is away. He is told about the last lead that he left, and that one tap brings him back."""
        last = {one.manager: one for one in silent}
        counted = offers.count_silences(db, self._names, Counter(one.manager for one in silent))
        for name, count in sorted(counted.items()):
            if count >= SILENCES and handling.set_available(db, self._names, name, available=False):
                lead = last[name].lead
                self._write(db, [(lead, {"code": "made_away", "manager": name, "silences": count})], now)
                self._tell(db, [Notice("made_away", lead, name, record={}, critical=True)], now)

    # ---- owners who are away

    def _watch_owners(
        self, db: sa.Connection, rulebook: Rulebook, standings: Mapping[str, Standing], now: datetime
    ) -> None:
        away = [name for name in standings if is_away(name, rulebook, standings, now)]
        overdue.owners_back(db, self._names, standings.keys() - away)
        for team in rulebook.policy.teams.values():
            until = rulebook.deadline(team.name, now, team.owner_away)
            if until is not None:
                overdue.owners_away(db, self._names, team.name, away, until)

    def _come_back(
        self, db: sa.Connection, rulebook: Rulebook, standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Leads that were with an absent owner for too long; one who is there again keeps his."""
        left = overdue.left_alone(db, self._names, now)
        back = [one for one in left if is_away(one.owner, rulebook, standings, now)]
        overdue.owners_back(db, self._names, {one.owner for one in left} - {one.owner for one in back})
        if not back:
            return
        numbers = [one.lead for one in back]
        offers.withdraw(db, self._names, numbers, now)
        overdue.come_back(db, numbers)
        offers.change_loads(db, self._names, {name: -n for name, n in Counter(one.owner for one in back).items()})
        for one in back:
            if one.state == "in_work" and one.team in rulebook.policy.teams:
                handling.begin_escalation(db, one.lead, rulebook.escalation_at(one.team, now))
        self._write(db, ((one.lead, _returned(one)) for one in back), now)
        self._tell(db, [Notice("owner_away", one.lead, one.owner, record={}) for one in back], now)

    # ---- leads that nobody has accepted

    def _escalate(self, db: sa.Connection, rulebook: Rulebook, now: datetime) -> None:
        """Tell each person once of all leads whose time is over, and set the times of their next steps."""
        told: dict[str, list[int]] = {}
        steps: list[tuple[int, int, datetime | None]] = []
        records: list[tuple[int, dict[str, Any]]] = []
        for one in overdue.unanswered(db, self._names, now):
            people, done, at = _steps(one, rulebook, now)
            steps.append((one.lead, done, at))
            for person in people:
                told.setdefault(person, []).append(one.lead)
                records.append((one.lead, {"code": "escalated", "manager": person, "step": done}))
        overdue.escalate(db, steps)
        self._write(db, records, now)
        for person, numbers in sorted(told.items()):
            overdue.tell_of_many(db, self._names, "escalation", person, numbers, self._new_id(), now)

    def _write(self, db: sa.Connection, records: Iterable[tuple[int, dict[str, Any]]], now: datetime) -> None:
        decisions.write(db, [Decision(self._new_id(), now, "offer", record, lead) for lead, record in records])

    def _tell(self, db: sa.Connection, notices: Sequence[Notice], now: datetime) -> None:
        rotation.tell(db, self._names, notices, (self._new_id() for _ in notices), now)


def _expired(offer: Offer) -> dict[str, Any]:
    return {"code": "expired", "manager": offer.manager, "team": offer.team, "by": offer.by}


def _returned(left: Left) -> dict[str, Any]:
    return {"code": "owner_away", "manager": left.owner, "team": left.team, "from": left.state}


def is_away(name: str, rulebook: Rulebook, standings: Mapping[str, Standing], now: datetime) -> bool:
    """Whether this manager is away or off shift. One who leaves keeps his leads until somebody says where they go."""
    manager, standing = rulebook.policy.managers.get(name), standings.get(name)
    if manager is None or standing is None or standing.leaving:
        return False
    return not (standing.available and manager.hours.open_at(now, manager.zone))


def _was_there(name: str, rulebook: Rulebook, standings: Mapping[str, Standing], now: datetime) -> bool:
    """Whether silence is this manager's own: not where he was away already, or his shift has ended meanwhile."""
    manager, standing = rulebook.policy.managers.get(name), standings.get(name)
    if manager is None or standing is None or standing.leaving:
        return False
    return standing.available and manager.hours.open_at(now, manager.zone)


def _steps(one: Unanswered, rulebook: Rulebook, now: datetime) -> tuple[list[str], int, datetime | None]:
    """Whom to tell of a lead now, how many steps that makes, and when the next is due: several where nobody ran for long."""
    team = rulebook.policy.teams.get(one.team)
    chain = () if team is None else team.escalate
    people: list[str] = []
    done, at = one.escalated, one.at
    while done < len(chain) and at <= now:
        people += rulebook.policy.overseers(one.team) if chain[done].to == "head" else (chain[done].to,)
        done += 1
        if done < len(chain):
            following = rulebook.deadline(one.team, at, chain[done].after - chain[done - 1].after)
            if following is None:
                return list(dict.fromkeys(people)), done, None
            at = following
    return list(dict.fromkeys(people)), done, at if done < len(chain) else None
