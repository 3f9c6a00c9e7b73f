"""What a manager writes to a bot that clients write to as well is no client's approach."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from channels.message import Inbound
from channels.telegram.updates import IDENTITY
from ingest.rules.rulebook import Rulebook
from storage import chats
from storage.journal import Claimed, Result

STAFF: Final = "staff"

Approaches = Sequence[tuple[Claimed, Inbound]]


def without_managers(
    db: sa.Connection, rulebook: Rulebook, inbound: Approaches
) -> tuple[list[tuple[Claimed, Inbound]], list[Result]]:
    """The approaches of clients, and the outcomes of the rest. A statement only where a messenger's account is among them.

    An approach that a person has called a client's stays as it is, whoever sent it.
    """
    if not any(kind == IDENTITY for _, said in inbound for kind, _ in said.identities):
        return list(inbound), []
    known = chats.by_chat(db, rulebook.policy.managers, rulebook.chats)
    staff = [
        claimed.entry
        for claimed, said in inbound
        if not claimed.as_client and any(kind == IDENTITY and who in known for kind, who in said.identities)
    ]
    clients = [one for one in inbound if one[0].entry not in staff]
    return clients, [Result(entry, "ignored", STAFF) for entry in staff]
