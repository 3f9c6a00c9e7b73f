"""How many bytes of bodies that are still arriving this process holds at once, however many senders there are."""

from types import TracebackType
from typing import Final, Self

from ingest.intake.intake import Busy

ARRIVING_BYTES: Final = 64 * 1024 * 1024


class Room:
    """The bytes that arriving bodies share. A body takes as much as has arrived of it, not what it says to become."""

    def __init__(self, most: int = ARRIVING_BYTES) -> None:
        self.left = most


class Share:
    """What one body has of the room, given back when its block ends."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.drop(self._taken)

    def take(self, size: int) -> None:
        """So much more has arrived. Raises Busy where there is no room for it."""
        if size > self._room.left:
            raise Busy("too much is arriving at once")
        self._taken += size
        self._room.left -= size

    def drop(self, size: int) -> None:
        """So much of it is not kept after all."""
        self._taken -= size
        self._room.left += size
