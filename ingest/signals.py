"""What signals do: a manager's button, presence, a bounce, a delivery report. In the transaction that settles their envelope."""

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa

from channels.message import Signal
from storage.journal import Claimed

Handler = Callable[[sa.Connection, Claimed, Signal, datetime], bool]
"""Does what a signal says; whether notices may be in the outbox now. Never raises for what a stranger could send."""


class Signals:
    """The handlers, by kind of signal. A kind without one is taken note of and does nothing."""

    def __init__(self, handlers: Mapping[str, Handler] | None = None) -> None:
        self._handlers = dict(handlers or {})

    def handle(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """Do what `signal` says; whether notices may be in the outbox now."""
        handler = self._handlers.get(signal.kind)
        return False if handler is None else handler(db, claimed, signal, now)

    def do_something(self, kind: str) -> bool:
        """Whether signals of this kind have an effect: they are settled by themselves, for the order of locks."""
        return kind in self._handlers
