"""What is kept of an approach: its interaction with title and details, and the record of how it was matched."""

from collections.abc import Iterator, Sequence
from typing import Any

from channels.message import Inbound
from dedup.enquiry import Verdict
from dedup.keys import Identified
from dedup.people import Match
from ingest.pipeline import elsewhere
from ingest.pipeline.elsewhere import is_answer
from ingest.rules.rulebook import Rulebook
from kernel.clock import iso
from routing.title import make_title
from storage import fetches, words
from storage.journal import Claimed
from storage.leads import NewInteraction


def title_of(rulebook: Rulebook, said: Inbound, origin: tuple[str, str]) -> str:
    """The title of the lead that it opens; `origin`: its channel and source."""
    channel, source = origin
    title = make_title(
        rulebook.policy.title,
        name=said.name,
        city=said.city,
        company=said.company,
        text=said.text,
        subject=said.subject,
        topics=rulebook.policy.topics,
        source=source,
        channel=channel,
    )
    return title or next(iter((*said.phones, *said.emails)), channel)


def interaction_of(
    claimed: Claimed,
    said: Inbound,
    match: Match | None,
    *,
    interaction_id: int,
    lead: int,
    title: str | None,
) -> NewInteraction:
    """Its row, and what is still to be fetched for it; without `match` where it is nobody's approach. Personal."""
    details: dict[str, Any] = {"fields": dict(said.fields)}
    for name in ("name", "phones", "emails", "company", "city", "page", "referrer", "to", "campaign"):
        if value := getattr(said, name):
            details[name] = dict(value) if name == "campaign" else value
    if said.call is not None:
        details["call"] = {
            "phase": said.call.phase,
            "over": said.call.over,
            "extension": said.call.extension,
            "seconds": said.call.seconds,
            "recording": said.call.recording,
        }
    if said.attachments:
        details["attachments"] = [
            {
                "name": a.name,
                "media_type": a.media_type,
                "size": a.size,
                "file": None if a.remote else a.locator,
                "dropped": a.dropped,
            }
            for a in said.attachments
        ]
    if said.consent is not None:
        consent = said.consent
        details["consent"] = {
            "given": consent.given,
            "version": consent.version,
            "url": consent.url,
            "at": iso(consent.at),
            "remote": consent.remote,
        }
    is_reply = is_answer(claimed, said)
    if is_reply:
        details |= elsewhere.details(said)
    return NewInteraction(
        id=interaction_id,
        lead=lead,
        contact=None if match is None else match.origin,
        company=None if match is None else match.company,
        key=None if match is None else _key(match),
        channel=claimed.envelope.channel,
        kind=words.KIND if is_reply else said.kind,
        ref=said.ref,
        direction=said.direction,
        at=said.at or claimed.envelope.received_at,
        subject=said.subject,
        text=said.text,
        introduced_as=None if match is None else match.introduced_as,
        title=title,
        details=details,
        remote=(
            *((place, a.locator) for place, a in enumerate(said.attachments) if a.remote and a.locator),
            *_unnamed(said, match),
        ),
    )


def _unnamed(said: Inbound, match: Match | None) -> Iterator[tuple[int, str]]:
    """Whom to ask the provider about: somebody new who did not say his name."""
    if said.profile is not None and said.name is None and match is not None and not match.known:
        yield fetches.PROFILE, said.profile


def remote_files(written: Sequence[NewInteraction]) -> list[tuple[int, int, str]]:
    """The files that are still at their provider: interaction, place among its attachments, locator."""
    return [(one.id, place, locator) for one in written for place, locator in one.remote]


def _key(match: Match) -> int | None:
    """The key that joined it, or for a new contact the first that it brought."""
    return match.key or next((number for number, said in match.tried if said == "new"), None)


def match_record(match: Match, found: Identified, verdict: Verdict) -> dict[str, Any]:
    """Codes and ids only: what a key says is looked up when somebody asks."""
    return {
        "code": match.code,
        "key": match.key,
        "contact": match.contact,
        "company": match.company,
        "tried": match.tried,
        "others": match.others,
        "rejected": [(r.kind, r.code) for r in found.rejected],
        "introduced": match.introduced_as is not None,
        "enquiry": verdict.code,
    }
