"""The channels as other processes have last told of them: who listens to which, what was refused, which are silent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from channels.adapter import Expiry
from ingest.health import telling
from ingest.health.states import Pulse, Refusing, Silent, Stopped
from storage.processes import Process


@dataclass(frozen=True, slots=True)
class Told:
    """A pulse, the ends of the credentials that its process has met, and when it last said so."""

    pulse: Pulse
    expiries: Sequence[Expiry]
    at: datetime


class Elsewhere:
    """What `ingest.health.presence` read last. Knows nothing in a process that is alone."""

    def __init__(self) -> None:
        self._pulses: Mapping[str, Told] = {}
        self._refused: Mapping[str, Refusing] = {}
        self._silences: Mapping[str, Silent] = {}

    def learn(self, others: Sequence[Process]) -> None:
        """All other processes that were heard today, in the order in which they last were; those that live are believed first."""
        pulses: dict[str, Told] = {}
        refused: dict[str, Refusing] = {}
        silences: dict[str, Silent] = {}
        for one in sorted(others, key=lambda one: (one.alive, one.seen_at)):
            report = one.said.report
            for name, said in report.get("channels", {}).items():
                expiries = [telling.expiry(each) for each in said.get("expiries", ())]
                pulses[name] = Told(_as_of(telling.pulse(said), one), expiries, one.seen_at)
            if one.alive:
                for name, said in report.get("refusals", {}).items():
                    row = telling.read(Refusing, said)
                    refused[name] = together(refused.get(name), row) or row
                for name, said in report.get("silences", {}).items():
                    silences[name] = telling.read(Silent, said)
        self._pulses, self._refused, self._silences = pulses, refused, silences

    def told(self, name: str) -> Told | None:
        """How a channel is that another process listens to, or did last."""
        return self._pulses.get(name)

    def refused(self, name: str) -> Refusing | None:
        """What others refused in a row on a channel."""
        return self._refused.get(name)

    def silent(self, name: str) -> Silent | None:
        """Whether it is silent, in the eyes of the one that watches."""
        return self._silences.get(name)


def _as_of(pulse: Pulse, process: Process) -> Pulse:
    """What a process that is gone said last is how it was: since then nobody listens."""
    if process.alive or isinstance(pulse.state, Stopped):
        return pulse
    return replace(pulse, state=Stopped(process.seen_at))


def together(one: Refusing | None, other: Refusing | None) -> Refusing | None:
    """Two rows of refusals of one channel as one; None where there is neither."""
    if one is None or other is None:
        return one or other
    latest = max(one, other, key=lambda row: row.latest)
    return replace(latest, since=min(one.since, other.since), count=one.count + other.count)
