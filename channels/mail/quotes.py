"""What is new in a mail: without what it quotes, and without its signature. In Russian, English and the usual neighbours.

Three shapes of quotation are told apart. Lines behind `>` go, with the line above that announces them, and what stands below
them stays: people answer there too. A divider ("-----Исходное сообщение-----") or a block of headers ends what is new. So does
an announcement ("… написал(а):") with no quoted lines behind it, since some programs quote without marking.

Where nothing would be left, everything is new: better too much than an empty message.
"""

import re
from collections.abc import Sequence
from typing import Final

_MOST_LINES: Final = 5_000
_LONGEST_LINE: Final = 400
_ANNOUNCED_OVER: Final = 4
_HEADERS_BENEATH: Final = 2

# Bars on both sides are a table that somebody has drawn.
_QUOTED: Final = re.compile(r"\s{0,3}(?:>|&gt;|\|\s(?!.*\|\s*$))")

# "On 1 Mar 2026, Anna <anna@example.com> wrote:" and its translations; a date or an address makes sure that it is one.
_WROTE: Final = (
    r"wrote|writes|написал\(а\)|написала?|пишет|писал\(а\)|писала?|сообщает|schrieb|écrit|escribió|ha scritto|skrev|schreef|"
    r"napisał\(a\)|napisała?|napsala?|написа|написав\(ла\)|пише|жазды"
)
_EVIDENCE: Final = r"[@<\d]"
_ANNOUNCEMENT: Final = re.compile(
    rf"(?=.*{_EVIDENCE}).*\b(?:{_WROTE})[^\w]{{0,4}}(?:[^\n]{{0,80}}[:：])?\s*$", re.IGNORECASE
)
# Mail.ru: `Четверг, 26 июня 2014, 14:00 +04:00 от Анна <anna@example.com>:`
# Yandex: `12.03.2026, 10:05, "Анна" <anna@example.com>:`
_DATED: Final = re.compile(
    r"\s*(?=.*\d{1,2}[:.]\d{2})(?=.*\d{1,4}).{0,200}(?:\b(?:от|from|von)\b.{0,120}|[\"'«].{0,80}|,.{0,80})"
    r"<?[^\s<>@]{1,64}@[^\s<>@]{1,128}>?\s*[:：]\s*$",
    re.IGNORECASE,
)
_STARTS: Final = re.compile(
    r"\s*(?:(?:on|am|le|el|il|den|op|dnia|w dniu|d\.)\s.{0,60}\d|\w{2,12}\.?,?\s\d{1,2}[\s.]|\d{1,2}[./ ]|\d{4}[-./г])",
    re.IGNORECASE,
)
_DIVIDER: Final = re.compile(
    r"\s*(?:[-_=*]{2,}\s*(?:original message|original appointment|исходное сообщение|исходное письмо|оригинальное сообщение|"
    r"пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение|forwarded message|reply message|"
    r"ursprüngliche nachricht|originalnachricht|message d'origine|mensaje original|messaggio originale|"
    r"oorspronkelijk bericht|ursprungligt meddelande|oprindelig meddelelse|wiadomość oryginalna|"
    r"конец пересылаемого сообщения|reply above this line).{0,40}?[-_=*]*"
    r"|(?:begin forwarded message|начало переадресованного сообщения|начало пересылаемого сообщения)\s*:?"
    r"|#{2,}.{0,20}(?:reply|ответ).{0,40}#{2,}.*)\s*$",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"\s*_{10,}\s*$")
_DASHES: Final = re.compile(r"\s*-{10,}\s*$")
_HEADER: Final = re.compile(
    r"\s*\**(?:from|sent|date|to|cc|subject|reply-to|от|от кого|отправлено|дата|кому|копия|тема|отправитель|получатель|"
    r"von|gesendet|an|betreff|de|envoyé|à|objet|enviado|para|asunto|från|skickat|till|ämne|fra|sendt|til|emne|"
    r"od|wysłano|do|temat|van|verzonden|aan|onderwerp)\**\s*[:：]\**(?:\s|$)",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"\s*\**(?:from|от|от кого|отправитель|von|de|från|fra|od|van)\**\s*[:：]", re.IGNORECASE)

