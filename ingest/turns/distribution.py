"""Giving leads out, in the transaction of whoever asks: newcomers of a batch, or those who wait when somebody frees up."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ingest.rules.rulebook import Rulebook
from kernel.clock import iso
from kernel.durations import format_duration
from kernel.facts import fact, replaced
from kernel.seams import crashpoint
from routing.distribute import Distribution, Given, Left, Reason, Shown, Standing, Waiting, anyone_free, distribute
from storage import decisions, messages, offers, rotation
from storage.decisions import Decision
from storage.leads import NewLead
from storage.names import Names
from storage.offers import Offer
from storage.rotation import Notice
from storage.store import Conflict

PAGES: Final = 4


@fact
class Newcomer:
    """A lead that is not in the store yet, and its client's own manager."""

    lead: NewLead
    owner: str | None
    chosen: dict[str, Any]


@fact
class Spread:
    """What a distribution came to: the newcomers as they are to be written, and whether more could go out at once."""

    newcomers: tuple[NewLead, ...]
    given: int
    more: bool


class Distributor:
    """Runs `routing.distribute` under the store's locks. One of a process; holds no state of its own."""

    def __init__(self, names: Names, new_id: Callable[[], int]) -> None:
        self.names = names
        self.new_id = new_id

    def run(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        teams: Collection[str],
        now: datetime,
        newcomers: Sequence[Newcomer] = (),
        *,
        restate: bool = False,
        once_locked: Callable[[], None] = lambda: None,
        besides: str | None = None,
    ) -> Spread:
        """Distribute the waiting leads of `teams` and these newcomers, by place: teams by number, each in pages.

        `restate` also looks where nobody is free, and brings the reasons of what stays up to date. Newcomers are not
        written here but returned with owner and state, so that each lead is one insert. `besides`: a manager who gets
        nothing this time, as if he were leaving. Raises Conflict where `rulebook` is in force no more.
        """
        by_number = sorted(
            (t for t in teams if t in rulebook.policy.teams), key=lambda t: self.names.teams.number(db, t)
        )
        asks = any(rulebook.policy.teams[team].accept_within is not None for team in by_number)
        locked = rotation.lock(db, self.names, by_number, now, with_offers=asks)
        if locked.revision not in {None, rulebook.revision}:
            raise Conflict("another revision was put in force meanwhile")
        once_locked()
        standings = dict(locked.standings)
        if besides in standings:
            standings[besides] = replaced(standings[besides], leaving=True)
        finished: list[NewLead] = []
        made: list[Decision] = []
        notices: list[Notice] = []
        offered: list[Offer] = []
        more = False
        for name in by_number:
            own = [n for n in newcomers if n.lead.team == name]
            spread = _Team(self, db, rulebook, name, now, locked.turns[name], standings)
            spread.go(own, restate=restate)
            more = more or spread.more
            rotation.write_turns(db, self.names, name, locked.turns[name], spread.turns)
            finished += spread.finished
            made += spread.decisions
            notices += spread.notices
            offered += spread.offers
        changed = {m: s.open for m, s in standings.items() if s.open != locked.standings[m].open}
        rotation.write_loads(db, self.names, changed)
        offers.write(db, self.names, offered, now)
        decisions.write(db, made)
        rotation.tell(db, self.names, notices, (self.new_id() for _ in notices), now)
        new = {newcomer.lead.id for newcomer in newcomers}
        if moved := [notice.lead for notice in notices if notice.lead not in new]:
            messages.tell_changed(db, moved, self.new_id, now)
        crashpoint("distribute.before_commit")
        return Spread(tuple(finished), len(notices), more)

    def everybody(self, db: sa.Connection, rulebook: Rulebook, now: datetime, *, besides: str | None = None) -> bool:
        """Distribute all that waits, and bring the reasons of what stays up to date. Whether another run could give more."""
        return self.run(db, rulebook, tuple(rulebook.policy.teams), now, restate=True, besides=besides).more


