"""An approach as routing asks about it: what it says, what its channel says of it, and who it is from."""

from datetime import datetime
from typing import Final

from channels.message import Inbound
from dedup.keys import Identified
from ingest.rules.rulebook import Origin, Rulebook
from routing.addressee import addressee
from routing.rules import Enquiry
from routing.source import Trail, source_of

_NOWHERE: Final = Origin("", None, None)


def source_from(rulebook: Rulebook, channel: str, said: Inbound) -> str:
    """Where the lead of this approach comes from."""
    origin = rulebook.origins.get(channel, _NOWHERE)
    return source_of(Trail(channel, origin.source, _to(rulebook, said), origin.numbers, said.campaign, said.referrer))


def enquiry_from(
    rulebook: Rulebook,
    channel: str,
    said: Inbound,
    found: Identified,
    *,
    known: bool,
    at: datetime,
    source: str | None = None,
) -> Enquiry:
    """What the rules may ask about this approach. `found` is who it is from, `known`: the client was there before.

    `source` is where it comes from, for a caller who knows.
    """
    origin = rulebook.origins.get(channel, _NOWHERE)
    numbers = (evidence.key.e164 for evidence in found.evidence)
    return Enquiry(
        channel=channel,
        source=source or source_from(rulebook, channel, said),
        city=said.city,
        text=said.text,
        subject=said.subject,
        campaign=said.campaign,
        known=known,
        at=at,
        channel_team=origin.team,
        channel_source=origin.source,
        to=_to(rulebook, said),
        phones=tuple(number for number in numbers if number is not None),
        language=said.fields.get("language"),
    )


def _to(rulebook: Rulebook, said: Inbound) -> str | None:
    return addressee(said.to, rulebook.keys.region) if said.to else None
