"""By which way a word reaches a client: the channel that he wrote by, else the one other way there is to him."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.adapter import Adapter, Rejected
from channels.message import Inbound
from desk.ports import Refused
from storage.words import Received


@dataclass(frozen=True, slots=True)
class Way:
    """A channel, the client's address there, and what the word answers, where there is anything."""

    channel: str
    to: str
    answers: Received | None


class Ways:
    """The ways that the configured channels offer."""

    def __init__(self, adapters: Mapping[str, Adapter[Any]]) -> None:
        self._adapters = adapters

    def find(
        self, heard: Sequence[Received], wanted: str | None, held: Callable[[str], Sequence[str]], own: str
    ) -> Way:
        """The way for an answer to `wanted`, by its id, else to what the client said last.

        `heard` is what he said, the latest first, `held` gives his keys of a kind, `own` is the channel of the lead. Raises
        Refused: why not, and what to do.
        """
        first = _named(heard, wanted)
        why: Rejected | None = None
        if first is not None:
            try:
                return self._back(first)
            except Rejected as error:
                why = error
        others = self._by_channels(heard) or self._by_keys(first, held, own)
        if len(others) == 1:
            return others[0]
        if others:
            there = ", ".join(sorted({way.channel for way in others}))
            raise Refused(
                422, "several_ways", f"the client can be reached by {there}; say which interaction it answers"
            )
        reason = "the client has written nothing" if why is None else str(why)
        code = "no_way_back" if why is None else why.code
        raise Refused(422, code, f"{reason}; and no e-mail address of the client and mailbox to write from are known")

    def _back(self, said: Received) -> Way:
        """The way that something came by. Raises Rejected."""
        adapter = self._adapters.get(said.channel)
        if adapter is None:
            raise Rejected(422, "no_channel", f"there is no channel {said.channel} any more")
        to = adapter.way_back(inbound(said))
        if to is None:
            raise Rejected(422, "no_way_back", f"by {said.channel} the client cannot be answered")
        return Way(said.channel, to, said)

    def _by_channels(self, heard: Sequence[Received]) -> list[Way]:
        """The ways that he wrote by, each with what he wrote by it last."""
        ways: dict[tuple[str, str], Way] = {}
        for said in heard:
            try:
                way = self._back(said)
            except Rejected:
                continue
            ways.setdefault((way.channel, way.to), way)
        return list(ways.values())

    def _by_keys(self, first: Received | None, held: Callable[[str], Sequence[str]], own: str) -> list[Way]:
        """One of the ways of channels that can write first: by the lead's own channel, else by the one that is configured first.

        To the address that the client gave here, else to the one that was learned last: nothing that he wrote could choose.
        """
        for name in sorted(self._adapters, key=lambda name: name != own):
            adapter = self._adapters[name]
            if adapter.writes_to is not None and _can_send(adapter):
                given = [] if first is None or adapter.writes_to != "email" else first.details.get("emails") or []
                to = next(iter(given or reversed(held(adapter.writes_to))), None)
                if to is not None:
                    return [Way(name, to, first)]
        return []


def inbound(said: Received) -> Inbound:
    """What was said, as an adapter reads it."""
    details = said.details
    return Inbound(
        kind=said.kind,
        subject=said.subject,
        emails=tuple(details.get("emails") or ()),
        to=details.get("to"),
        at=said.at,
        ref=said.ref,
        fields=details.get("fields") or {},
    )


def _named(heard: Sequence[Received], wanted: str | None) -> Received | None:
    if wanted is None:
        return next(iter(heard), None)
    found = next((said for said in heard if said.uid == wanted), None)
    if found is None:
        raise Refused(422, "no_such_interaction", f"the client has said nothing with the id {wanted} on this lead")
    return found


def _can_send(adapter: Adapter[Any]) -> bool:
    try:
        adapter.way_back(None)
    except Rejected:
        return False
    return True
