"""Everything that is known of how the channels are, put together at the moment that somebody asks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from channels.adapter import Adapter
from ingest.config.references import BUILT_IN
from ingest.health import telling
from ingest.health.elsewhere import Elsewhere, Told, together
from ingest.health.metrics import ChannelFigures
from ingest.health.refusals import Refusals
from ingest.health.states import Listening, Pulse, Refusing, Retrying, Silent, Starting, State, Stopped, detail, overall
from ingest.health.wording import not_running, remedy
from kernel.clock import Clock, iso
from kernel.texts import LANGUAGES, Language


class Health:
    """The states of all channels but our own. `silences` is kept by `ingest.health.watch`.

    `elsewhere`: what other processes tell, of channels that this one does not listen to; None where there are no others.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter[Any]],
        pulses: Mapping[str, Pulse],
        refusals: Refusals,
        clock: Clock,
        zone: ZoneInfo,
        language: Language,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._adapters = adapters
        self._pulses = pulses
        self._refusals = refusals
        self._clock = clock
        self._zone = zone
        self._language: Language = language
        self._began = clock.now()
        self._runs = True
        self.silences: dict[str, Silent] = {}

    def nobody_runs(self) -> None:
        """No daemon runs, only a command that looks into its store: nothing is taken in."""
        self._runs = False

    def names(self) -> list[str]:
        """The channels, as configured: what people type in themselves has nothing to lose."""
        return [name for name in self._adapters if name != BUILT_IN]

    def pulse(self, name: str) -> Pulse:
        """How a channel is by itself. What only receives has no connection to lose: while we run, it listens."""
        if not self._runs:
            return Pulse(Stopped(self._began))
        own = self._pulses.get(name)
        if own is not None:
            return own
        if self._elsewhere is None or not self._adapters[name].listens():
            return Pulse(Listening(self._began))
        told = self._elsewhere.told(name)
        return Pulse(Starting(self._began)) if told is None else told.pulse

    def _told(self, name: str) -> Told | None:
        """What another process says of a channel that this one does not listen to."""
        return None if name in self._pulses or self._elsewhere is None else self._elsewhere.told(name)

    def _refused(self, name: str) -> Refusing | None:
        """Refusals in a row: here, and where others receive, there."""
        here = self._refusals.run(name)
        if self._elsewhere is None:
            return here
        taken = [at for at in (self._refusals.latest_taken(name), self._elsewhere.taken(name)) if at is not None]
        rows = [*([] if here is None else [here]), *self._elsewhere.refused(name)]
        return together(rows, max(taken, default=None))

    def state(self, name: str) -> State:
        """How a channel is by all that is known."""
        silent = self.silences.get(name)
        if silent is None and self._elsewhere is not None:
            silent = self._elsewhere.silent(name)
        told = self._told(name)
        expiries = [*self._adapters[name].expiries(), *(() if told is None else told.expiries)]
        return overall(self.pulse(name).state, self._refused(name), silent, expiries, self._clock.now())

    def report(self) -> dict[str, Any]:
        """What others must be told, as JSON: the channels that this process listens to, what it refused, what it finds silent.

        And when it last took a delivery in, where others refused some: the row of those may be over.
        """
        channels = {
            name: {
                **telling.of_pulse(pulse),
                "expiries": [telling.of_expiry(one) for one in self._adapters[name].expiries()],
            }
            for name, pulse in self._pulses.items()
            if name in self._adapters
        }
        taken = {} if self._elsewhere is None else self._taken(self._elsewhere)
        refusals = {name: row for name in self.names() if (row := self._refusals.run(name)) is not None}
        return {
            "channels": channels,
            "refusals": {name: telling.of_state(row) for name, row in refusals.items()},
            "taken": taken,
            "silences": {name: telling.of_state(silent) for name, silent in self.silences.items()},
        }

    def _taken(self, elsewhere: Elsewhere) -> dict[str, str]:
        """When this process last took a delivery in where others refused some; its own rows end by what those took in."""
        taken = {}
        for name in self.names():
            if (theirs := elsewhere.taken(name)) is not None:
                self._refusals.taken_elsewhere(name, theirs)
            if elsewhere.refused(name) and (ours := self._refusals.latest_taken(name)) is not None:
                taken[name] = iso(ours)
        return taken

    def troubles(self, language: Language) -> dict[str, str]:
        """What is wrong with each channel that is not well, and what to do."""
        said = {name: self.remedy(self.state(name), language) for name in self.names()}
        return {name: text for name, text in said.items() if text is not None}

    def remedy(self, state: State, language: Language) -> str | None:
        """What is the matter with a channel in such a state, with times of the company's zone."""
        return remedy(state, language, self.shown)

    def shown(self, moment: datetime) -> str:
        """A time as the company reads it."""
        return moment.astimezone(self._zone).strftime("%d.%m.%Y %H:%M")

    def described(self, name: str, language: str) -> dict[str, Any]:
        """A channel as the API shows it."""
        chosen: Language = next((known for known in LANGUAGES if known == language), self._language)
        state, pulse, refused = self.state(name), self.pulse(name), self._refused(name)
        told = self._told(name)
        return {
            "name": name,
            "kind": self._adapters[name].kind,
            "state": state.condition,
            "since": iso(state.since),
            "detail": detail(state),
            "remedy": self.remedy(state, chosen) if self._runs else not_running(chosen),
            "next_at": iso(state.next_at) if isinstance(state, Retrying) else None,
            "heard_at": None if pulse.heard_at is None else iso(pulse.heard_at),
            "restarts": pulse.hung,
            "refusals": 0 if refused is None else refused.count,
            "told_at": None if told is None else iso(told.at),
        }

    def figures(self) -> list[ChannelFigures]:
        """What the metrics show of each channel."""
        now = self._clock.now()
        return [self._figures(name, now) for name in self.names()]

    def _figures(self, name: str, now: datetime) -> ChannelFigures:
        pulse, refused = self.pulse(name), self._refused(name)
        age = None if pulse.heard_at is None else (now - pulse.heard_at).total_seconds()
        listens = name in self._pulses or (self._elsewhere is not None and self._adapters[name].listens())
        return ChannelFigures(
            name,
            self.state(name).condition,
            age,
            self._adapters[name].quiet_after if listens else None,
            0 if refused is None else refused.count,
            pulse.hung,
        )
