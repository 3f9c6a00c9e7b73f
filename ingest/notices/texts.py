"""The words of notices, in both languages."""

from collections.abc import Mapping
from typing import Any, Final

from kernel.texts import Catalogue, Language

TEXTS: Final = Catalogue(
    {
        "lead_assigned": {"ru": "Новый лид: {title}", "en": "New lead: {title}"},
        "wrote_again": {"ru": "Клиент написал снова: {title}", "en": "The client wrote again: {title}"},
        "lead_folded": {
            "ru": "Контакты объединены, лид продолжается в другом: {title}",
            "en": "Contacts were merged, the lead goes on in another: {title}",
        },
        "lead_took_in": {
            "ru": "К лиду присоединён ещё один лид клиента: {title}",
            "en": "Another lead of the client goes on in this one: {title}",
        },
        "two_accepted": {
            "ru": "С клиентом работает ещё один менеджер: {title}",
            "en": "Another manager is at work with this client: {title}",
        },
        "lead_returned": {
            "ru": "Объединение отменено, лид снова у вас: {title}",
            "en": "The merge was undone, the lead is yours again: {title}",
        },
        "client": {"ru": "Клиент", "en": "Client"},
        "phone": {"ru": "Телефон", "en": "Phone"},
        "email": {"ru": "Почта", "en": "E-mail"},
        "source": {"ru": "Источник", "en": "Source"},
        "company": {"ru": "Компания", "en": "Company"},
        "due": {"ru": "Ответить до", "en": "Answer by"},
        "introduced_as": {"ru": "Представился как", "en": "Introduced as"},
        "no_way_back": {
            "ru": "Контактов для ответа клиент не оставил.",
            "en": "The client left no way to answer.",
        },
        "lead": {"ru": "Лид", "en": "Lead"},
        "extension": {"ru": "доб.", "en": "ext."},
    }
)


def render(
    code: str, lead: Mapping[str, Any], latest: Mapping[str, Any] | None, language: Language, due: str | None
) -> tuple[str, str]:
    """Subject and text of a notice about a lead as it is now; `latest` is what was received last on it."""
    facts = [
        ("client", lead["contact"]["name"] if lead["contact"] else None),
        ("introduced_as", latest["introduced_as"] if latest else None),
        ("company", (lead["company"] or {}).get("name")),
        *((key["kind"], _shown(key, language)) for key in (lead["contact"] or {"keys": []})["keys"]),
        ("source", lead["source"]),
        ("due", due),
    ]
    lines = [f"{TEXTS.say(name, language)}: {value}" for name, value in facts if value]
    if "no_way_back" in lead["marks"]:
        lines.append(TEXTS.say("no_way_back", language))
    if latest and latest["text"]:
        lines += ["", latest["text"]]
    lines += ["", f"{TEXTS.say('lead', language)}: {lead['id']}"]
    return TEXTS.say(code, language, title=lead["title"]), "\n".join(lines)


def _shown(key: Mapping[str, str], language: Language) -> str:
    extension = key.get("extension")
    return key["value"] if extension is None else f"{key['value']} {TEXTS.say('extension', language)} {extension}"
