"""Telephone exchanges that tell of calls by HTTP: one adapter, and a dialect for each vendor.

One call is one interaction, however many events it has: `ref` is the exchange's id of the call, and `fold` makes one state of
its events. What leads and managers have of it is no matter of this package.

The rooms: `reading` knows spellings, `dialect` what each vendor's module must offer, `folding` how a call stands by its events;
`mango`, `zadarma`, `megafon` and `generic` are the dialects.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, model_validator

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import ChannelConfig, Probe
from channels.message import Accepted, Answer, Caller, Envelope, Inbound, Parsed, Question, Request, digest
from channels.telephony import folding
from channels.telephony.dialect import Dialect
from channels.telephony.generic import Generic, Mapped
from channels.telephony.mango import Mango
from channels.telephony.megafon import Megafon
from channels.telephony.zadarma import Zadarma
from kernel.texts import Language

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "mango": ("api_key", "salt"),
    "zadarma": ("secret",),
    "novofon": ("secret",),
    "megafon": ("token",),
    "generic": ("secret", "generic"),
}
_OWN: Final = ("api_key", "salt", "secret", "token", "generic")


class Config(ChannelConfig):
    """An exchange. `numbers`: the company's words for each called number; `timezone`: of times that the vendor writes without.

    `api_base`: another server than Mango's own, for trials.
    """

    dialect: Literal["mango", "zadarma", "novofon", "megafon", "generic"]
    api_key: SecretStr | None = None
    salt: SecretStr | None = None
    secret: SecretStr | None = None
    token: SecretStr | None = None
    generic: Mapped | None = None
    numbers: Mapping[str, str] = Field(default_factory=dict)
    timezone: str | None = None
    api_base: str | None = Field(None, pattern=r"^https?://[^/\s]+$")

    @model_validator(mode="after")
    def _fits_its_dialect(self) -> "Config":
        needed = _NEEDED[self.dialect]
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"dialect {self.dialect} needs {name}; write {' and '.join(needed)}")
        for name in _OWN:
            if name not in needed and getattr(self, name) is not None:
                raise ValueError(f"dialect {self.dialect} has no {name}; write {' and '.join(needed)} alone")
        if self.api_base is not None and self.dialect != "mango":
            raise ValueError(f"dialect {self.dialect} has no api_base; nobody asks this exchange anything")
        if self.timezone is not None and self.timezone not in available_timezones():
            raise ValueError("timezone is none that is known; write a name such as Europe/Moscow")
        return self


class Adapter(BaseAdapter[Config]):
    """One exchange. `meta` of its envelopes: `event`, where the vendor tells that beside the body."""

    kind = "telephony"

    def __init__(self, name: str, config: Config, *, secret: bytes, language: Language) -> None:
        super().__init__(name, config, secret=secret, language=language)
        self._dialect = _dialect(config)

    def receive(self, request: Request) -> Sequence[Envelope]:
        """One envelope; none where the vendor only tries the address. Raises Rejected: 401 not proved, 400, 405, 422."""
        delivery = self._dialect.receive(request)
        if delivery is None:
            return ()
        same = digest(delivery.body)
        return (Envelope(self.name, delivery.identity, delivery.body, request.at, delivery.meta, same),)

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        """The vendor's own words: it is stored."""
        return self._dialect.answer(request)

    async def probe(self, address: str) -> Probe:
        """Mango is asked whether it knows our key. The others prove themselves to us by secrets that ask them nothing."""
        call = f"see that the exchange tells {address} of calls, call one of its numbers and look for the call in priyom ledger"
        if self.config.dialect != "mango":
            return Probe(f"it can only be tested by a call: {call}", tried=False)
        from channels.telephony import asking  # noqa: PLC0415 - whoever asks nothing needs no client

        base = self.config.api_base or asking.HOST
        await asking.known(base, _secret(self.config.api_key), _secret(self.config.salt))
        return Probe(f"Mango Office knows the key and its signature; {call}")

    def question(self, request: Request) -> Question | None:
        """Who is calling? asked by exchanges that can show a name and ring a certain line."""
        return self._dialect.question(request)

    def reply_to(self, question: Question, caller: Caller) -> Answer:
        """What the exchange shows, and whose line it rings."""
        return self._dialect.reply(caller)

    def parse(self, envelope: Envelope) -> Parsed:
        """What an event says: a call with a client, a short message, or nothing of a client's."""
        return self._dialect.parse(envelope)

    def fold(self, parts: Sequence[Inbound]) -> Inbound:
        """The call as all of its events say it, whatever order they came in."""
        return folding.fold(parts)


def _dialect(config: Config) -> Dialect:
    zone = None if config.timezone is None else ZoneInfo(config.timezone)
    match config.dialect:
        case "mango":
            return Mango(zone, _secret(config.api_key), _secret(config.salt))
        case "zadarma" | "novofon":
            return Zadarma(zone, _secret(config.secret))
        case "megafon":
            return Megafon(zone, _secret(config.token))
        case "generic":
            assert config.generic is not None  # noqa: S101 - the configuration was checked
            return Generic(zone, _secret(config.secret), config.generic)


def _secret(written: SecretStr | None) -> str:
    return "" if written is None else written.get_secret_value()
