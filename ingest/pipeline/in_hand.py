"""How much one worker takes at once: so many envelopes, and no more bytes than fit in memory beside everything else."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from storage.journal import Claimed

BATCH: Final = 100
BATCH_BYTES: Final = 16 * 1024 * 1024
HANDED: Final = 2 * BATCH
HANDED_BYTES: Final = 64 * 1024 * 1024


class InHand:
    """Envelopes that were claimed as they were stored, in their order."""

    def __init__(self) -> None:
        self._waiting: deque[Claimed] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether what comes now had better wait in the journal."""
        return len(self._waiting) >= HANDED or self._size >= HANDED_BYTES

    def add(self, claimed: Sequence[Claimed]) -> None:
        """These came."""
        self._waiting.extend(claimed)
        self._size += size_of(claimed)

    def take(self) -> list[Claimed]:
        """The next batch: at least one, of whatever size."""
        batch: list[Claimed] = []
        size = 0
        while self._waiting and len(batch) < BATCH:
            size += len(self._waiting[0].envelope.body)
            if batch and size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        self._size -= size_of(batch)
        return batch

    def clear(self) -> None:
        """They are somebody else's."""
        self._waiting.clear()
        self._size = 0


def size_of(claimed: Sequence[Claimed]) -> int:
    """The bytes of their bodies."""
    return sum(len(one.envelope.body) for one in claimed)


def next_limit(limit: int, claimed: Sequence[Claimed]) -> int:
    """How many to claim from the journal next time: fewer after large ones, which are known only once they are read."""
    size = size_of(claimed)
    if size > BATCH_BYTES:
        return max(1, len(claimed) * BATCH_BYTES // size)
    return min(BATCH, limit * 2)
