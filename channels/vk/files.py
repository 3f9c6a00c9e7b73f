"""What is attached to a message: files, where the worker finds them, and what is none and only named. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from channels.message import Attachment

LOCATOR: Final = "vk:"

HOSTS: Final = (
    "vk.com", "vk.ru", "vk.me", "userapi.com", "vkuser.net", "vkuserphoto.ru", "vkuseraudio.net", "vkuseraudio.com",
    "vkuservideo.net", "vkuserlive.net", "vk-cdn.net", "vk-cdn.me", "mycdn.me", "okcdn.ru",
)  # fmt: skip
"""Where VK keeps files. Nothing is fetched from anywhere else: what an event says is no reason to call any address."""

# What people call the kinds of attachments, as the other messengers do.
KINDS: Final[Mapping[str, str]] = {
    "audio_message": "voice", "doc": "document", "market": "product", "wall": "post", "wall_reply": "comment",
}  # fmt: skip

_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "txt": "text/plain", "zip": "application/zip", "mp4": "video/mp4", "ogg": "audio/ogg", "mp3": "audio/mpeg",
    "doc": "application/msword", "xls": "application/vnd.ms-excel",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip

Json = Mapping[str, Any]


def attached(message: Json) -> Iterator[Attachment]:
    """The files of one message."""
    for kind, one in _each(message):
        if kind == "photo":
            yield from _photo(one)
        elif kind == "doc":
            extension = str(one.get("ext", "")).lower()
            media_type = _TYPES.get(extension, "application/octet-stream")
            yield from _file(str(one.get("title") or "file"), media_type, one.get("url"), one.get("size"))
        elif kind == "audio_message":
            ogg = one.get("link_ogg")
            name, media_type = ("voice.ogg", "audio/ogg") if ogg else ("voice.mp3", "audio/mpeg")
            yield from _file(name, media_type, ogg or one.get("link_mp3"))
        elif kind == "graffiti":
            yield from _file("graffiti.png", "image/png", one.get("url"))


def named(message: Json) -> dict[str, str]:
    """What is attached and no file: what it is called and where it is to be seen, by kind."""
    found: dict[str, list[str]] = {}
    for kind, one in _each(message):
        if kind in {"photo", "doc", "audio_message", "graffiti"}:
            continue
        words = [one.get("title") or one.get("name") or one.get("text"), _address(kind, one)]
        said = " ".join(str(word) for word in words if word)
        if kind == "sticker":
            said = str(one.get("sticker_id", ""))
        found.setdefault(KINDS.get(kind, kind), []).append(said)
    return {kind: "\n".join(filter(None, said)) for kind, said in found.items()}


def kind_of(message: Json) -> str | None:
    """What a message is by its first attachment; None where it has none."""
    first = next((kind for kind, _ in _each(message)), None)
    return None if first is None else KINDS.get(first, first)


def is_kept_at_vk(address: str, beside: str | None = None) -> bool:
    """Whether a file may be fetched from this address: by https from VK, or from the server that stands `beside` for it."""
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    if beside is not None and (parts.scheme, parts.netloc) == urlsplit(beside)[:2]:
        return True
    return parts.scheme == "https" and any(host == one or host.endswith(f".{one}") for one in HOSTS)


def _each(message: Json) -> Iterator[tuple[str, Json]]:
    for attachment in message.get("attachments") or ():
        kind = str(attachment["type"])
        yield kind, attachment.get(kind) or {}


def _photo(photo: Json) -> Iterator[Attachment]:
    """It comes in several sizes, of which the largest counts; `orig_photo` is there in newer versions of the API."""
    sizes = [*photo.get("sizes", ()), *filter(None, [photo.get("orig_photo")])]
    if sizes:
        largest = max(sizes, key=lambda size: (size.get("width") or 0) * (size.get("height") or 0))
        yield from _file("photo.jpg", "image/jpeg", largest.get("url"))


def _file(name: str, media_type: str, address: object, size: object = None) -> Iterator[Attachment]:
    if isinstance(address, str) and address:
        yield Attachment(name, media_type, size if isinstance(size, int) else None, locator=f"{LOCATOR}{address}")


def _address(kind: str, one: Json) -> str | None:
    """Where it is to be seen: a link says so itself, the rest is found by its owner and number."""
    if "url" in one:
        return str(one["url"])
    owner, number = one.get("owner_id", one.get("from_id")), one.get("id")
    if kind in {"wall", "video", "market"} and owner is not None and number is not None:
        return f"https://vk.com/{'product' if kind == 'market' else kind}{owner}_{number}"
    return None
