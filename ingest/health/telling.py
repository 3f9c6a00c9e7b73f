"""The state of channels as one process writes it for the others, and as they read it; JSON, of which a later one may say more."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, get_args

from channels.adapter import Expiry
from ingest.health.states import Polled, Pulse, Refusing, Silent, Starting
from kernel.clock import iso

Json = Mapping[str, Any]
State = TypeVar("State")

_KINDS: Final[Mapping[str, type[Polled]]] = {kind.condition: kind for kind in get_args(Polled)}


def of_pulse(pulse: Pulse) -> dict[str, Any]:
    """A pulse, without what it was before."""
    heard_at = None if pulse.heard_at is None else iso(pulse.heard_at)
    return {"condition": pulse.condition, **of_state(pulse.state), "heard_at": heard_at, "hung": pulse.hung}


def pulse(said: Json) -> Pulse:
    """A pulse that somebody told of. A condition that only a later version knows is shown as a start."""
    state = read(_KINDS.get(said["condition"], Starting), said)
    heard_at = said.get("heard_at")
    return Pulse(state, None if heard_at is None else datetime.fromisoformat(heard_at), said.get("hung", 0))


def of_state(state: Polled | Refusing | Silent) -> dict[str, Any]:
    """The fields of a state."""
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in values.items()}


def read(kind: type[State], said: Json) -> State:
    """A state of this kind from its fields."""
    values = {field.name: said[field.name] for field in fields(kind)}  # type: ignore[arg-type] # states are dataclasses
    return kind(**{name: _moment(value) if name in _MOMENTS else value for name, value in values.items()})


_MOMENTS: Final = frozenset({"since", "next_at", "latest"})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_expiry(one: Expiry) -> dict[str, Any]:
    """When a credential ends."""
    return {"what": one.what, "place": one.place, "at": iso(one.at), "ahead": one.ahead.total_seconds()}


def expiry(said: Json) -> Expiry:
    """One that somebody told of."""
    return Expiry(said["what"], said["place"], _moment(said["at"]), timedelta(seconds=said["ahead"]))
