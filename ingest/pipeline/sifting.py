"""Before matching: what comes from the company itself is told from what comes from clients, and trials are named."""

from collections.abc import Sequence
from typing import Final

from channels.message import Inbound
from dedup.keys import Identified
from dedup.staff import StaffRules
from storage.journal import Claimed, Result

STAFF: Final = "staff"
TEST: Final = "test"
CALL: Final = "call"

Approaches = Sequence[tuple[Claimed, Inbound]]


def without_staff(
    rules: StaffRules, fresh: Approaches, identified: Sequence[Identified]
) -> tuple[list[tuple[Claimed, Inbound]], list[Identified], list[Result]]:
    """The approaches of clients, what identifies each, and the outcomes of the rest.

    An approach that a person has called a client's stays as it is, whoever seems to have sent it.
    """
    clients: list[tuple[Claimed, Inbound]] = []
    sifted: list[Identified] = []
    ignored: list[Result] = []
    for (claimed, said), found in zip(fresh, identified, strict=True):
        numbers = said.phones if said.kind == CALL else ()
        client = found if claimed.as_client else rules.sift(found, numbers)
        if client is None:
            ignored.append(Result(claimed.entry, "ignored", STAFF))
        else:
            clients.append((claimed, said))
            sifted.append(client)
    return clients, sifted, ignored
