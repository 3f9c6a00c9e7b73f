"""Mango Office: events of calls and their summaries, signed with the key and the salt of the account.

A form with `vpbx_api_key`, `sign` and `json`, where sign is the hexadecimal SHA-256 of key, json exactly as it came, and salt
(vendor's document "API ВАТС", 1.10, "Модель взаимодействия"). The vendor appends `/events/call`, `/events/summary` and others
to the address that was given to it. A call is an entry (`entry_id`) of legs (`call_id`); the events of a leg are counted (`seq`)
and do not come in their order. Recordings, tones and states of messages say nothing that is not in these two.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from channels.adapter import Rejected
from channels.message import Call, Envelope, Ignored, Inbound, Request
from channels.telephony.dialect import INTERNAL, SERVICE, UNKNOWN, Delivery, Dialect, call, is_same, named, not_proved
from channels.telephony.reading import LONGEST, count, field, form_of, inside, moment, object_of, reference, text_of

_PERSON: Final = "abonent"
_INSIDE, _OUT = "0", "2"
_ACCOUNTS: Final = "mangosip.ru"
"""What the addresses of accounts at the exchange end in: `sip:user@company.mangosip.ru`."""


class Mango(Dialect):
    """The dialect of one account."""

    def __init__(self, zone: ZoneInfo | None, api_key: str, salt: str) -> None:
        super().__init__(zone)
        self._key = api_key
        self._salt = salt

    def receive(self, request: Request) -> Delivery:
        """An event; its `json` alone is kept, without key and signature."""
        if request.method != "POST":
            raise Rejected(405, "method_not_allowed", "events come by POST")
        form = form_of(request.body)
        said = form.get("json", "").encode("utf-8", "surrogateescape")
        sign = sha256(self._key.encode() + said + self._salt.encode()).hexdigest()
        # Both are compared, so that the time tells nothing of either.
        proved = is_same(form.get("vpbx_api_key", ""), self._key), is_same(form.get("sign", ""), sign)
        if not all(proved) or not self._salt:
            raise not_proved()
        event = text_of(request.tail)[:LONGEST].strip("/").removeprefix("events/")
        return Delivery(_name(event, object_of(said), said), said, {"event": event})

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What a call's event or summary says; all else is a service event."""
        document = object_of(envelope.body)
        match envelope.meta.get("event"):
            case "call":
                return self._event(document, envelope)
            case "summary":
                return self._summary(document, envelope)
            case _:
                return Ignored(SERVICE)

    def _event(self, document: Mapping[str, Any], envelope: Envelope) -> Inbound | Ignored:
        caller, called = inside(document, "from"), inside(document, "to")
        ours, theirs = field(caller, "extension"), field(called, "extension")
        if ours and theirs:
            return Ignored(INTERNAL)
        out = bool(ours) or _is_ours(caller, called)
        leg = field(document, "call_id")
        location = field(document, "location")
        how = _how(field(document, "call_state"), ours or theirs, leg, with_person=location == _PERSON)
        if how is None:
            return Ignored(UNKNOWN)
        return call(
            reference(field(document, "entry_id") or leg),
            how,
            field(called if out else caller, "number"),
            direction="out" if out else "in",
            to=_line(document, called, caller, is_out=out),
            at=moment(field(document, "timestamp"), envelope.received_at, self.zone),
            fields={"disconnect_reason": field(document, "disconnect_reason")},
        )

    def _summary(self, document: Mapping[str, Any], envelope: Envelope) -> Inbound | Ignored:
        direction = field(document, "call_direction")
        if direction == _INSIDE:
            return Ignored(INTERNAL)
        out = direction == _OUT
        caller, called = inside(document, "from"), inside(document, "to")
        talk, end = count(field(document, "talk_time")), count(field(document, "end_time"))
        answered = field(document, "entry_result") == "1"
        how = Call(
            "answered" if answered else "missed",
            over=True,
            extension=field(caller if out else called, "extension") or None,
            seconds=end - talk if answered and talk and end and end >= talk else None,
        )
        return call(
            reference(field(document, "entry_id")),
            how,
            field(called if out else caller, "number"),
            direction="out" if out else "in",
            to=field(document, "line_number"),
            at=moment(field(document, "create_time"), envelope.received_at, self.zone),
            fields={"disconnect_reason": field(document, "disconnect_reason")},
        )


def _name(event: str, document: Mapping[str, Any], said: bytes) -> str | None:
    """A leg counts its events, and a call has one summary; what else comes is named by its content too."""
    entry, leg, seq = field(document, "entry_id"), field(document, "call_id"), field(document, "seq")
    if event == "call" and leg and seq:
        return ":".join((event, entry, leg, seq, field(document, "call_state")))
    if event == "summary" and entry:
        return f"{event}:{entry}"
    return named(said, entry or leg or event, event, leg, seq)


def _how(state: str, extension: str, leg: str, *, with_person: bool) -> Call | None:
    """Voice menus and queues answer nobody: only a person's line does."""
    line, part = extension or None, leg or "leg"
    match state:
        case "Appeared":
            return Call("ringing", extension=line, leg=part)
        case "Connected" | "OnHold":
            return Call("answered" if with_person else "ringing", extension=line, leg=part)
        case "Disconnected":
            return Call("ringing", over=True, extension=line, leg=part)
        case _:
            return None


def _is_ours(caller: Mapping[str, Any], called: Mapping[str, Any]) -> bool:
    """Whether somebody of ours calls who has no extension: from his account at the exchange, and over no number of ours."""
    return (
        field(caller, "number").lower().endswith(_ACCOUNTS)
        and not field(called, "extension")
        and not field(called, "line_number")
    )


def _line(document: Mapping[str, Any], called: Mapping[str, Any], caller: Mapping[str, Any], *, is_out: bool) -> str:
    """The company's number that this call goes over; of a call that no line has taken yet, the one that was dialled."""
    said = field(document, "line_number") or field(called, "line_number") or field(caller, "line_number")
    return said or ("" if is_out or field(called, "extension") else field(called, "number"))
