"""How a channel can be, what it becomes by what happens, and which of several truths about it is told. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from channels.adapter import Expiry

Code = Literal["unavailable", "hung", "ended", "defect"]

CONDITIONS: Final = ("starting", "listening", "retrying", "misconfigured", "silent", "expiring", "stopped")
PROOF: Final = "not_proved"
REFUSALS: Final = 5
"""So many deliveries in a row that prove nothing, and the secret differs on one side."""
OTHER_REFUSALS: Final = 20
"""So many in a row that cannot be taken for another reason."""
LASTING: Final = timedelta(minutes=10)
"""A run of refusals of this length, or a loss of connection of it, is no passing scanner or hitch: directors are told."""
BRIEF: Final = timedelta(minutes=1)
"""Who is heard for less than this between two troubles of one kind was in trouble all the time."""
CALM: Final = timedelta(minutes=5)
"""A channel that was in trouble is well again once it has been for so long."""


@dataclass(frozen=True, slots=True)
class Starting:
    """Nothing is known yet."""

    condition: ClassVar = "starting"
    since: datetime


@dataclass(frozen=True, slots=True)
class Listening:
    """All is well: the provider answers, or where it calls us, nothing speaks against it."""

    condition: ClassVar = "listening"
    since: datetime


@dataclass(frozen=True, slots=True)
class Retrying:
    """No connection; it is tried again at `next_at`. `hung`: there was no sign of life; `defect`: the fault is ours."""

    condition: ClassVar = "retrying"
    since: datetime
    code: Code
    detail: str
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """A person must act; what he must do, in both languages."""

    condition: ClassVar = "misconfigured"
    since: datetime
    detail: str
    russian: str


@dataclass(frozen=True, slots=True)
class Refusing:
    """A person must act: `count` deliveries in a row were refused, the last one with `code`."""

    condition: ClassVar = "misconfigured"
    since: datetime
    latest: datetime
    count: int
    code: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing since `since`, where about `expected` contacts were to come by the channel's own rhythm."""

    condition: ClassVar = "silent"
    since: datetime
    expected: float


@dataclass(frozen=True, slots=True)
class Expiring:
    """A credential ends at `expiry.at`, soon or already, though the connection still holds."""

    condition: ClassVar = "expiring"
    since: datetime
    expiry: Expiry


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nobody listens: this process has stopped, or the task that listens is being started again."""

    condition: ClassVar = "stopped"
    since: datetime


Polled = Starting | Listening | Retrying | Misconfigured | Stopped
"""What a channel that fetches can say of itself."""

State = Polled | Refusing | Silent | Expiring


@dataclass(frozen=True, slots=True)
class Pulse:
    """A channel that fetches: its state, when its provider was last heard, and how often it was started anew for being hung.

    `before`: of one that listens, how it was before.
    """

    state: Polled
    heard_at: datetime | None = None
    hung: int = 0
    before: Polled | None = None

    @property
    def condition(self) -> str:
        """The state's word."""
        return self.state.condition

    @property
    def detail(self) -> str | None:
        """What is wrong, in English."""
        return detail(self.state)

    def heard(self, now: datetime) -> "Pulse":
        """The provider answered."""
        if isinstance(self.state, Listening):
            return replace(self, heard_at=now)
        return replace(self, state=Listening(now), heard_at=now, before=self.state)

    def became(self, state: Polled) -> "Pulse":
        """Trouble. What goes on in the same condition goes on since then."""
        last = self.state
        if isinstance(last, Listening) and self.before is not None and state.since - last.since < BRIEF:
            last = self.before
        since = last.since if last.condition == state.condition else state.since
        return replace(self, state=replace(state, since=since))

    def hanging(self) -> "Pulse":
        """It gave no sign of life and is started anew."""
        return replace(self, hung=self.hung + 1)


def detail(state: State) -> str | None:
    """What is wrong, in English, where the channel's own kind says it."""
    return state.detail if isinstance(state, (Retrying, Misconfigured)) else None


def refusing(run: Refusing | None) -> bool:
    """Whether a run of refusals is more than somebody's mistake."""
    return run is not None and run.count >= (REFUSALS if run.code == PROOF else OTHER_REFUSALS)


def soonest(expiries: Sequence[Expiry], now: datetime) -> Expiring | None:
    """The credential that ends first, once its end is near."""
    near = [expiry for expiry in expiries if expiry.at - expiry.ahead <= now]
    first = min(near, key=lambda expiry: expiry.at, default=None)
    return None if first is None else Expiring(first.at - first.ahead, first)


def overall(
    polled: Polled, refused: Refusing | None, silent: Silent | None, expiries: Sequence[Expiry], now: datetime
) -> State:
    """The one state that is told: what a person must mend before what mends itself, what is certain before what is likely."""
    if not isinstance(polled, Listening):
        return polled
    if refused is not None and refusing(refused):
        return refused
    return silent or soonest(expiries, now) or polled


def is_alarming(state: State, now: datetime) -> bool:
    """Whether directors should hear of it now."""
    match state:
        case Misconfigured() | Silent() | Expiring():
            return True
        case Refusing():
            return state.latest - state.since >= LASTING
        case Retrying():
            return now - state.since >= LASTING
        case _:
            return False


def is_over(told: str, state: State, now: datetime) -> bool:
    """Whether what directors were `told`, a condition, has ended: a channel that only blinks is not well yet."""
    return isinstance(state, Listening) and (told in {"silent", "expiring"} or now - state.since >= CALM)
