"""What a person says to a suggestion: that the two are one, that they are not, or nothing."""

from datetime import datetime

import sqlalchemy as sa

from desk.ports import Refused
from ingest.people.merging import Merging
from storage import circles, edition, judging


class Judging:
    """Answers suggestions, in the transaction of whoever asks."""

    def __init__(self, merging: Merging) -> None:
        self._merging = merging

    def judge(self, db: sa.Connection, uid: str, verdict: str, actor: str, now: datetime) -> None:
        """Answer a suggestion: `join` merges the two, the younger into the older; `apart` says that they are two; `dismiss`.

        The same answer again changes nothing. Raises Refused.
        """
        edition.advance(db)
        suggestion = judging.suggestion(db, uid)
        if suggestion is None:
            raise Refused(404, "no_such_suggestion", "there is no such suggestion")
        number, one, other, before = suggestion
        if before is not None:
            if before == verdict:
                return
            raise Refused(409, "answered", f"this suggestion was answered already: {before}")
        if one == other and verdict != "dismiss":
            raise Refused(409, "one_contact", "it is about one contact; split it, or dismiss the suggestion")
        if verdict == "join":
            self._join_suggested(db, one, other, actor, now)
        if verdict == "apart":
            self._keep_apart(db, one, other, actor, now)
        judging.judge(db, number, verdict, actor, now)

    def _join_suggested(self, db: sa.Connection, one: int, other: int, actor: str, now: datetime) -> None:
        older, younger = sorted((circles.root_of(db, one), circles.root_of(db, other)))
        if older != younger:
            people = circles.circle(db, older) | circles.circle(db, younger)
            self._merging.merge(db, people[older].uid, people[younger].uid, actor, now)

    @staticmethod
    def _keep_apart(db: sa.Connection, one: int, other: int, actor: str, now: datetime) -> None:
        if circles.root_of(db, one) == circles.root_of(db, other):
            raise Refused(409, "same_contact", "the two are one contact by now; undo their merge instead")
        judging.set_apart(db, [(one, other)], actor, now)
        here, there = (circles.circle(db, circles.root_of(db, number)) for number in (one, other))
        judging.settle_suggestions(db, list(here), list(there), "apart", actor, now)