class _Team:
    """One team's distribution within a run: standings are shared with the other teams of it."""

    def __init__(
        self,
        run: Distributor,
        db: sa.Connection,
        rulebook: Rulebook,
        name: str,
        now: datetime,
        turns: Mapping[str, int],
        standings: dict[str, Standing],
    ) -> None:
        self._run = run
        self._db = db
        self._rulebook = rulebook
        self._team = rulebook.policy.teams[name]
        self._now = now
        self._standings = standings
        self.turns: dict[str, int] = dict(turns)
        self.finished: list[NewLead] = []
        self.decisions: list[Decision] = []
        self.notices: list[Notice] = []
        self.offers: list[Offer] = []
        self.more = False
        self._reasons: Mapping[int, str | None] = {}

    def go(self, newcomers: Sequence[Newcomer], *, restate: bool) -> None:
        """Older leads first, page by page, while anybody is free; the newcomers with the last page."""
        backlog: list[Waiting] = []
        if restate or anyone_free(self._rulebook.policy.managers, self._standings, self._now, self._team):
            backlog = self._drain()
        if self.more:
            # Older leads are still to be looked at. The run after this one takes up the newcomers in their place.
            self._record(
                Distribution((), tuple(_not_yet(n.lead) for n in newcomers), self.turns),
                {n.lead.id: n for n in newcomers},
            )
            return
        came = self._distribute(backlog, newcomers)
        if restate:
            self._restate(came)

    def _drain(self) -> list[Waiting]:
        """Distribute full pages of waiting leads; the last page, which is not full, comes back undistributed.

        A page of which nothing went out costs little and does not count: leads that wait for somebody in particular, or that
        all have refused, must not hide those behind them.
        """
        after = None
        pages = 0
        while pages < PAGES:
            backlog, self._reasons = rotation.waiting(self._db, self._run.names, self._team.name, after)
            if len(backlog) < rotation.WAITING_LIMIT:
                return backlog
            came = self._distribute(backlog, [])
            self._restate(came)
            if came.left and came.exhausted:
                return []
            pages += bool(came.given or came.shown)
            after = (backlog[-1].place, backlog[-1].lead)
        self.more = True
        return []

    def _restate(self, came: Distribution) -> None:
        """Where nobody is free for the rotation, the same is true of every lead behind."""
        if came.left and came.exhausted:
            rotation.restate(self._db, self._run.names, self._team.name, came.exhausted, self._now)

    def _distribute(self, backlog: Sequence[Waiting], newcomers: Sequence[Newcomer]) -> Distribution:
        if not backlog and not newcomers:
            return Distribution((), (), self.turns)
        fresh = {n.lead.id: n for n in newcomers}
        candidates = [*backlog, *(_waiting(n) for n in newcomers)]
        came = distribute(
            self._team, self._rulebook.policy.managers, candidates, self._standings, self.turns, self._now
        )
        self.turns = dict(came.turns)
        self._count(came)
        rotation.settle(self._db, self._run.names, came, except_for=fresh)
        self._record(came, fresh)
        return came

    def _count(self, came: Distribution) -> None:
        """Keep the standings true: the teams of a run share them."""
        is_offer = self._team.accept_within is not None
        for manager, number in Counter(given.manager for given in came.given).items():
            standing = self._standings[manager]
            offered = standing.offered + number * is_offer
            self._standings[manager] = replaced(standing, open=standing.open + number, offered=offered)
        for manager in (name for shown in came.shown if shown.by == "first" for name in shown.managers):
            standing = self._standings[manager]
            self._standings[manager] = replaced(standing, offered=standing.offered + 1, asked=standing.asked + 1)

    def _record(self, came: Distribution, fresh: dict[int, Newcomer]) -> None:
        for given in came.given:
            self._decide(given.lead, _told(given, self._team.name, self._team.accept_within), fresh.get(given.lead))
            self._hand_out(given, came.answer_by)
            if given.lead in fresh:
                self.finished.append(replaced(fresh[given.lead].lead, state="assigned", owner=given.manager))
        for shown in came.shown:
            self._record_shown(shown, came.answer_by, fresh.get(shown.lead))
        for left in came.left:
            newcomer = fresh.get(left.lead)
            if newcomer is not None or left.reason != self._reasons.get(left.lead):
                self._decide(left.lead, _told(left, self._team.name), newcomer)
            if newcomer is not None:
                self.finished.append(replaced(newcomer.lead, reason=left.reason, wait_until=left.wait_until))

    def _hand_out(self, given: Given, answer_by: datetime | None) -> None:
        """Given for good, or an offer where the team asks."""
        if self._team.accept_within is None:
            self.notices.append(Notice("lead_assigned", given.lead, given.manager))
        else:
            self._offer(given.lead, given.manager, given.by, given.turn, answer_by)

    def _offer(self, lead: int, manager: str, by: str, turn: int | None, answer_by: datetime | None) -> None:
        offer = Offer(self._run.new_id(), lead, manager, self._team.name, by, turn, self._now, answer_by)
        self.offers.append(offer)
        record = {"by": by, "answer_by": None if answer_by is None else iso(answer_by)}
        self.notices.append(Notice("lead_offered", lead, manager, offer.id, record))

    def _record_shown(self, shown: Shown, answer_by: datetime | None, newcomer: Newcomer | None) -> None:
        """A lead before several at once. Where all have refused it, that is told to who oversees the team, once."""
        is_first = shown.by == "first"
        self._decide(shown.lead, _told(shown, self._team.name, self._team.accept_within), newcomer)
        for manager in shown.managers:
            self._offer(shown.lead, manager, shown.by, None, answer_by if is_first else None)
        if not is_first and self._reasons.get(shown.lead) != "refused_by_all":
            self.notices += [
                Notice("refused_by_all", shown.lead, person, critical=True)
                for person in self._rulebook.policy.overseers(self._team.name)
            ]
        if newcomer is not None:
            self.finished.append(replaced(newcomer.lead, state="assigned"))

    def _decide(self, lead: int, record: dict[str, Any], newcomer: Newcomer | None) -> None:
        chosen = {} if newcomer is None else newcomer.chosen
        self.decisions.append(Decision(self._run.new_id(), self._now, "assignment", {**chosen, **record}, lead))


