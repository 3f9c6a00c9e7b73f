"""A lead form that somebody filled in within VK, https://dev.vk.com/ru/api/community-events/json-schema (lead_forms_new). Pure."""

from collections.abc import Mapping
from typing import Any, Final

from channels.message import Inbound

# The questions that VK has of its own; a community's are called custom_0 and so on.
_NAMES: Final = ("first_name", "patronymic_name", "last_name")
_PHONE, _EMAIL, _PLACE = "phone_number", "email", "location"
_OWN: Final = frozenset({*_NAMES, _PHONE, _EMAIL, _PLACE})

Json = Mapping[str, Any]


def read(form: Json, identities: tuple[tuple[str, str], ...]) -> Inbound:
    """What a form says. Answers to the community's own questions are its text, a line each, and fields by their questions."""
    answers = {str(one["key"]): _text(one.get("answer")) for one in form.get("answers") or ()}
    asked = {str(one["key"]): str(one.get("question") or one["key"]) for one in form.get("answers") or ()}
    own = {asked[key]: answer for key, answer in answers.items() if key not in _OWN and answer}
    known = {"form_id": form.get("form_id"), "lead_id": form.get("lead_id"), "ad_id": form.get("ad_id")}
    return Inbound(
        kind="form",
        subject=str(form.get("form_name") or "") or None,
        text="\n".join(f"{question}: {answer}" for question, answer in own.items()),
        name=" ".join(filter(None, (answers.get(name) for name in _NAMES))) or None,
        phones=tuple(filter(None, (answers.get(_PHONE),))),
        emails=tuple(filter(None, (answers.get(_EMAIL),))),
        city=answers.get(_PLACE) or None,
        identities=identities,
        ref=f"form:{form['lead_id']}",
        fields=own | {name: str(value) for name, value in known.items() if value},
    )


def _text(answer: object) -> str:
    """One answer, or the several of a question with boxes to tick."""
    return ", ".join(str(one) for one in answer) if isinstance(answer, list) else str(answer or "").strip()
