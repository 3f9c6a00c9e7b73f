"""How long what could not be sent waits before it is tried again: notices, answers, whatever leaves by the outbox."""

from datetime import timedelta
from typing import Final

PAUSES: Final = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400))
