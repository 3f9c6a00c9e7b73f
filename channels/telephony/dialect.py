"""What the dialect of an exchange must know: how it proves itself, names what it delivers, and says what happened."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Final
from zoneinfo import ZoneInfo

from channels.adapter import Rejected
from channels.message import Answer, Call, Caller, Envelope, Ignored, Inbound, Parsed, Question, Request, digest
from channels.telephony.reading import is_inside, number

INTERNAL: Final = "internal"
SERVICE: Final = "service_event"
UNKNOWN: Final = "unknown_event"
NOTHING: Final = Answer(200, b"{}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, proved: what names it, and its body without any secret. `identity` None where the vendor names nothing."""

    identity: str | None
    body: bytes
    meta: Mapping[str, str] = field(default_factory=dict)


class Dialect(ABC):
    """One vendor's way. `zone` is of the times that are written without one, None where it was not said."""

    def __init__(self, zone: ZoneInfo | None) -> None:
        self.zone = zone

    @abstractmethod
    def receive(self, request: Request) -> Delivery | None:
        """Prove the sender and name the delivery; None where the vendor only tries the address. Raises Rejected."""

    @abstractmethod
    def parse(self, envelope: Envelope) -> Parsed:
        """What a delivery says. Pure."""

    def answer(self, request: Request) -> Answer:
        """What the vendor wants to hear, the event being stored."""
        return NOTHING

    def question(self, request: Request) -> Question | None:
        """What the vendor asks by this request, None where it tells. Raises Rejected."""
        return None

    def reply(self, caller: Caller) -> Answer:
        """The answer to `question`."""
        raise NotImplementedError


def is_same(given: str, secret: str) -> bool:
    """Whether a secret was given, in a time that tells nothing of it. An empty secret is nobody's."""
    return bool(secret) and compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def not_proved() -> Rejected:
    """The one refusal for whoever cannot prove that he is the exchange."""
    return Rejected(401, "not_proved", "the sender has not proved that it is the exchange")


def named(body: bytes, *parts: str) -> str | None:
    """The name of a delivery from the ids that it has, and its digest: a later event may look the same but for its content.

    None where the first of them, which is the call's, is empty.
    """
    return ":".join([*parts, digest(body).hex()]) if parts[0] else None


def call(
    ref: str | None,
    how: Call,
    client: str,
    *,
    direction: str = "in",
    to: str = "",
    at: datetime,
    name: str = "",
    fields: Mapping[str, str] | None = None,
) -> Inbound | Ignored:
    """A call with a client, `client` being his number as the exchange writes it: a hidden one gives no key.

    From one line of the exchange to another it is none.
    """
    phone = number(client)
    said = Inbound(
        "call",
        name=name or None,
        phones=() if phone is None or is_inside(phone) else (phone,),
        to=(number(to) or to) or None,
        at=at,
        ref=ref,
        direction="out" if direction == "out" else "in",
        fields={key: value for key, value in (fields or {}).items() if value},
        call=how,
    )
    return Ignored(INTERNAL, said) if is_inside(phone) else said
