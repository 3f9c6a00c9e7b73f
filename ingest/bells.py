"""Bells: what a part rings where another may have something to do now, without knowing where that one runs.

Ringing is never needed, only quick: whoever listens finds its work by looking into the store as well. A bell that nobody of this
process hears is rung elsewhere, by whatever carries it there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

Topic = Literal["work", "tell", "say", "turn", "changed"]
"""The journal has entries; a notice is due, or a word to a client; waiting leads could go out; what screens show has changed."""


class Bell:
    """Call it to ring. `for_others`: who rings it here knows already what it says. All methods belong to the loop."""

    def __init__(self, *, for_others: bool = False) -> None:
        self._for_others = for_others
        self._ears: list[Callable[[], None]] = []
        self._carriers: list[Callable[[], None]] = []

    def heard_by(self, *ears: Callable[[], None]) -> None:
        """Have these of this process act on it."""
        self._ears += ears

    def carried_by(self, carrier: Callable[[], None]) -> None:
        """Have a carrier bring it to other processes."""
        self._carriers.append(carrier)

    def __call__(self) -> None:
        """Ring: for those here, or elsewhere where none of them hears it."""
        if self._ears and not self._for_others:
            self.here()
        else:
            self.elsewhere()

    def elsewhere(self) -> None:
        """Ring for other processes: there is more than those here do alone, or here it is known."""
        for carrier in self._carriers:
            carrier()

    def here(self) -> None:
        """It was rung elsewhere: tell those of this process."""
        for ear in self._ears:
            ear()


@dataclass(frozen=True, slots=True)
class Bells:
    """The bells of a process. `people`, new contacts or names, is urgent for nobody and stays within it."""

    work: Bell = field(default_factory=Bell)
    tell: Bell = field(default_factory=Bell)
    say: Bell = field(default_factory=Bell)
    turn: Bell = field(default_factory=Bell)
    changed: Bell = field(default_factory=lambda: Bell(for_others=True))
    people: Bell = field(default_factory=Bell)

    def send(self) -> None:
        """Ring for all that may be due in the outbox, whoever it is for."""
        self.tell()
        self.say()

    def carried_by(self, bring: Callable[[Topic], None]) -> None:
        """Bring what is rung here to other processes by `bring`."""
        for topic in get_args(Topic):
            self.of(topic).carried_by(lambda topic=topic: bring(topic))  # type: ignore[misc] # a bound default

    def heard(self, topic: Topic) -> None:
        """Somebody elsewhere rang this."""
        self.of(topic).here()

    def of(self, topic: Topic) -> Bell:
        """The bell of a topic."""
        bell: Bell = getattr(self, topic)
        return bell
