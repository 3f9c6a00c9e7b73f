"""Any other exchange: which field says what, and which word means what, stand in the configuration.

Values are found by paths with dots in JSON or a form, or in the query where there is no body, without regard to case.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from channels.adapter import Rejected
from channels.message import Answer, Call, Envelope, Ignored, Inbound, Request
from channels.telephony.dialect import INTERNAL, SERVICE, UNKNOWN, Delivery, Dialect, call, is_same, named, not_proved
from channels.telephony.reading import count, fields_of, moment, number, reference, text_of

_BODILESS: Final = frozenset({"GET", "HEAD"})
_JOINT: Final = "/"


def _listed(value: object) -> object:
    """One text where a list is expected is a list of one."""
    return [value] if isinstance(value, str) else value


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip().casefold() for word in words)


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_folded)]


class Section(BaseModel):
    """A mapping of the file: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class Proof(Section):
    """Where the secret stands; with `hmac`, where a signature of the body made with it stands."""

    query: str | None = None
    header: str | None = None
    field: str | None = None
    hmac: Literal["sha1", "sha256", "sha512"] | None = None
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> "Proof":
        if sum(place is not None for place in (self.query, self.header, self.field)) != 1:
            raise ValueError("names not exactly one place; write one of query, header and field")
        if self.hmac is not None and self.header is None:
            raise ValueError("has a signature outside the headers; write header: NAME beside hmac")
        return self


class Fields(Section):
    """Paths of the fields, the first that says something; of `event`, `status` and `direction`, all of them joined by `/`."""

    call: Annotated[Paths, Field(min_length=1)]
    leg: Paths = ()
    event: Paths = ()
    status: Paths = ()
    direction: Paths = ()
    caller: Annotated[Paths, Field(alias="from")] = ()
    called: Annotated[Paths, Field(alias="to")] = ()
    caller_extension: Annotated[Paths, Field(alias="from_extension")] = ()
    called_extension: Annotated[Paths, Field(alias="to_extension")] = ()
    extension: Paths = ()
    line: Paths = ()
    at: Paths = ()
    seconds: Paths = ()
    recording: Paths = ()
    name: Paths = ()
    text: Paths = ()


class Events(Section):
    """What the words of `event` mean. `over` ends a whole call, `hung_up` one line; what is in none of them is unknown."""

    ringing: Words = ()
    answered: Words = ()
    over: Words = ()
    missed: Words = ()
    hung_up: Words = ()
    sms: Words = ()
    ignored: Words = ()


class Statuses(Section):
    """What the words of `status` say of a call that is over; any other word, and none, leaves it to the events."""

    answered: Words = ()
    missed: Words = ()


class Directions(Section):
    """What the words of `direction` mean; any other means in."""

    in_: Annotated[Words, Field(alias="in")] = ("in", "incoming", "inbound")
    out: Words = ("out", "outgoing", "outbound")
    internal: Words = ("internal", "local")


class Mapped(Section):
    """The section `generic` of a channel."""

    proof: Proof
    fields: Fields
    events: Events
    statuses: Statuses = Statuses()
    directions: Directions = Directions()
    answer: str = '{"success": true}'


