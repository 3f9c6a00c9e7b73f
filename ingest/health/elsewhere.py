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
        self._refused: Mapping[str, Sequence[Refusing]] = {}
        self._taken: Mapping[str, datetime] = {}
        self._silences: Mapping[str, Silent] = {}

    def learn(self, others: Sequence[Process]) -> None:
        """All other processes that were heard today, in the order in which they last were; those that live are believed first."""
        pulses: dict[str, Told] = {}
        refused: dict[str, list[Refusing]] = {}
        taken: dict[str, datetime] = {}
        silences: dict[str, Silent] = {}
        for one in sorted(others, key=lambda one: (one.alive, one.seen_at)):
            report = one.said.report
            for name, said in report.get("channels", {}).items():
                expiries = [telling.expiry(each) for each in said.get("expiries", ())]
                pulses[name] = Told(_as_of(telling.pulse(said), one), expiries, one.seen_at)
            if one.alive:
                for name, said in report.get("refusals", {}).items():
                    refused.setdefault(name, []).append(telling.read(Refusing, said))
                for name, said in report.get("taken", {}).items():
                    at = datetime.fromisoformat(said)
                    taken[name] = max(at, taken.get(name, at))
                for name, said in report.get("silences", {}).items():
                    silences[name] = telling.read(Silent, said)
        self._pulses, self._refused, self._taken, self._silences = pulses, refused, taken, silences

    def told(self, name: str) -> Told | None:
        """How a channel is that another process listens to, or did last."""
        return self._pulses.get(name)

    def refused(self, name: str) -> Sequence[Refusing]:
        """What others refused on a channel, each in a row."""
        return self._refused.get(name, ())

    def taken(self, name: str) -> datetime | None:
        """When one of the others last took a delivery in, as far as it says so: while somebody tells of refusals."""
        return self._taken.get(name)

    def silent(self, name: str) -> Silent | None:
        """Whether it is silent, in the eyes of the one that watches."""
        return self._silences.get(name)


def _as_of(pulse: Pulse, process: Process) -> Pulse:
    """What a process that is gone said last is how it was: since then nobody listens."""
    if process.alive or isinstance(pulse.state, Stopped):
        return pulse
    return replace(pulse, state=Stopped(process.seen_at))


def together(rows: Sequence[Refusing], taken: datetime | None) -> Refusing | None:
    """Rows of refusals of one channel as one, without those that are older than what was `taken`; None where none is left."""
    standing = [row for row in rows if taken is None or row.latest > taken]
    if not standing:
        return None
    latest = max(standing, key=lambda row: row.latest)
    return replace(latest, since=min(row.since for row in standing), count=sum(row.count for row in standing))
