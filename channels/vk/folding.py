"""One interaction from a message and its edits, whichever way and in whatever order they came. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from channels.message import Inbound

BEFORE_EDIT: Final = "before_edit"
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def fold(parts: Sequence[Inbound]) -> Inbound:
    """What was said last, at the time when it was said first; what an edit replaced stays in the field `before_edit`."""
    versions = sorted(parts, key=lambda part: part.at or _NEVER)
    first, latest = versions[0], versions[-1]
    before = [text for text in dict.fromkeys(one.text for one in versions) if text and text != latest.text]
    fields = {**first.fields, **latest.fields, **({BEFORE_EDIT: "\n".join(before)} if before else {})}
    campaign = next((one.campaign for one in versions if one.campaign), latest.campaign)
    return replace(latest, at=first.at, fields=fields, campaign=campaign)
