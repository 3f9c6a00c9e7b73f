"""What an automatic answer says: the company's own words or the usual ones, in or out of hours, in the client's language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from kernel.durations import parse_duration
from kernel.templates import filled
from kernel.texts import Catalogue, Language
from routing.language import language_of

TEXTS: Final = Catalogue(
    {
        "in_hours": {
            "ru": "Здравствуйте, {name}!\n\nМы получили ваше письмо и скоро на него ответим.\n\n"
            "Это сообщение отправлено автоматически.",
            "en": "Hello, {name}!\n\nWe have received your message and will reply soon.\n\n"
            "This answer was sent automatically.",
        },
        "out_of_hours": {
            "ru": "Здравствуйте, {name}!\n\nМы получили ваше письмо. Сейчас у нас нерабочее время, мы ответим, когда начнётся "
            "рабочий день: {opens}.\n\nЭто сообщение отправлено автоматически.",
            "en": "Hello, {name}!\n\nWe have received your message. We are closed at the moment and will reply when we are back: "
            "{opens}.\n\nThis answer was sent automatically.",
        },
        # By these beginnings our own filters know an answer, even where a machine on its way has stripped all headers.
        "subject": {"ru": "Автоответ: {subject}", "en": "Automatic reply: {subject}"},
        "no_subject": {"ru": "ваше письмо", "en": "your message"},
        "days": {
            "ru": "понедельник вторник среда четверг пятница суббота воскресенье",
            "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        },
        "months": {
            "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
            "en": "January February March April May June July August September October November December",
        },
    }
)
# Whatever else somebody calls himself, an advertisement or an address, is not repeated to an address that he may have forged.
_NAME: Final = re.compile(r"(?!.*\w\w\.\w\w)[^\W\d_](?:[^\W\d_]|[ .'’-]){0,59}")
_LONGEST_SUBJECT: Final = 150


@dataclass(frozen=True, slots=True)
class Courtesy:
    """What a channel answers by itself. Of the texts, True is the usual one and False none; `address` is who answers."""

    address: str
    in_hours: str | bool
    out_of_hours: str | bool
    subject: str | None
    per_address: timedelta
    language: Language
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an answer is to: how the sender calls himself, and what he wrote; the lead; when we work again, None where we do now."""

    name: str | None
    subject: str | None
    text: str
    lead: str
    opens: datetime | None


def courtesy_from(document: Mapping[str, Any] | None, zone: ZoneInfo) -> Courtesy | None:
    """Compile what a revision document says of a channel's answers; None where it has none."""
    if document is None:
        return None
    return Courtesy(
        document["address"],
        document["in_hours"],
        document["out_of_hours"],
        document["subject"],
        parse_duration(document["per_address"]),
        document["language"],
        zone,
    )


def is_silent(courtesy: Courtesy, *, in_hours: bool) -> bool:
    """Whether there is no answer at this time of the day."""
    return (courtesy.in_hours if in_hours else courtesy.out_of_hours) is False


def composed(courtesy: Courtesy, occasion: Occasion) -> tuple[str, str]:
    """Subject and text of an answer that is not silent."""
    code = "in_hours" if occasion.opens is None else "out_of_hours"
    own = courtesy.in_hours if occasion.opens is None else courtesy.out_of_hours
    language = _language(courtesy, occasion)
    subject = " ".join((occasion.subject or "").split())[:_LONGEST_SUBJECT]
    values = {"name": _name(occasion.name), "lead": occasion.lead, "subject": subject}
    # The usual words are in the client's language, the company's own in the company's.
    text = own if isinstance(own, str) else _template(code, language)
    spoken = courtesy.language if isinstance(own, str) else language
    if occasion.opens is not None:
        values["opens"] = _moment(occasion.opens.astimezone(courtesy.zone), spoken)
    if courtesy.subject is not None:
        return filled(courtesy.subject, values), filled(text, values)
    about = subject or TEXTS.say("no_subject", language)
    return filled(_template("subject", language), {"subject": about}), filled(text, values)


def _language(courtesy: Courtesy, occasion: Occasion) -> Language:
    found = language_of(f"{occasion.subject or ''}\n{occasion.text}", None)
    return "ru" if found == "ru" else "en" if found == "en" else courtesy.language


def _template(code: str, language: Language) -> str:
    """The catalogue's text with its places left open: `filled` knows what to do where nothing is known."""
    return TEXTS.say(code, language, name="{name}", opens="{opens}", subject="{subject}")


def _name(said: str | None) -> str:
    found = _NAME.fullmatch((said or "").strip())
    return found[0] if found else ""


def _moment(at: datetime, language: Language) -> str:
    """In the nominative, so that it fits behind a colon and into most sentences."""
    day = TEXTS.say("days", language).split()[at.weekday()]
    month = TEXTS.say("months", language).split()[at.month - 1]
    return f"{day}, {at.day} {month}, {at:%H:%M}"