def _told(what: Given | Shown | Left, team: str, within: timedelta | None = None) -> dict[str, Any]:
    """The record of a decision; `within` is the time to accept, where it is an offer."""
    told: dict[str, Any] = {"team": team, "skipped": what.skipped}
    if isinstance(what, Left):
        told |= {"code": "unprocessed", "reason": what.reason}
        if what.reason == "waiting_for_owner" and what.wait_until is not None:
            told["until"] = iso(what.wait_until)
        return told
    if isinstance(what, Given):
        told |= {"code": what.by, "manager": what.manager, "turn": what.turn, "eligible": what.eligible}
    else:
        told |= {"code": what.by, "managers": what.managers}
    if within is not None and what.by != "everyone":
        told["within"] = format_duration(within)
    return told


def _waiting(newcomer: Newcomer) -> Waiting:
    lead = newcomer.lead
    return Waiting(lead.id, lead.place_at, newcomer.owner, lead.wait_until, lead.reason)


def _not_yet(lead: NewLead) -> Left:
    """A newcomer behind older leads that are still to be looked at; one whose telephone rings says so."""
    reason: Reason = "nobody_available" if lead.reason is None else "ringing"
    return Left(lead.id, reason, lead.wait_until, ())


def teams_of(newcomers: Iterable[Newcomer]) -> set[str]:
    """The teams that a batch has leads for."""
    return {n.lead.team for n in newcomers}
