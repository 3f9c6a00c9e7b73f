"""Mails that sites send when somebody has filled in a form: labelled lines, in which the client stands and not the robot.

Tilda, Wix, Contact Form 7, Elementor, Bitrix and their like write `Label: value`, a label and its value on two lines, or the
two cells of a table. A mail is one of them where it has a label for a telephone or an address, at least one more that is
known, and where its sender, its subject or its first lines say that a site sent it: a signature has labels, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_MOST_LINES: Final = 400
_LONGEST_LABEL: Final = 60
_LONGEST_LINE: Final = 500
_LONGEST_VALUE: Final = 20_000
_MOST_FIELDS: Final = 100

_NAMES: Final = {
    "name": "имя|ваше имя|фио|ф и о|имя клиента|имя и фамилия|как вас зовут|как к вам обращаться|контактное лицо|клиент|заказчик|"
    "отправитель|автор|имя автора|имя посетителя|покупатель|имя покупателя|ваше имя и фамилия|name|your name|full name|fullname|"
    "first name|client|customer|contact name|имя отправителя",
    "last_name": "фамилия|last name|surname|lastname",
    "phone": "телефон|ваш телефон|номер телефона|контактный телефон|мобильный|мобильный телефон|тел|телефон клиента|phone|"
    "your phone|phone number|telephone|tel|mobile|whatsapp|телефон для связи|ваш номер телефона|номер телефона клиента|"
    "номер клиента|контактный номер|ваш контактный телефон|телефон покупателя|моб телефон|номер для связи|телефон whatsapp|"
    "номер телефона для связи|телефон автора|contact phone|contact number|mobile phone|cell phone",
    "email": "email|e mail|your email|email address|почта|ваша почта|электронная почта|эл почта|адрес электронной почты|мейл|"
    "имейл|ваш email|ваш e mail|email клиента|mail|e mail автора|email автора|e mail клиента|почта клиента|e mail покупателя|"
    "email покупателя|e mail отправителя|электронный адрес|e mail адрес|email адрес|e mail address",
    "message": "сообщение|ваше сообщение|текст|текст сообщения|комментарий|комментарии|вопрос|ваш вопрос|сообщение клиента|"
    "message|your message|message body|comment|comments|question|textarea|примечание|пожелания|ваш комментарий|текст вопроса|"
    "текст обращения|комментарий к заказу",
    "company": "компания|организация|название компании|company|organization|organisation|company name",
    "city": "город|ваш город|city|town",
    "subject": "тема|тема сообщения|тема обращения|subject|topic",
    "page": "страница|url|page|page url|адрес страницы|url страницы|страница отправки|ссылка|source url|referer|"
    "отправлено со страницы",
}
_SLOTS: Final = {name: slot for slot, names in _NAMES.items() for name in names.split("|")}
_WORDS: Final = re.compile(r"[^\wёЁ]+|_")
_ASIDE: Final = re.compile(r"\([^()]*\)")
_LABEL: Final = re.compile(rf"[\s*•\-–>]*\**([^\W\d_][^:\t\n]{{0,{_LONGEST_LABEL}}}?)\**\s*(?::|\t|：)\**[ \t]*(.*)$")
_DASHED: Final = re.compile(rf"\s*([^\W\d_][^:\t\n]{{0,{_LONGEST_LABEL}}}?)\s{{1,3}}[-–—]\s{{1,3}}(\S.*)$")
_RULED: Final = " \t-–—_=*"
_MARK: Final = re.compile(r"(utm_\w{1,40}|yclid|gclid|fbclid|ym_uid|_ym_uid|roistat)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[^\s<>,;:()\"\[\]@|]{1,64}@[^\s<>,;:()\"\[\]@|]{1,255}\.[^\s<>,;:()\"\[\]@|.]{2,}")
_DIGITS_OF_A_PHONE: Final = 6
_NATIONAL: Final = 11
_FREE: Final = ("8800", "7800")
_HINTS: Final = re.compile(
    r"заявк|форм[аыеу]\b|с сайта|на сайте|обратн\w+ св|обратный звонок|заказ\w* звон|новый лид|новый звонок|новое сообщение|"
    r"новый заказ|данные формы|сообщение с|request details|form submission|new submission|contact form|website|new lead|new order|"
    r"перезвон|feedback|sent from your|submitted|через форму|отправлено с|this e-?mail was sent from|callback|квиз|quiz",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form said. `others` are the labels that have no place of their own."""

    name: str | None
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    message: str | None
    company: str | None = None
    city: str | None = None
    subject: str | None = None
    page: str | None = None
    campaign: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)


