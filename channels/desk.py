"""What people take down by hand: a call on a private number, somebody at the counter. There in every installation.

It comes in by the API only, whose token proves the sender; at `/in/desk` there is nothing. Its envelopes are JSON that the
API has checked: the fields of an approach, and what the person decided who took it down.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import orjson

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import ChannelConfig, Rejected
from channels.message import Accepted, Answer, Envelope, Inbound, Request, TakenDown

_DECIDED: Final = tuple(field.name for field in fields(TakenDown))
_PLAIN: Final = ("name", "subject", "company", "city")


class Config(ChannelConfig):
    """Nothing of its own."""


class Adapter(BaseAdapter[Config]):
    """Reads what the API has written."""

    kind = "desk"

    def receive(self, request: Request) -> Sequence[Envelope]:  # noqa: ARG002 - there is nothing to read
        """Nothing comes in from outside. Raises Rejected."""
        raise Rejected(404, "no_such_channel", "there is no such channel")

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:  # noqa: ARG002 - as above
        """Never asked for, since nothing is received."""
        raise Rejected(404, "no_such_channel", "there is no such channel")

    def parse(self, envelope: Envelope) -> Inbound:
        """The approach, with what was decided about it. Raises for what the API would not have written."""
        said = orjson.loads(envelope.body)
        phones, emails = tuple(said.get("phones") or ()), tuple(said.get("emails") or ())
        plain: dict[str, Any] = {name: said.get(name) or None for name in _PLAIN}
        text = said.get("text") or ""
        if not all(isinstance(one, str) for one in (text, *phones, *emails, *filter(None, plain.values()))):
            raise TypeError("a text is none")
        return Inbound(
            kind="note",
            text=text,
            phones=phones,
            emails=emails,
            **plain,
            taken_down=TakenDown(**{name: said[name] for name in _DECIDED if name in said}),
        )
