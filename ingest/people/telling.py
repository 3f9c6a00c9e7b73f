"""What becomes of leads whose contact was merged or parted: written down, told to whom it concerns, and shown."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from storage import decisions, messages, rotation
from storage.decisions import Decision
from storage.names import Names
from storage.rotation import Notice

Json = dict[str, Any]

PEOPLE_CODES: Final = (
    "merge",
    "folded",
    "took_in",
    "two_accepted",
    "undo",
    "split",
    "given_away",
    "got_back",
    "opened_apart",
    "returned",
)
"""What is written down about a lead whose contact was merged or parted."""


class Telling:
    """Writes and tells, in the transaction of whoever merges or parts."""

    def __init__(self, names: Names, new_id: Callable[[], int]) -> None:
        self._names = names
        self._new_id = new_id

    def tell(
        self, db: sa.Connection, said: Mapping[int, Json], notices: Sequence[Notice], actor: str, now: datetime
    ) -> None:
        """`said`: the record of a decision about each lead that looks otherwise now."""
        made = [
            Decision(self._new_id(), now, "people", record, lead, record.get("entry"), actor)
            for lead, record in sorted(said.items())
        ]
        decisions.write(db, made)
        rotation.tell(db, self._names, notices, (self._new_id() for _ in notices), now)
        messages.tell_changed(db, said, self._new_id, now)
