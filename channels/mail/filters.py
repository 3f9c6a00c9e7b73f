"""Which mail no client wrote: an ordered list of small filters, each of which knows one kind of automatic mail.

The first that recognises a mail decides. What is ignored is kept, listed, and can be overruled; nothing here looks at what a
mail is about. Sources: RFC 3834 (Auto-Submitted), RFC 3464 (reports of delivery), RFC 8098 (receipts), RFC 2919 and RFC 2369
(lists), RFC 5546 (invitations), and what programs really send.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from channels.mail import parties
from channels.mail.headers import Mailbox
from channels.mail.letter import Letter
from channels.mail.parties import Ours
from channels.message import Signal
from kernel.automatic import OWN_HEADER

_OWN: Final = OWN_HEADER.lower()
_DAEMON: Final = re.compile(
    r"mailer[._-]?daemon.*|postmaster.*|mail[._-]?delivery.*|double-bounce|microsoftexchange[0-9a-f]{8,}", re.IGNORECASE
)
_FAILED: Final = re.compile(
    r"undeliver|delivery (?:status|has failed|failure|delayed|failed|notification)|mail delivery|"
    r"returned (?:mail|to sender)|"
    r"failure notice|returning message|could not be delivered|delayed mail|mail failure|не ?достав|недостав|"
    r"(?:невозможно|не уд\w+) доставить|"
    r"сообщение не может быть|unzustellbar|nicht zugestellt|remis|warning: could not send",
    re.IGNORECASE,
)
_REPLY: Final = r"(?:(?:re|отв|aw|sv)\s*:\s*)"
_ANSWER: Final = (
    r"(?:автоответ\b|автоматический ответ\b|auto(?:matic)?[- ]?(?:reply|response)|automatische antwort|réponse automatique|"
    r"автоматична відповідь|respuesta automática|risposta automatica|autosvar|automatisch antwoord|odpowiedź automatyczna)"
)
# What a person sends who answers an automatic answer, ours too, begins with "Re:" before these words.
_AWAY: Final = re.compile(
    rf"\s*(?:{_ANSWER}|{_REPLY}?(?:автоматическое уведомление об отсутствии|out of (?:the )?office|вне офиса|"
    r"нет на рабочем месте|отсутствую\b|я в отпуске|on vacation|on leave\b|abwesenheit))",
    re.IGNORECASE,
)
_ANSWERED: Final = re.compile(rf"\s*{_REPLY}+{_ANSWER}", re.IGNORECASE)
_AUTOREPLY_HEADERS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-auto-reply-from",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_REPORTED: Final = re.compile(
    r"^(?:Final-Recipient|Original-Recipient):\s*rfc822;\s*(\S{3,254})", re.IGNORECASE | re.MULTILINE
)
_WITHIN: Final = re.compile(r"<?([^\s<>@\"]{1,64}@[^\s<>@\"]{1,190}\.[^\s<>@\"]{2,60}?)>?[:\s]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the filters look at: the mail, who wrote it, whose mailbox it is in."""

    letter: Letter
    sender: Mailbox
    us: Ours


Verdict = str | Signal
"""A stable reason why it is ignored, or what it tells."""


def own(sheet: Sheet) -> Verdict | None:
    """What priyom sent itself, this instance or another."""
    return "own_mail" if sheet.letter.has(_OWN) else None


def receipt(sheet: Sheet) -> Verdict | None:
    """A notice that a mail was read, or that it was delivered."""
    letter = sheet.letter
    kind = _report_type(letter)
    if kind == "disposition-notification" or "disposition" in letter.report:
        return Signal(
            "receipt", _about(letter, "original-message-id") | {"disposition": letter.report.get("disposition", "")}
        )
    if kind == "delivery-status" and letter.report.get("action", "").lower() in {"delivered", "relayed", "expanded"}:
        return Signal("receipt", _about(letter) | {"disposition": letter.report["action"].lower()})
    return None


