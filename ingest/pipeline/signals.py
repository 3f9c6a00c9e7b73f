"""What signals do: a manager's button, presence, a bounce, a delivery report. In the transaction that settles their envelope."""

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa

from channels.message import Parsed, Signal
from storage.journal import Claimed

Handler = Callable[[sa.Connection, Claimed, Signal, datetime], bool]
"""Does what a signal says; whether the outbox may have something due now. Never raises for what a stranger could send."""

Proof = Callable[[sa.Connection, Claimed, Signal], bool]
"""Whether whoever sent a signal may give it."""


class Signals:
    """The handlers, by kind of signal. A kind without one is taken note of and does nothing.

    `proofs`, by kind, are asked of signals that are something else where their sender may not give them.
    """

    def __init__(
        self, handlers: Mapping[str, Handler] | None = None, proofs: Mapping[str, Proof] | None = None
    ) -> None:
        self._handlers = dict(handlers or {})
        self._proofs = dict(proofs or {})

    def meant(self, db: sa.Connection, claimed: Claimed, parsed: Parsed | None) -> Parsed | None:
        """What an envelope says, now that it can be asked who sent it."""
        if not isinstance(parsed, Signal) or parsed.otherwise is None:
            return parsed
        proof = self._proofs.get(parsed.kind)
        given = not claimed.as_client and proof is not None and proof(db, claimed, parsed)
        return parsed if given else parsed.otherwise

    def handle(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """Do what `signal` says; whether the outbox may have something due now."""
        handler = self._handlers.get(signal.kind)
        return False if handler is None else handler(db, claimed, signal, now)

    def do_something(self, kind: str) -> bool:
        """Whether signals of this kind have an effect: they are settled by themselves, for the order of locks."""
        return kind in self._handlers