_SIGNATURE: Final = re.compile(r"(?:--|—|––)\s*$|__\s*$")
_DASHED: Final = re.compile(r"-{1,2}\s?\w[\w .'’]{1,40}$")
_CLOSING: Final = re.compile(
    r"\s*(?:с\s+(?:наилучшими\s+пожеланиями|уважением)|искренне\s+ваш\w*|всего\s+(?:доброго|хорошего)|"
    r"(?:best|kind|warm(?:est)?)(?:\s+(?:regards|wishes))|regards|sincerely|yours\s+(?:sincerely|faithfully|truly)|"
    r"cheers|mit\s+freundlichen\s+grü(?:ß|ss)en|mit\s+freundlichem\s+gru(?:ß|ss)|mvh|"
    r"cordialement|(?:med\s+)?(?:venlig\s+|vennlig\s+|vänlig\s+)?(?:hilsen|hälsning)|met\s+vriendelijke\s+groet\w*|"
    r"pozdrawiam|z\s+poważaniem|з\s+повагою|құрметпен|з\s+павагай)[\s,.!]*$",
    re.IGNORECASE,
)
_CLOSING_IN_LINE: Final = re.compile(r"\s*с\s+уважением\s*,\s*\S.{0,100}$", re.IGNORECASE)
_DEVICE: Final = re.compile(
    r"\s*[-–—]*\s*(?:sent\s+(?:from|via|with)\s+(?:my|the|mail|yahoo|outlook|gmail|proton|samsung|blackberry|iphone)\b.{0,80}"
    r"|get\s+outlook\s+for\s+.{0,40}|envoyé\s+de\s+mon\s+.{0,40}|von\s+meinem\s+.{0,40}gesendet.{0,40}"
    r"|отправлено\s+(?:с|из|от)\s+.{0,80}|послано\s+(?:с|из)\s+.{0,80}|sent\s+from\s+.{0,60})$",
    re.IGNORECASE,
)
_LONGEST_SIGNATURE: Final = 15


def newest(text: str) -> str:
    """What the sender wrote now. `text` has no carriage returns."""
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return text
    said = unsigned("\n".join(_without_quotation(lines) or lines)).strip()
    return said or text.strip()


def unsigned(text: str) -> str:
    """What stands above the signature, quotations and all; nothing where there is no more than that."""
    lines = text.split("\n")
    return text if len(lines) > _MOST_LINES else "\n".join(_without_signature(lines))


def _without_quotation(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _QUOTED.match(line):
            place += 1
            continue
        if _ends_what_is_new(lines, place):
            break
        over = _announces(lines, place)
        if over:
            following = _next_said(lines, place + over)
            if following is None or not _QUOTED.match(lines[following]):
                break
            place = following
            continue
        kept.append(line)
        place += 1
    while kept and (not kept[-1].strip() or _RULE.match(kept[-1])):
        kept.pop()
    return kept


def _ends_what_is_new(lines: Sequence[str], place: int) -> bool:
    """A divider, or headers as Outlook and others put them above what they quote."""
    line = lines[place][:_LONGEST_LINE]
    if _DIVIDER.match(line):
        return True
    if _DASHES.match(line):
        # Yandex: a line, `Кому: …;`, `Тема: …;`, and only then who wrote when.
        below = [other[:_LONGEST_LINE] for other in lines[place + 1 : place + 6]]
        return bool(below) and _HEADER.match(below[0]) is not None and any(map(_DATED.match, below))
    if not _HEADER.match(line):
        return False
    block = [line, *[other[:_LONGEST_LINE] for other in lines[place + 1 : place + 10] if other.strip()][:5]]
    heads = [other for other in block if _HEADER.match(other)]
    return len(heads) > _HEADERS_BENEATH and any(map(_FROM.match, heads[:3]))


def _announces(lines: Sequence[str], place: int) -> int:
    """Over how many lines, from here on, it is said who wrote what follows; 0 where it is not."""
    if not lines[place].strip():
        return 0
    joined = ""
    for over, line in enumerate(lines[place : place + _ANNOUNCED_OVER], 1):
        if not line.strip() or _QUOTED.match(line):
            break
        joined = f"{joined} {line.strip()}"[:_LONGEST_LINE]
        if _ANNOUNCEMENT.match(joined) or _DATED.match(joined):
            # A sentence may end in "he wrote:"; over several lines, it must begin as an announcement does.
            return over if over == 1 or _STARTS.match(lines[place]) else 0
    return 0


def _next_said(lines: Sequence[str], place: int) -> int | None:
    return next((at for at in range(place, len(lines)) if lines[at].strip()), None)


def _without_signature(lines: Sequence[str]) -> Sequence[str]:
    """What is above the signature, and above that of a mailing list beneath it."""
    while (above := _above_mark(lines)) is not lines:
        lines = above
    return lines


def _above_mark(lines: Sequence[str]) -> Sequence[str]:
    """Everything above the first mark of a signature; one that is longer than signatures are is none."""
    below = sum(bool(line.strip()) for line in lines)
    for place, line in enumerate(lines):
        below -= bool(line.strip())
        if below > _LONGEST_SIGNATURE:
            continue
        if (
            _SIGNATURE.match(line)
            or _RULE.match(line)
            or _DEVICE.match(line[:_LONGEST_LINE])
            or _closes(lines, place, below)
        ):
            return lines[:place]
    return lines


def _closes(lines: Sequence[str], place: int, below: int) -> bool:
    """A polite end, after something was said; a dash before the name, at the very end."""
    if not any(line.strip() for line in lines[:place]):
        return False
    line = lines[place]
    if _CLOSING.match(line) or _CLOSING_IN_LINE.match(line):
        return True
    return below == 0 and not lines[place - 1].strip() and _DASHED.match(line.strip()) is not None
