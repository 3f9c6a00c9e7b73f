"""Zadarma, and Novofon's API of version 1: notifications of calls, each signed over three of its fields.

The header `Signature` is the base64 of the hexadecimal text of HMAC-SHA1, not of the raw digest (zadarma/user-api-v1,
lib/Client.php); which fields are signed depends on the event (lib/Webhook). An address is tried with GET and `zd_echo`, whose
value is the answer.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from channels.adapter import Rejected
from channels.message import Answer, Call, Envelope, Ignored, Inbound, Request
from channels.telephony.dialect import NOTHING, SERVICE, UNKNOWN, Delivery, Dialect, call, is_same, named, not_proved
from channels.telephony.reading import (
    count,
    field,
    form_of,
    is_inside,
    moment,
    number,
    object_of,
    reference,
    text_of,
)

_INCOMING: Final = ("caller_id", "called_did", "call_start")
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "NOTIFY_START": _INCOMING,
    "NOTIFY_INTERNAL": _INCOMING,
    "NOTIFY_IVR": _INCOMING,
    "NOTIFY_END": _INCOMING,
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_OUT_START": ("internal", "destination", "call_start"),
    "NOTIFY_OUT_END": ("internal", "destination", "call_start"),
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}
_SERVICE: Final = frozenset({"NOTIFY_RECORD", "NUMBER_LOOKUP", "CALL_TRACKING", "SPEECH_RECOGNITION", "DOCUMENT"})
_ECHO: Final = "zd_echo"
_LONGEST_ECHO: Final = 200


class Zadarma(Dialect):
    """The dialect of one account."""

    def __init__(self, zone: ZoneInfo | None, secret: str) -> None:
        super().__init__(zone)
        self._secret = secret

    def receive(self, request: Request) -> Delivery | None:
        """A notification; None for the trial of the address."""
        if request.method == "GET" and _ECHO in request.query:
            return None
        if request.method != "POST":
            raise Rejected(405, "method_not_allowed", "notifications come by POST")
        form = form_of(request.body)
        event = form.get("event", "")
        # What is no call carries all it says in one field, which is signed whole.
        signed = _SIGNED.get(event, ("result",))
        said = "".join(form.get(name, "") for name in signed)
        given = request.headers.get("Signature", "")
        if not said or not is_same(given, self._signature(said)) or not self._secret:
            raise not_proved()
        # A short message has neither id nor time: the same words on another day are another message.
        ref = field(form, "pbx_call_id", "call_start")
        identity = named(request.body, ref, field(form, "event"), field(form, "internal"))
        return Delivery(identity, request.body, {"event": field(form, "event")})

    def answer(self, request: Request) -> Answer:
        """No command to the exchange; to a trial, what it sent."""
        if request.method != "GET":
            return NOTHING
        echo = request.query.get(_ECHO, "")[:_LONGEST_ECHO]
        headers = {"X-Content-Type-Options": "nosniff"}
        return Answer(200, echo.encode("utf-8", "replace"), "text/plain; charset=utf-8", headers)

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What a notification says: of a call, a short message, or neither."""
        form = form_of(envelope.body)
        event = field(form, "event")
        how = _how(event, form)
        if how is not None:
            return self._call(form, envelope, how)
        if event == "SMS":
            return self._message(form, envelope)
        return Ignored(SERVICE if event in _SERVICE else UNKNOWN)

    def _call(self, form: Mapping[str, Any], envelope: Envelope, how: Call) -> Inbound | Ignored:
        out = field(form, "event").startswith("NOTIFY_OUT") or field(form, "pbx_call_id").startswith("out_")
        client, ours = field(form, "caller_id"), field(form, "called_did")
        if out:
            client, ours = field(form, "destination"), client
        at = moment(field(form, "call_start"), envelope.received_at, self.zone)
        # The tests of the vendor's own examples leave the call's id out; its start and the client are then the next best.
        ref = reference(field(form, "pbx_call_id")) or reference(client, field(form, "call_start"))
        fields = {"disposition": field(form, "disposition")}
        return call(ref, how, client, direction="out" if out else "in", to=ours, at=at, fields=fields)

    def _message(self, form: Mapping[str, Any], envelope: Envelope) -> Inbound | Ignored:
        result = object_of(field(form, "result")) if field(form, "result") else {}
        phone = number(field(result, "caller_id"))
        at = moment(field(result, "date"), envelope.received_at, self.zone)
        ours = field(result, "caller_did", "called_did")
        return Inbound(
            "sms",
            text=text_of(result.get("text")),
            phones=() if phone is None else (phone,),
            to=number(ours) or ours or None,
            at=at,
        )

    def _signature(self, said: str) -> str:
        signed = hmac.new(self._secret.encode(), said.encode("utf-8", "surrogateescape"), "sha1")
        return b64encode(signed.hexdigest().encode()).decode()


def _how(event: str, form: Mapping[str, Any]) -> Call | None:
    """How a call stands by one notification; None for what is about no call."""
    match event:
        case "NOTIFY_START" | "NOTIFY_IVR":
            return Call("ringing")
        case "NOTIFY_INTERNAL" | "NOTIFY_OUT_START":
            return Call("ringing", extension=_line(form))
        case "NOTIFY_ANSWER":
            return Call("answered", extension=_line(form))
        case "NOTIFY_END" | "NOTIFY_OUT_END":
            return _ended(form)
        case _:
            return None


def _line(form: Mapping[str, Any]) -> str | None:
    """The line that rings, answered or calls. Of a call that comes in, NOTIFY_ANSWER may name it as the destination."""
    said = field(form, "internal", "last_internal", "sip")
    destination = field(form, "destination")
    return said or (destination if is_inside(destination) else "") or None


def _ended(form: Mapping[str, Any]) -> Call:
    answered = field(form, "disposition") == "answered"
    recording = field(form, "call_id_with_rec") if field(form, "is_recorded") != "0" else ""
    return Call(
        "answered" if answered else "missed",
        over=True,
        extension=_line(form),
        seconds=count(field(form, "duration")) if answered else None,
        recording=recording or None,
    )
