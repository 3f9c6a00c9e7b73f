"""One interaction from several updates: the photos of an album, and what a message said before it was edited. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from channels.message import Inbound

BEFORE_EDIT: Final = "before_edit"
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def fold(parts: Sequence[Inbound]) -> Inbound:
    """Each message as it was said last, together: all files, the captions in the order of the messages.

    What an edit replaced stays in the field `before_edit`; the interaction keeps the time of its first part.
    """
    versions: dict[int, list[Inbound]] = {}
    for part in sorted(parts, key=lambda part: part.at or _NEVER):
        versions.setdefault(int(part.fields["message_id"]), []).append(part)
    latest = [versions[number][-1] for number in sorted(versions)]
    replaced = [old.text for number in sorted(versions) for old in versions[number][:-1]]
    texts = [one.text for one in latest if one.text]
    before = [text for text in dict.fromkeys(replaced) if text and text not in texts]
    return replace(
        latest[0],
        kind="album" if len(latest) > 1 else latest[0].kind,
        text="\n".join(texts),
        at=min(part.at or _NEVER for part in parts),
        attachments=tuple(file for one in latest for file in one.attachments),
        fields=latest[0].fields | ({BEFORE_EDIT: "\n".join(before)} if before else {}),  # type: ignore[operator] # dicts
    )
