"""A colleague passes a client's mail on: who the client is, and what he wrote, stand in what is forwarded.

Only what one of ours, or a machine, forwards is read so: a client who forwards something is still the client.
"""

import re
from dataclasses import dataclass
from typing import Final

from channels.mail.headers import Mailbox, mailboxes
from channels.mail.letter import Letter

_SUBJECT: Final = re.compile(r"\s*(?:fwd?|fw|пересл(?:ано)?|пер|wg|tr|rv|enc)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_PREFIXES: Final = re.compile(
    r"(?:\s*(?:fwd?|fw|re|пересл(?:ано)?|пер|отв|wg|aw|tr|rv|enc)\s*(?:\[\d+\])?\s*:)+\s*", re.IGNORECASE
)
_MARK: Final = re.compile(
    r"^[\s>]*(?:[-_=]{2,}\s*(?:forwarded message|пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение|"
    r"исходное сообщение|original message|исходное письмо)\b.{0,60}|begin forwarded message:?|"
    r"начало (?:переадресованного|пересылаемого) сообщения:?)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_FROM: Final = re.compile(
    r"^[\s>*]*(?:from|от кого|от|отправитель|von|de)\**\s*[:：]\**\s*(.{1,400})$", re.IGNORECASE | re.MULTILINE
)
_HEADER: Final = re.compile(
    r"[\s>*]*(?:from|от кого|от|отправитель|to|кому|получатель|cc|копия|date|дата|sent|отправлено|subject|тема|reply-to|"
    r"von|an|datum|gesendet|betreff|importance|важность)\**\s*[:：]",
    re.IGNORECASE,
)
# Yandex: `12.03.2026, 10:05, "Иван" <ivan@example.com>:`, later `10:05, 12 марта 2026 г., "Иван" <ivan@example.com>:`
_YANDEX: Final = re.compile(
    r"^[\s>]*(?:\d{1,2}\.\d{1,2}\.\d{4},?\s+\d{1,2}:\d{2}|\d{1,2}:\d{2},\s+\d{1,2}\s+\w{3,12}\s+\d{4}(?:\s*г\.)?),?\s+"
    r"(.{1,200}<?[^\s<>@]{1,64}@[^\s<>@]{1,128}>?)\s*:\s*$",
    re.MULTILINE,
)
_SUBJECT_LINE: Final = re.compile(
    r"^[\s>*]*(?:subject|тема|betreff)\**\s*[:：]\**\s*(.{0,400})$", re.IGNORECASE | re.MULTILINE
)
_LOOKED_AT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What was forwarded: from whom, what he wrote, under which subject."""

    sender: Mailbox
    text: str
    subject: str


def found(letter: Letter, text: str) -> Forwarded | None:
    """What a mail forwards, None where it forwards nothing that names its sender."""
    subject = letter.get("subject")
    enclosed = next((inner for inner in letter.enclosed if inner.boxes("from")), None)
    if enclosed is not None and (_SUBJECT.match(subject) or not text.strip()):
        return Forwarded(enclosed.boxes("from")[0], enclosed.text, enclosed.get("subject"))
    mark = _MARK.search(text[:_LOOKED_AT])
    if mark is None and not is_called_so(subject):
        return None
    return _headed(text, mark.end() if mark else 0, subject)


def within(forwarded: Forwarded) -> Forwarded | None:
    """What is forwarded, or quoted, in what was forwarded: the next that names its sender."""
    return _headed(forwarded.text, 0, forwarded.subject)


def _headed(text: str, start: int, subject: str) -> Forwarded | None:
    """What stands beneath the first headers from `start` on."""
    looked = text[:_LOOKED_AT]
    heads = filter(None, (_FROM.search(looked, start), _YANDEX.search(looked, start)))
    named = min(heads, key=re.Match.start, default=None)
    box = next((box for box in mailboxes(_without_mailto(named[1])) if box.address), None) if named else None
    if named is None or box is None:
        return None
    head, body = _parted(text, named.start())
    inner = _SUBJECT_LINE.search(head)
    return Forwarded(box, body, inner[1].strip() if inner else _PREFIXES.sub("", subject, count=1))


def is_called_so(subject: str) -> bool:
    """Whether a subject says that the mail is forwarded."""
    return _SUBJECT.match(subject) is not None


def _without_mailto(line: str) -> str:
    """Outlook writes `Иван [mailto:ivan@example.com]`."""
    return re.sub(r"\[(?:mailto:)?([^\[\]\s]+@[^\[\]\s]+)\]", r"<\1>", line)


def _parted(text: str, start: int) -> tuple[str, str]:
    """The headers of what is forwarded, and what stands beneath them, no longer marked as quoted."""
    lines = text[start:].lstrip("\n").split("\n")
    end = 1
    while end < len(lines) and _HEADER.match(lines[end]):
        end += 1
    body = lines[end:]
    if body and all(line.startswith(">") or not line.strip() for line in body):
        body = [re.sub(r"^> ?", "", line) for line in body]
    return "\n".join(lines[:end]), "\n".join(body).strip()