class Generic(Dialect):
    """The dialect that the configuration describes."""

    def __init__(self, zone: ZoneInfo | None, secret: str, mapped: Mapped) -> None:
        super().__init__(zone)
        self._secret = secret
        self._mapped = mapped

    def receive(self, request: Request) -> Delivery:
        """An event by GET or POST. Kept are its fields alone, and not the secret."""
        proof = self._mapped.proof
        bodiless = request.method in _BODILESS or not request.body
        query = {name: value for name, value in request.query.items() if name != proof.query}
        fields: Mapping[str, Any] = query if bodiless else fields_of(request.body)
        if not self._is_proved(request, _Reading(fields)):
            raise not_proved()
        body = urlencode(query, errors="replace").encode() if bodiless else self._kept(request.body, fields)
        reading, wanted = _Reading(fields), self._mapped.fields
        ids = (
            reading.first(wanted.call),
            reading.first(wanted.leg),
            reading.word(wanted.event),
            reading.first(wanted.at),
        )
        return Delivery(named(body, *ids), body)

    def answer(self, request: Request) -> Answer:
        """What the configuration says."""
        said = self._mapped.answer
        is_json = said[:1] in {"{", "[", '"'}
        return Answer(200, said.encode(), "application/json" if is_json else "text/plain; charset=utf-8")

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What an event says by the configured words."""
        reading = _Reading(fields_of(envelope.body))
        wanted, events = self._mapped.fields, self._mapped.events
        event = reading.word(wanted.event)
        at = moment(reading.first(wanted.at), envelope.received_at, self.zone)
        direction = self._direction(reading)
        if event in events.ignored:
            return Ignored(SERVICE)
        if direction == INTERNAL:
            return Ignored(INTERNAL)
        if event in events.sms:
            return self._message(reading, envelope, direction)
        out = direction == "out"
        ours = (wanted.extension, wanted.caller_extension if out else wanted.called_extension)
        how = self._how(event, reading, next((said for path in ours if (said := reading.first(path))), None))
        if how is None:
            return Ignored(UNKNOWN)
        client = reading.first(wanted.called if out else wanted.caller)
        line = reading.first(wanted.line) or ("" if out else reading.first(wanted.called))
        return call(
            reference(reading.first(wanted.call)),
            how,
            client,
            direction=direction,
            to=line,
            at=at,
            name=reading.first(wanted.name),
            fields={"status": reading.word(wanted.status)},
        )

    def _kept(self, body: bytes, fields: Mapping[str, Any]) -> bytes:
        """The body as it came, but for a secret within it."""
        secret = self._mapped.proof.field
        if secret is None:
            return body
        if body.lstrip()[:1] != b"{":
            others = {name: value for name, value in fields.items() if name.casefold() != secret.casefold()}
            return urlencode(others, errors="replace").encode()
        try:
            return orjson.dumps(_without(fields, secret.split(".")))
        except TypeError as error:  # what was read may be nested more deeply than what can be written
            raise Rejected(400, "invalid_json", "the body is nested too deeply") from error

    def _how(self, event: str, reading: "_Reading", extension: str | None) -> Call | None:
        fields, events, statuses = self._mapped.fields, self._mapped.events, self._mapped.statuses
        leg = reading.first(fields.leg) or None
        seconds, recording = count(reading.first(fields.seconds)), reading.first(fields.recording) or None
        if event in events.ringing:
            return Call("ringing", extension=extension, leg=leg)
        if event in events.answered:
            return Call("answered", extension=extension, leg=leg)
        if event in events.missed:
            return Call("missed", over=True, extension=extension, recording=recording)
        if event in events.hung_up:
            return Call("ringing", over=True, extension=extension, leg=leg or extension or "line")
        if event not in events.over:
            return None
        status = reading.word(fields.status)
        answered = status in statuses.answered or (status not in statuses.missed and bool(seconds))
        return Call(
            "answered" if answered else "missed",
            over=True,
            extension=extension,
            seconds=seconds if answered else None,
            recording=recording,
        )

    def _message(self, reading: "_Reading", envelope: Envelope, direction: str) -> Inbound | Ignored:
        wanted = self._mapped.fields
        if direction == "out":
            return Ignored(SERVICE)
        phone = number(reading.first(wanted.caller))
        ours = reading.first(wanted.line) or reading.first(wanted.called)
        return Inbound(
            "sms",
            text=reading.first(wanted.text),
            name=reading.first(wanted.name) or None,
            phones=() if phone is None else (phone,),
            to=number(ours) or ours or None,
            at=moment(reading.first(wanted.at), envelope.received_at, self.zone),
        )

    def _direction(self, reading: "_Reading") -> str:
        word, words = reading.word(self._mapped.fields.direction), self._mapped.directions
        if word in words.internal:
            return INTERNAL
        return "out" if word in words.out else "in"

    def _is_proved(self, request: Request, reading: "_Reading") -> bool:
        proof = self._mapped.proof
        if proof.query is not None:
            return is_same(request.query.get(proof.query, ""), self._secret)
        if proof.field is not None:
            return is_same(reading.first((proof.field,)), self._secret)
        given = request.headers.get(proof.header or "", "").strip()
        if proof.hmac is None:
            return is_same(given.removeprefix(proof.prefix), self._secret)
        made = hmac.new(self._secret.encode(), request.body, proof.hmac)
        signature = made.hexdigest() if proof.encoding == "hex" else b64encode(made.digest()).decode()
        return bool(self._secret) and is_same(given, proof.prefix + signature)


def _without(value: Any, path: list[str]) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A document but for what stands at a path, found as `_Reading` finds it."""
    if isinstance(value, list):
        return [_without(value[0], path), *value[1:]] if value else value
    if not isinstance(value, Mapping):
        return value
    here, *further = path
    return {
        name: _without(one, further) if further and name.casefold() == here.casefold() else one
        for name, one in value.items()
        if further or name.casefold() != here.casefold()
    }


class _Reading:
    """The fields of one event by their paths, in any case of letters."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def first(self, paths: tuple[str, ...]) -> str:
        """The first of these that says something."""
        return next((said for path in paths if (said := self._at(path))), "")

    def word(self, paths: tuple[str, ...]) -> str:
        """All of these, joined, for words that mean something together only."""
        return _JOINT.join(self._at(path) for path in paths).casefold()

    def _at(self, path: str) -> str:
        found: Any = self._fields
        for step in path.split("."):
            if isinstance(found, list):
                found = found[0] if found else None
            if not isinstance(found, Mapping):
                return ""
            wanted = step.casefold()
            found = found[step] if step in found else next((found[k] for k in found if k.casefold() == wanted), None)
        return text_of(found)