def read(text: str, subject: str, *, from_site: bool, from_robot: bool = False) -> Form | None:
    """The form that a mail holds, None where it holds none. `from_site`: its sender is a machine, or one of ours.

    `from_robot`: a machine for certain. Where its subject speaks of a form, a telephone alone is one: please call back.
    """
    pairs = list(_pairs([line[:_LONGEST_LINE] for line in text.split("\n")[:_MOST_LINES]]))
    placed: dict[str, list[str]] = {}
    others: dict[str, str] = {}
    campaign: dict[str, str] = {}
    for label, value in pairs:
        slot = _SLOTS.get(_words(label))
        if slot is not None and value:
            placed.setdefault(slot, []).append(value)
        elif _MARK.fullmatch(label.strip()):
            campaign.setdefault(label.strip().lower(), value)
        elif value and len(others) < _MOST_FIELDS:
            others.setdefault(label.strip(), value)
    phones = _distinct(value for value in placed.get("phone", ()) if _is_phone(value))
    emails = _distinct(found[0] for value in placed.get("email", ()) if (found := _ADDRESS.search(value)))
    called_back = bool(phones) and from_robot and speaks_of_one(subject)
    if not (phones or emails) or (len(placed) + bool(campaign) < 2 and not called_back):  # noqa: PLR2004 - a label alone
        return None
    if not from_site and not speaks_of_one(subject) and not _HINTS.search(text[:300]):
        return None
    page = next(iter(placed.get("page", ())), None)
    return Form(
        name=_name(placed),
        phones=phones,
        emails=emails,
        message="\n".join(placed["message"])[:_LONGEST_VALUE] if "message" in placed else None,
        company=_one(placed, "company"),
        city=_one(placed, "city"),
        subject=_one(placed, "subject"),
        page=page,
        campaign=_marks(page) | campaign,
        others=others,
    )


def speaks_of_one(subject: str) -> bool:
    """Whether the subject of a mail says that somebody has filled in a form."""
    return _HINTS.search(subject) is not None


def _pairs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Labels and their values. A value may stand beneath its label, and that of a message goes on until the next label."""
    place = 0
    while place < len(lines):
        found = _labelled(lines[place])
        place += 1
        if found is None or found[1].startswith("//"):
            continue
        label, value = found
        slot = _SLOTS.get(_words(label))
        if slot is None and not value:
            continue
        if slot == "message":
            more: list[str] = []
            while place < len(lines) and not _ends_message(lines[place]):
                more.append(lines[place].strip())
                place += 1
            value = "\n".join([value, *more]).strip()
        elif slot is not None and not value:
            following = next((at for at in range(place, min(place + 2, len(lines))) if lines[at].strip(_RULED)), None)
            if following is not None and _slot_of_line(lines[following]) is None:
                value, place = lines[following].strip(), following + 1
        yield label, value


def _labelled(line: str) -> tuple[str, str] | None:
    """A label and what stands beside it. One that is known needs no colon: a dash will do, or that it stands alone."""
    found = _LABEL.match(line)
    if found is None:
        dashed = _DASHED.match(line)
        found = dashed if dashed and _words(dashed[1]) in _SLOTS else None
    if found is None:
        return (line.strip(), "") if _words(line[: 2 * _LONGEST_LABEL]) in _SLOTS else None
    return found[1].strip(), found[2].strip()


def _slot_of_line(line: str) -> str | None:
    found = _labelled(line)
    return _SLOTS.get(_words(found[0])) if found else None


def _ends_message(line: str) -> bool:
    """Another known label, a mark of a campaign, or the rule above what a site says of itself."""
    found = _labelled(line)
    if found and (_words(found[0]) in _SLOTS or _MARK.fullmatch(found[0])):
        return True
    return re.fullmatch(r"\s*[-–—_=*]{2,}.{0,3}\s*", line) is not None or line.startswith(
        ("--", "Request details", "Additional")
    )


def _words(label: str) -> str:
    """A label in plain words; what it says in brackets ("обязательно") makes no other of it."""
    return _WORDS.sub(" ", _ASIDE.sub(" ", label.casefold())).strip()


def _is_phone(value: str) -> bool:
    """Whether this is a telephone, and one that a client may have: who may be called free of charge is a company."""
    digits = "".join(letter for letter in value if letter.isdigit())
    return len(digits) >= _DIGITS_OF_A_PHONE and not (len(digits) == _NATIONAL and digits.startswith(_FREE))


def _distinct(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:5]


def _one(placed: Mapping[str, Sequence[str]], slot: str) -> str | None:
    return next(iter(placed.get(slot, ())), None)


def _name(placed: Mapping[str, Sequence[str]]) -> str | None:
    first, last = _one(placed, "name"), _one(placed, "last_name")
    whole = " ".join(filter(None, (first, last if last and last not in (first or "") else None)))
    # `Клиент: Иван <ivan@example.com>` and `От: …` name him with his address.
    return re.sub(r"\s*<[^<>]*>\s*$", "", whole).strip("\"' ") or None


def _marks(page: str | None) -> dict[str, str]:
    """The campaign that the address of the page names."""
    try:
        query = urlsplit((page or "").strip()).query
    except ValueError:
        return {}
    return (
        {name.lower(): value for name, value in parse_qsl(query, max_num_fields=100) if _MARK.fullmatch(name)}
        if query
        else {}
    )
