"""The facts that pass between the outside and the pipeline: requests, envelopes, and what an envelope says."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from kernel.facts import fact

Naming = Literal["provider", "derived"]


@fact
class Request:
    """One HTTP request to `/in/{channel}[/{tail}]`, read whole and bounded before an adapter sees it.

    `headers` and `query` look keys up without regard to case and with it, respectively. `remote` is the client's address as far as
    the trusted proxies vouch for it. `cut` names the files that were dropped because the body was over the limit.
    """

    method: str
    tail: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    remote: str | None = None
    cut: tuple[str, ...] = ()


@fact
class Envelope:
    """One thing a provider delivered, verbatim. Its meaning is read later, by `Adapter.parse`.

    `identity` is the provider's id of the delivery, unique within the channel; None where the provider gives none
    (`naming` is then `derived`: a repeat is recognised afterwards by `digest`, within ten minutes). `meta` holds the few
    facts beside the body that `parse` needs, such as the content type: short texts, never a secret.
    """

    channel: str
    identity: str | None
    body: bytes
    received_at: datetime
    meta: Mapping[str, str] = field(default_factory=dict)
    digest: bytes = b""
    occurred_at: datetime | None = None
    format: int = 1

    @property
    def naming(self) -> Naming:
        """Who named the delivery."""
        return "derived" if self.identity is None else "provider"


def digest(*parts: bytes) -> bytes:
    """16 bytes that are equal exactly where all parts are: the measure of "the same body"."""
    hasher = blake2b(digest_size=16)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


@fact
class Position:
    """How far a source has been read. `position` only grows within an `era` (a UIDVALIDITY, a key of a long poll).

    `name` tells the sources of one channel apart: a mailbox's folder, a bot's updates.
    """

    name: str
    era: str
    position: int


@fact
class Accepted:
    """What the journal made of an envelope. `conflict`: its identity was taken before by another body."""

    id: str
    duplicate: bool
    conflict: bool = False


@fact
class Answer:
    """An HTTP answer in the vendor's own words."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@fact
class Question:
    """What a provider asks before it goes on: who calls from `phone`, and whose telephone is to ring. Nothing is stored of it."""

    phone: str | None
    to: str | None = None


@fact
class Caller:
    """The answer to a `Question`: the client's name, and the line of the manager who is to have the call, where known."""

    name: str | None = None
    extension: str | None = None


@fact
class Attachment:
    """A file of a message. `content` where it came with the envelope, else `locator` says how the worker fetches it."""

    name: str
    media_type: str
    size: int | None
    content: bytes | None = field(default=None, repr=False)
    locator: str | None = None
    dropped: str | None = None

    @property
    def remote(self) -> bool:
        """Whether its content is still at the provider: its locator is `kind:…` then, and a name of the file store's never is."""
        return self.content is None and self.locator is not None and ":" in self.locator


@fact
class Consent:
    """What the sender agreed to, as the form showed it."""

    given: bool
    version: str | None
    url: str | None
    at: datetime
    remote: str | None


@fact
class Call:
    """How a telephone call stands. `extension` is the line that rings or answered, as the exchange writes it.

    `over`: no further event changes who has it; `seconds` of talk, where the exchange tells. `leg`: this is said of one line
    that rings or talks only, and `over` of that line alone; None where it is said of the whole call.
    """

    phase: Literal["ringing", "answered", "missed"]
    over: bool = False
    extension: str | None = None
    seconds: int | None = None
    recording: str | None = None
    leg: str | None = None


@fact
class TakenDown:
    """What a person decided who took an approach down by hand: it goes before all rules.

    `contact` is the id of whom he says it is from, `new` that it is from somebody who is not known yet. `channel` is the
    configured one that it came by, where there is one.
    """

    actor: str
    contact: str | None = None
    new: bool = False
    team: str | None = None
    manager: str | None = None
    source: str | None = None
    channel: str | None = None


@fact
class Answerable:
    """Whether a machine may answer an inbound: the sender's `address`, or None and why not, by a stable code in `withheld`."""

    address: str | None
    withheld: str | None = None


@fact
class Inbound:
    """What an envelope says: who (name, phones, emails, identities), what (text …), and from where.

    Phones and addresses are as the sender wrote them; `dedup` normalises. `identities` are the provider's own user ids as
    (kind, value); `vouched` are phones of which the provider says that they are the sender's own, as when somebody shares his
    contact in a messenger. `ref` is the provider's id of the thing itself (call, album, message): one interaction per
    (channel, ref). `fields` keeps whatever has no place of its own. `campaign` holds `utm_*` and click ids; `page` and `referrer`
    are addresses. `profile` says by what the provider can be asked for the name of a sender who did not give it.
    `answerable` says whom an automatic answer may go to, on channels that may have one.

    `direction` out, where it is no call: somebody has answered the client beside us, in the provider's own pages, and
    `identities` are the client's; `written_by` is the provider's id of the person who did, None where no person may have.
    `echo` is what `Adapter.comes_back_as` calls it, should we have sent it.
    """

    kind: str
    text: str = ""
    subject: str | None = None
    name: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    company: str | None = None
    city: str | None = None
    to: str | None = None
    at: datetime | None = None
    ref: str | None = None
    direction: Literal["in", "out"] = "in"
    page: str | None = None
    referrer: str | None = None
    campaign: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    consent: Consent | None = None
    call: Call | None = None
    taken_down: TakenDown | None = None
    vouched: tuple[str, ...] = ()
    profile: str | None = None
    answerable: Answerable | None = None
    written_by: str | None = None
    echo: str | None = None


@fact
class Signal:
    """An envelope that is no client's approach: a button, presence, a bounce, a delivery report.

    `ingest.pipeline.signals` says what each kind of them does; one that it does not know is taken note of and does nothing.
    `otherwise` is what the envelope says where whoever sent it may not give this signal.
    """

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: "Inbound | Ignored | None" = None


@fact
class Ignored:
    """Not taken for a client, with a stable reason code; `inbound` is what it says should a person overrule that."""

    reason: str
    inbound: Inbound | None = None


Parsed = Inbound | Signal | Ignored


@fact
class Outgoing:
    """A word to a client. `id` is a UUID that stays the same over repeated attempts: by it a provider may know a repeat.

    `to` is what `Adapter.way_back` gave, or an address of the kind that the channel writes to; `answers` is what it answers,
    where there is anything: its `kind`, `ref`, `subject`, `fields`, `emails` and `at`. `automatic`: no person wrote it.
    """

    id: str
    to: str
    text: str
    subject: str | None = None
    answers: Inbound | None = None
    automatic: bool = False
