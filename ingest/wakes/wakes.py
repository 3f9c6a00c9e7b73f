"""Wake-ups by topic: to the part of this process that sees to it, and where that is another process's, over a line to those.

A wake-up says that there may be something to do, and nothing else: what there is stands in the store. So one that is lost costs
the seconds until the next sweep of whoever sees to it, one that comes twice costs a look, and none carries a value.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final, Literal, Protocol, get_args

Topic = Literal["work", "send", "turn", "revision", "changed"]
"""`work`: the journal has entries that nobody has. `send`: the outbox has something. `turn`: waiting leads could go out.
`revision`: another revision of the configuration is in force. `changed`: screens have something to fetch.
"""

State = Literal["inside", "up", "away"]
"""How other processes are reached: not at all and none are expected, now, or not now."""

TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)
FOR_ALL: Final[frozenset[Topic]] = frozenset({"revision", "changed"})
"""What every process must hear; of the others one is enough."""


class Others(Protocol):
    """The way to the other processes."""

    @property
    def is_up(self) -> bool:
        """Whether they can be reached now."""

    def tell(self, topic: Topic) -> None:
        """Have it told soon, once for all that was told meanwhile. Never waits and never raises."""

    async def run(self) -> None:
        """Tell and hear until cancelled."""


class Wakes:
    """The wake-ups of one process. `hear` before `run`; all belongs to the process's loop."""

    def __init__(self) -> None:
        self._receivers: dict[Topic, tuple[Callable[[], None], ...]] = {}
        self._others: Others | None = None

    def hear(self, topic: Topic, *receivers: Callable[[], None]) -> None:
        """Call these whenever `topic` is said or heard: a flag to be set, nothing that waits or fails."""
        self._receivers[topic] = (*self._receivers.get(topic, ()), *receivers)

    def reach(self, others: Others) -> None:
        """Tell these what concerns them."""
        self._others = others

    @property
    def state(self) -> State:
        """How the other processes are reached."""
        if self._others is None:
            return "inside"
        return "up" if self._others.is_up else "away"

    def heard_here(self) -> Collection[Topic]:
        """The topics that this process sees to."""
        return self._receivers.keys()

    def say(self, topic: Topic) -> None:
        """There may be something to do: for this process if it sees to that, else for one of the others; or for all."""
        self.heard(topic)
        if topic in FOR_ALL or topic not in self._receivers:
            self.tell(topic)

    def tell(self, topic: Topic) -> None:
        """Say it to the others only: there is more than this process does alone, or here it is known already."""
        if self._others is not None:
            self._others.tell(topic)

    def heard(self, topic: Topic) -> None:
        """Another process said so."""
        for receiver in self._receivers.get(topic, ()):
            receiver()

    async def run(self) -> None:
        """Keep the line to the others; without one, there is nothing to keep."""
        if self._others is None:
            await asyncio.Event().wait()
        else:
            await self._others.run()


def made(url: str | None, scope: bytes) -> Wakes:
    """Wake-ups over the Redis at `url`, None: inside the process. `scope` is the same in all processes over one store."""
    wakes = Wakes()
    if url is not None:
        from ingest.wakes.line import Line  # noqa: PLC0415 - arq is not loaded where nobody speaks over Redis

        wakes.reach(Line(url, scope, wakes))
    return wakes
