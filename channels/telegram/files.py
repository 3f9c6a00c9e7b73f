"""The files of a message: what they are called, and where the worker finds them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from channels.message import Attachment

LOCATOR: Final = "telegram:"

_LARGEST: Final = 2**53  # what every reader of JSON takes

# Kind of content: the name and the media type of a file that Telegram gives neither.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "photo": ("photo.jpg", "image/jpeg"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "animation": ("animation.mp4", "video/mp4"),
    "document": ("file", "application/octet-stream"),
}


def attached(message: Mapping[str, Any]) -> Iterator[Attachment]:
    """The files of one message. A photo comes in several sizes, of which the largest counts."""
    for kind, (name, media_type) in KINDS.items():
        # An animation is sent as a document too, for programs that know no animations.
        if kind not in message or (kind == "document" and "animation" in message):
            continue
        file = message[kind]
        if kind == "photo":
            file = max(file, key=lambda size: size.get("width", 0) * size.get("height", 0))
        yield Attachment(
            name=str(file.get("file_name") or name),
            media_type=str(file.get("mime_type") or media_type),
            size=_size(file.get("file_size")),
            locator=f"{LOCATOR}{file['file_id']}",
        )


def _size(said: object) -> int | None:
    """Bytes; a later step counts them, so whatever is no such number is none."""
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= _LARGEST else None
