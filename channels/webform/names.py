"""What the name of a field says: the names that sites, builders and Russian labels give to what a client leaves.

A slot is where a value belongs: one of the keys of `_SYNONYMS`, or the name of a campaign mark. To teach priyom another
name, add it there in small letters without spaces, hyphens and underscores.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from channels.webform.opening import LONGEST_NAME

_SYNONYMS: Final = {
    "name": "name fullname fio clientname contactname customername имя фио имяклиента каквасзовут имяифамилия фиоклиента "
    "контактноелицо какквамобращаться",
    "first_name": "firstname fname givenname billingfirstname",
    "middle_name": "middlename patronymic отчество",
    "last_name": "lastname lname surname familyname billinglastname фамилия",
    "phone": "phone phones phonenumber tel telephone telefon mobile mobilephone cellphone whatsapp телефон тел "
    "номертелефона телефондлясвязи контактныйтелефон мобильный мобильныйтелефон контактныйномер номердлясвязи мобтелефон "
    "телефонwhatsapp userphone clientphone customerphone contactphone formphone billingphone",
    "email": "email emails mail emailaddress почта элпочта электроннаяпочта адресэлектроннойпочты емейл имейл электронныйадрес "
    "emailадрес useremail clientemail customeremail contactemail formemail billingemail",
    "contact": "contact контакт контакты контактдлясвязи контактныеданные phoneemail phoneoremail emailorphone emailphone "
    "телефонemail телефонилиemail телефонпочта телефонилипочта emailтелефон emailилителефон почтаилителефон",
    "message": "message msg text comment comments question textarea description сообщение комментарий "
    "комментарии вопрос текст текстсообщения текстзаявки комментарийкзаказу",
    "subject": "subject topic тема темасообщения",
    "company": "company companyname organization organisation компания организация названиекомпании",
    "city": "city town город",
    "consent": "consent agree agreement acceptance privacy privacypolicy gdpr personaldata согласие "
    "согласиенаобработку согласиенаобработкуперсональныхданных персональныеданные privacyagreement agreeterms",
    "page": "page pageurl pageuri pagelink landingpage страница",
    "referrer": "referrer referer documentreferrer httpreferer",
    "cookies": "cookies",
}
_SLOTS: Final = {word: slot for slot, words in _SYNONYMS.items() for word in words.split()}

# Marks that advertising and analytics leave in addresses and hidden fields, beside utm_*.
_CLICKS: Final = (
    "gclid gbraid wbraid dclid fbclid _fbc _fbp yclid ymclid ysclid ym_uid _ym_uid ym_client_id msclkid vkclid "
    "rb_clickid ttclid twclid li_fat_id roistat roistat_visit roistat_first_visit calltouch_session_id comagic_id "
    "openstat _openstat"
)
_CLICK_IDS: Final = frozenset(_CLICKS.split())

_WRAPPERS: Final = re.compile(
    r"^(?:(?:payload\.data|form_?fields|form_?data|fields|values|billing|(?:data|(?:contact|client|customer|lead|user)s?)(?:\.\d+)?)"
    r"\.(?=.))+"
)
_ITEM: Final = re.compile(r"(?<=.)(?:\.\d+)?(?:\.(?:value|number))?$")
_SPACING: Final = re.compile(r"[\s_\-–.:*?!,/()]+")
_POSSESSIVE: Final = re.compile(r"^(?:nolabel|your|ваш[аеи]?)(?=.)")

# Elementor names inputs by an id (`fields[tel]`, or `fields[field_1a2b]`) and sends their type and label along.
_ELEMENTOR: Final = re.compile(r"(fields|meta)\[([^\[\]]+)\]\[(id|type|title|value|raw_value|required)\]")
_ELEMENTOR_TYPES: Final = {"tel": "phone", "email": "email", "textarea": "message"}


@lru_cache(maxsize=2048)
def slot_of(name: str) -> str:
    """Where the value of a field belongs, empty where nobody knows. `name`: at most 200 characters."""
    path = name.casefold().strip().replace("[", ".").replace("]", "").rstrip(".")
    path = _ITEM.sub("", _WRAPPERS.sub("", path), count=1)
    mark = path.replace("-", "_")
    if is_campaign(mark):
        return mark[:LONGEST_NAME]
    word = _POSSESSIVE.sub("", _SPACING.sub("", path).replace("ё", "е"))
    numbered = word.rstrip("0123456789")
    # Builders number their inputs (`Phone_2`, `tel-123`), but any single line of Contact Form 7 is a `text-123`.
    return _SLOTS.get(word) or (_SLOTS.get(numbered, "") if numbered != "text" else "")


def is_campaign(slot: str) -> bool:
    """Whether a slot is a campaign mark: `utm_*` or a click id."""
    return slot.startswith("utm_") or slot in _CLICK_IDS


def labelled(values: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """Values by name, with each group of Elementor's as one: by the id where that says something, else type or label."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    named: dict[str, list[str]] = {}
    for name, several in values.items():
        if found := _ELEMENTOR.fullmatch(name):
            groups.setdefault((found[1], found[2]), {})[found[3]] = several
        else:
            named[name] = several
    for (_, identifier), group in groups.items():
        name = identifier if slot_of(identifier) else _label(group) or identifier
        named[name] = [*named.get(name, ()), *group.get("value", [""])]
    return named


def _label(group: Mapping[str, list[str]]) -> str:
    (kind, *_), (title, *_) = group.get("type", [""]), group.get("title", [""])
    return _ELEMENTOR_TYPES.get(kind) or title[:LONGEST_NAME]
