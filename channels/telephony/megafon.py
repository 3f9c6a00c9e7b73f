"""MegaFon's virtual exchange, and others of the same maker (Dom.ru, Gravitel): commands in a form with the token `crm_token`.

`event` tells what a line does, `history` how a call ended, `contact` asks who calls, and waits for the answer. An event has no
time. All events of a call have one `callid`; a line is `ext`, or where it has none its `user` or `telnum`.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from channels.adapter import Rejected
from channels.message import Answer, Call, Caller, Envelope, Ignored, Inbound, Question, Request
from channels.telephony.dialect import SERVICE, UNKNOWN, Delivery, Dialect, call, is_same, named, not_proved
from channels.telephony.reading import count, field, fields_of, moment, number, reference, text_of

_TOKEN: Final = "crm_token"  # noqa: S105 - the name of a field
_ANSWERED: Final = "success"


class Megafon(Dialect):
    """The dialect of one account."""

    def __init__(self, zone: ZoneInfo | None, token: str) -> None:
        super().__init__(zone)
        self._token = token

    def receive(self, request: Request) -> Delivery:
        """A command, kept without its token."""
        form = self._proved(request)
        said = {name: text_of(value) for name, value in form.items() if name != _TOKEN}
        body = urlencode(said, errors="replace").encode()
        parts = (field(form, name) for name in ("cmd", "type", "status", "ext", "user"))
        return Delivery(named(body, field(form, "callid"), *parts), body, {"event": field(form, "cmd")})

    def question(self, request: Request) -> Question | None:
        """`contact`: whose number is it, and which line is to ring."""
        if request.method != "POST" or b"contact" not in request.body:
            return None
        form = self._proved(request)
        if field(form, "cmd") != "contact":
            return None
        return Question(number(field(form, "phone")), field(form, "diversion") or None)

    def reply(self, caller: Caller) -> Answer:
        """What is not known is left out: the exchange then rings as it is set up to."""
        said = {"contact_name": caller.name, "responsible": caller.extension}
        return Answer(200, orjson.dumps({name: value for name, value in said.items() if value}))

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What a command says."""
        form = fields_of(envelope.body)
        match field(form, "cmd"):
            case "event":
                how = _event(form)
            case "history":
                how = _history(form)
            case "contact" | "rating":
                return Ignored(SERVICE)
            case _:
                return Ignored(UNKNOWN)
        if how is None:
            return Ignored(UNKNOWN)
        out = "out" in (field(form, "direction").lower(), field(form, "type").lower()[:3])
        return call(
            reference(field(form, "callid")),
            how,
            field(form, "phone"),
            direction="out" if out else "in",
            to=field(form, "diversion"),
            at=moment(field(form, "start"), envelope.received_at, self.zone),
            fields={"status": field(form, "status"), "group": field(form, "groupRealName")},
        )

    def _proved(self, request: Request) -> Mapping[str, Any]:
        if request.method != "POST":
            raise Rejected(405, "method_not_allowed", "commands come by POST")
        form = fields_of(request.body)
        given = field(form, _TOKEN) or request.headers.get("X-CRM-Token", "")
        if not is_same(given, self._token):
            raise not_proved()
        return form


def _line(form: Mapping[str, Any]) -> str:
    return field(form, "ext", "user", "telnum")


def _event(form: Mapping[str, Any]) -> Call | None:
    line = _line(form)
    leg = line or "line"
    match field(form, "type").upper():
        case "INCOMING" | "OUTGOING":
            return Call("ringing", extension=line or None, leg=leg)
        case "ACCEPTED":
            return Call("answered", extension=line or None, leg=leg)
        case "COMPLETED":
            return Call("answered", over=True, extension=line or None, leg=leg)
        case "CANCELLED":
            # The client has given up, or a colleague has answered: `history` says which.
            return Call("ringing", over=True, extension=line or None, leg=leg)
        case _:
            return None


def _history(form: Mapping[str, Any]) -> Call:
    answered = field(form, "status").lower() == _ANSWERED
    return Call(
        "answered" if answered else "missed",
        over=True,
        extension=_line(form) or None,
        seconds=count(field(form, "duration")) if answered else None,
        recording=field(form, "link") or None,
    )