def bounce(sheet: Sheet) -> Verdict | None:
    """A mail server says that a mail of ours did not arrive, or not yet."""
    letter = sheet.letter
    if _report_type(letter) == "delivery-status" or "final-recipient" in letter.report:
        report = letter.report
        recipient = report.get("final-recipient") or report.get("original-recipient", "")
        said = {"recipient": recipient.rpartition(";")[2].strip(), "status": report.get("status", "")}
        return Signal("bounce", _about(letter) | said | {"action": report.get("action", "failed").lower() or "failed"})
    if letter.has("x-failed-recipients"):
        return Signal("bounce", _about(letter) | {"recipient": letter.get("x-failed-recipients"), "action": "failed"})
    local = (letter.boxes("from") or [Mailbox("", "")])[0].address.partition("@")[0]
    nobody = letter.raw("return-path").strip() == "<>"
    if (_DAEMON.fullmatch(local) or (nobody and not local)) and (nobody or _FAILED.search(letter.get("subject"))):
        found = _REPORTED.search(letter.text) or _WITHIN.search(letter.text)
        return Signal("bounce", _about(letter) | {"recipient": found[1] if found else "", "action": "failed"})
    return None


def complaint(sheet: Sheet) -> Verdict | None:
    """A provider passes on that somebody called our mail spam (RFC 5965)."""
    return "report" if _report_type(sheet.letter) == "feedback-report" else None


def out_of_office(sheet: Sheet) -> Verdict | None:
    """Somebody is away, and a machine answers for him."""
    return "out_of_office" if _AWAY.match(sheet.letter.get("subject")) else None


def answers_automatic(letter: Letter) -> bool:
    """Whether somebody answers an automatic answer: a client, unless his program has left out what would tell."""
    return _ANSWERED.match(letter.get("subject")) is not None


def auto_reply(sheet: Sheet) -> Verdict | None:
    """A machine's answer to a mail."""
    letter = sheet.letter
    submitted = letter.get("auto-submitted").lower()
    precedence = letter.get("precedence").lower()
    answered = submitted.startswith("auto-replied") or precedence in {"auto_reply", "auto-reply"}
    return "auto_reply" if answered or letter.has(*_AUTOREPLY_HEADERS) else None


def calendar(sheet: Sheet) -> Verdict | None:
    """An invitation, or the answer to one."""
    return "calendar" if sheet.letter.calendar in {"REQUEST", "REPLY", "CANCEL", "COUNTER", "PUBLISH"} else None


def generated(sheet: Sheet) -> Verdict | None:
    """Sent by a program of its own accord."""
    submitted = sheet.letter.get("auto-submitted").lower()
    return "auto_generated" if submitted and not submitted.startswith("no") else None


def mailing_list(sheet: Sheet) -> Verdict | None:
    """A discussion that many read. A list of our own domain is how a company shares a mailbox, and hides no client."""
    letter = sheet.letter
    if letter.get("precedence").lower() == "list" or letter.has("list-id", "list-post", "mailing-list"):
        domain = sheet.us.domain
        place = f"{letter.get('list-id')} {letter.get('list-post')}".lower()
        return None if domain and domain in place else "list"
    return None


def bulk(sheet: Sheet) -> Verdict | None:
    """The same to many: newsletters and advertising. Services for people's own mail write Feedback-ID too, as Zoho does."""
    return "bulk" if is_bulk(sheet.letter) else None


def is_bulk(letter: Letter) -> bool:
    """Whether a mail says that many get it."""
    headers = ("list-unsubscribe", "x-campaign", "x-mailru-msgtype")
    return letter.get("precedence").lower() in {"bulk", "junk"} or letter.has(*headers)


def no_reply(sheet: Sheet) -> Verdict | None:
    """From an address that nobody reads, in nobody else's name."""
    return "no_reply" if parties.is_deaf(sheet.sender.address) else None


Filter = Callable[[Sheet], Verdict | None]

# Whatever these recognise is no client's, whoever seems to write in it.
FIRST: Final[tuple[Filter, ...]] = (own, complaint, receipt, bounce, out_of_office, auto_reply, calendar)
# These are asked only where no client stands in the mail: sites send forms automatically, in bulk, and from no-reply addresses.
THEN: Final[tuple[Filter, ...]] = (generated, mailing_list, bulk, no_reply)


def judge(sheet: Sheet, filters: tuple[Filter, ...]) -> Verdict | None:
    """What the first of the filters says that knows this mail."""
    return next((verdict for one in filters if (verdict := one(sheet)) is not None), None)


def _report_type(letter: Letter) -> str:
    return letter.parameters.get("report-type", "").lower() if letter.media_type == "multipart/report" else ""


def _about(letter: Letter, name: str = "") -> dict[str, str]:
    """The id of the mail that a report is about."""
    named = letter.report.get(name, "") if name else ""
    enclosed = next((inner.get("message-id") for inner in letter.enclosed if inner.has("message-id")), "")
    return {"message_id": named or enclosed or letter.get("in-reply-to")}
