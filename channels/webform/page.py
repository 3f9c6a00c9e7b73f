"""What a browser is shown: the hosted form, the thank-you page and a refusal, their texts, and the mark of the form.

The hosted form carries a mark, the signed time of its rendering. Honeypot, fill time and consent bind only what carries
a valid one.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, field_validator

from channels.message import Answer
from channels.webform.opening import media_type, parameters
from kernel.clock import micros
from kernel.texts import Catalogue, Language

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MARK: Final = "_form"
HONEYPOT: Final = "website"
HERE: Final = Path(__file__).parent
TYPED: Final[tuple[str, ...]] = ("name", "phone", "email", "message")

_FILL_MILLISECONDS: Final = 2_000
_MARK_MILLISECONDS: Final = 24 * 3600 * 1000
_MARK: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{64})")

TEXTS: Final = Catalogue(
    {
        "title": {"ru": "Оставьте заявку", "en": "Get in touch"},
        "intro": {
            "ru": "Напишите, что вам нужно, и оставьте телефон или почту – как вам удобнее получить ответ.",
            "en": "Tell us what you need and leave a phone number or an email address, whichever suits you.",
        },
        "name": {"ru": "Как к вам обращаться", "en": "Your name"},
        "phone": {"ru": "Телефон", "en": "Phone"},
        "email": {"ru": "Электронная почта", "en": "Email"},
        "message": {"ru": "Сообщение", "en": "Message"},
        "file": {"ru": "Файл, если нужен", "en": "A file, if you need one"},
        "consent_agree": {"ru": "Я даю", "en": "I give my"},
        "consent_linked": {
            "ru": "согласие на обработку персональных данных",
            "en": "consent to the processing of my personal data",
        },
        "consent_required": {
            "ru": "Чтобы мы могли вам ответить, отметьте согласие на обработку персональных данных. "
            "Всё, что вы написали, сохранилось; файл, если он был, выберите ещё раз.",
            "en": "To let us answer you, please tick the consent to the processing of personal data. "
            "What you wrote is still here; if you had chosen a file, please choose it again.",
        },
        "honeypot": {"ru": "Не заполняйте это поле", "en": "Leave this field empty"},
        "send": {"ru": "Отправить", "en": "Send"},
        "thanks_title": {"ru": "Спасибо, мы получили ваше сообщение", "en": "Thank you, we have your message"},
        "thanks_next": {
            "ru": "Мы передадим его менеджеру, и он свяжется с вами по телефону или почте, которые вы оставили. "
            "В нерабочее время ответ придёт, как только мы вернёмся к работе.",
            "en": "We are passing it to a colleague, who will reach you by the phone number or address that you left. "
            "Outside working hours, the answer comes as soon as we are back.",
        },
        "thanks_once": {
            "ru": "Отправлять форму ещё раз не нужно.",
            "en": "There is no need to send the form again.",
        },
        "refused_title": {"ru": "Не получилось отправить", "en": "This could not be sent"},
        "refused": {
            "ru": "Сообщение дошло повреждённым. Пожалуйста, вернитесь к форме и отправьте её ещё раз.",
            "en": "Your message arrived damaged. Please go back to the form and send it again.",
        },
        "refused_too_large": {
            "ru": "Сообщение слишком большое. Пожалуйста, отправьте его без файла или с файлом поменьше.",
            "en": "Your message was too large. Please send it without the file, or with a smaller one.",
        },
        "refused_busy": {
            "ru": "Сейчас мы не можем принять сообщение. Пожалуйста, отправьте его ещё раз через минуту.",
            "en": "We cannot take your message at this moment. Please send it again in a minute.",
        },
        "back": {"ru": "Вернуться к форме", "en": "Back to the form"},
    }
)


class ConsentConfig(BaseModel):
    """What the hosted form asks its reader to agree to. `required`: it is not taken without."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: bool = False
    version: str | None = None
    url: str | None = None

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://\S+", url):
            raise ValueError(f"{url!r} is no web address; write https://example.com/consent")
        return url


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one channel. Their links are relative, so that they work below any prefix of a proxy."""

    channel: str
    origins: Sequence[str]
    consent: ConsentConfig | None
    own_language: Language

    def form(self, language: Language, hidden: Mapping[str, str]) -> Answer:
        """The hosted form, with its `hidden` inputs by name."""
        return self._form(200, language, hidden, dict.fromkeys(TYPED, ""), error=None)

    def asked_again(self, language: Language, hidden: Mapping[str, str], typed: Mapping[str, str]) -> Answer:
        """The form with all of `typed`, where nothing but the consent was missing."""
        return self._form(422, language, hidden, typed, error="consent_required")

    def thanks(self, language: Language, headers: Mapping[str, str]) -> Answer:
        """What stands in the place of the form once it is taken. `headers` are added to the page's own."""
        return self._shown(202, language, headers, "thanks")

    def refused(self, language: Language, headers: Mapping[str, str], status: int) -> Answer:
        """What its sender can do about a refusal with this status."""
        return self._shown(status, language, headers, "refused", reason=_reason(status))

    def _form(
        self, status: int, language: Language, hidden: Mapping[str, str], typed: Mapping[str, str], error: str | None
    ) -> Answer:
        values = {"hidden": hidden, "typed": typed, "error": error, "consent": self.consent, "honeypot": HONEYPOT}
        return self._shown(status, language, {}, "form", **values)

    def _shown(
        self, status: int, language: Language, headers: Mapping[str, str], view: str, **values: object
    ) -> Answer:
        name = quote(self.channel, safe="") + (f"?lang={language}" if language != self.own_language else "")
        template, style = _template()
        html = template.render(
            view=view,
            language=language,
            say=partial(TEXTS.say, language=language),
            action=f"../in/{name}",
            back=f"../form/{name}",
            **values,
        )
        ancestors = " ".join(("'self'", *self.origins)) if self.origins else "*"
        security = {
            "Content-Security-Policy": f"default-src 'none'; style-src '{style}'; form-action 'self'; base-uri 'none'; "
            f"frame-ancestors {ancestors}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        return Answer(status, html.encode(), "text/html; charset=utf-8", {**headers, **security})


@cache
def environment() -> "Environment":
    """The templates of this kind."""
    import jinja2  # noqa: PLC0415 - only a process that shows a page pays for it

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def _template() -> tuple["Template", str]:
    """The page, and the hash of its stylesheet for the Content-Security-Policy."""
    source = (HERE / "form.html").read_text(encoding="utf-8")
    style = source.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment().get_template("form.html"), f"sha256-{hashed}"


def _reason(status: int) -> str:
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return "refused_busy"
    return "refused_too_large" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else "refused"


# --- the mark ---


def mark(secret: bytes, channel: str, at: datetime) -> str:
    """The mark of a form that is rendered at this moment."""
    return _signed(secret, channel, _milliseconds(at))


def rendered(secret: bytes, channel: str, mark: str, now: datetime) -> int | None:
    """When a form with this mark was rendered, in milliseconds since 1970; None if it is not ours or a day old."""
    found = _MARK.fullmatch(mark)
    if found is None or not hmac.compare_digest(_signed(secret, channel, int(found[1])), mark):
        return None
    at = int(found[1])
    return at if _milliseconds(now) - at < _MARK_MILLISECONDS else None


def too_fast(rendered: int, received_at: datetime) -> bool:
    """Whether nobody types that fast. Below zero is a difference of two machines' clocks, and no machine's doing."""
    return 0 <= _milliseconds(received_at) - rendered < _FILL_MILLISECONDS


def _signed(secret: bytes, channel: str, rendered: int) -> str:
    signed = f"webform\0{channel}\0{rendered}".encode()
    return f"{rendered}.{hmac.digest(secret, signed, 'sha256').hex()}"


def _milliseconds(moment: datetime) -> int:
    return micros(moment) // 1000


# --- who waits for a page ---


def wants_page(accept: str) -> bool | None:
    """Whether a client wants HTML rather than JSON (RFC 9110, section 12.5.1); None where it names neither."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for choice in accept.split(","):
        media = media_type(choice)
        if media in weights:
            with suppress(ValueError):
                weights[media] = float(parameters(choice).get("q", "1"))
    html, json = weights.values()
    return html >= json if html or json else None
