"""Web forms: a company's own, a site builder's, or the page that priyom hosts.

Owns what their fields mean and how a browser is spoken to. A delivery is a POST of JSON, of
`application/x-www-form-urlencoded` or of `multipart/form-data` (RFC 7578). All three are opened into one shape, a
document of names and values; in an urlencoded or multipart one the values are lists. `receive` reads of it only what
names the delivery and the mark of the hosted form; what the fields mean is read by `parse`. Nothing here trusts a
sender: whatever is too long, too deep or too many is kept cut, since content is never a reason to refuse.

The hosted form carries a mark, the signed time of its rendering. Honeypot, fill time and consent bind only what carries
a valid one.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache, partial
from http import HTTPStatus
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, field_validator

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import ChannelConfig, Rejected
from channels.message import Accepted, Answer, Attachment, Consent, Envelope, Ignored, Inbound, Request, digest
from kernel.clock import micros
from kernel.ids import uuid7
from kernel.texts import LANGUAGES, Catalogue, Language, storable

if TYPE_CHECKING:
    from jinja2 import Template

_URLENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_HONEYPOT: Final = "website"
_OWN_FIELDS: Final = frozenset({"_form", "submission_id"})
_TYPED_FIELDS: Final = ("name", "phone", "email", "message")

_FILL_MILLISECONDS: Final = 2_000
_MARK_MILLISECONDS: Final = 24 * 3600 * 1000
_PREFLIGHT_SECONDS: Final = "86400"

_MOST_FIELDS: Final = 1_000
_MOST_FILES: Final = 20
_MOST_KEYS: Final = 20
_MOST_CAMPAIGN: Final = 50
_MOST_LEVELS: Final = 8
_MOST_PARAMETERS: Final = 10
# Decoding a megabyte of `%d0` takes a fifth of a second, during which nobody else is heard.
_LONGEST_FORM: Final = 1_000_000
_LONGEST_VALUE: Final = 100_000
_LONGEST_LINE: Final = 500
_LONGEST_NAME: Final = 200
_LONGEST_ADDRESS: Final = 2_000
_LONGEST_CONTENT_TYPE: Final = 300
_LONGEST_PART_HEADER: Final = 4_096
_LONGEST_IDEMPOTENCY_KEY: Final = 255

_KEPT_HEADERS: Final = (("origin", "Origin"), ("referer", "Referer"), ("user_agent", "User-Agent"))

# Names of fields in small letters without spaces, hyphens and underscores, by the contract's own name.
_SYNONYMS: Final = {
    "name": "name fullname fio clientname contactname customername имя фио имяклиента каквасзовут",
    "first_name": "firstname fname givenname",
    "middle_name": "middlename patronymic отчество",
    "last_name": "lastname lname surname familyname фамилия",
    "phone": "phone phones phonenumber tel telephone telefon mobile mobilephone cellphone whatsapp телефон тел "
    "номертелефона телефондлясвязи контактныйтелефон мобильный мобильныйтелефон",
    "email": "email emails mail emailaddress почта элпочта электроннаяпочта адресэлектроннойпочты емейл имейл",
    "message": "message msg text comment comments question textarea description сообщение комментарий "
    "комментарии вопрос текст текстсообщения текстзаявки",
    "subject": "subject topic тема темасообщения",
    "company": "company companyname organization organisation компания организация названиекомпании",
    "city": "city town город",
    "consent": "consent agree agreement acceptance privacy privacypolicy gdpr personaldata согласие "
    "согласиенаобработку согласиенаобработкуперсональныхданных персональныеданные",
    "page": "page pageurl pageuri pagelink landingpage страница",
    "referrer": "referrer referer documentreferrer httpreferer",
    "cookies": "cookies",
}
_SLOTS: Final = {word: slot for slot, words in _SYNONYMS.items() for word in words.split()}
_SEVERAL: Final = frozenset({"phone", "email"})

# Marks that advertising and analytics leave in addresses and hidden fields, beside utm_*.
_CLICKS: Final = (
    "gclid gbraid wbraid dclid fbclid _fbc _fbp yclid ymclid ysclid ym_uid _ym_uid ym_client_id msclkid vkclid "
    "rb_clickid ttclid twclid li_fat_id roistat roistat_visit roistat_first_visit calltouch_session_id comagic_id "
    "openstat _openstat"
)
_CLICK_IDS: Final = frozenset(_CLICKS.split())

# Elementor names inputs by an id (`fields[tel]`, or `fields[field_1a2b]`) and sends their type and label along.
_ELEMENTOR: Final = re.compile(r"(fields|meta)\[([^\[\]]+)\]\[(id|type|title|value|raw_value|required)\]")
_ELEMENTOR_TYPES: Final = {"tel": "phone", "email": "email", "textarea": "message"}

_WRAPPERS: Final = re.compile(r"^(?:payload\.data|form_fields|fields|data|contact|client|customer|lead|user)\.(?=.)")
_ITEM: Final = re.compile(r"(?<=.)(?:\.\d+)?(?:\.(?:value|number))?$")
_SPACING: Final = re.compile(r"[\s_\-–.:*?]+")
_POSSESSIVE: Final = re.compile(r"^(?:nolabel|your|ваш[аеи]?)(?=.)")
_BETWEEN_PHONES: Final = re.compile(r"[,;/\n]")
_BETWEEN_EMAILS: Final = re.compile(r"[,;\s]+")
_DIGITS_OF_A_PHONE: Final = 7
_REFUSALS: Final = frozenset({"", "0", "false", "no", "off", "нет", "none", "null"})

_ORIGIN_HOST: Final = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_MARK: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{64})")
_PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;]*))', re.DOTALL)
_CHARSETS: Final = re.compile(
    r"utf-?8|windows-125[0-8]|cp125[0-8]|cp866|ibm866|koi8-[ru]|iso-8859-(?:[1-9]|1[013-6])|"
    r"gb2312|gbk|gb18030|big5|euc-jp|euc-kr|shift_jis"
)
# A surrogate in a JSON string after whole escaped backslashes: a pair of them (the third group), or one alone.
_SURROGATE: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2}))"
)

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


class Config(ChannelConfig):
    """A web form. `origins`: the sites whose scripts may read the answer; empty means any."""

    origins: tuple[str, ...] = ()
    consent: ConsentConfig | None = None

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(text) for text in origins)


def _origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454, section 6.2): ASCII, in small letters, without a default port.

    Raises ValueError.
    """
    remedy = f"{text!r} is no origin; write https://example.com or http://localhost:8000, without a path"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError as broken:
        raise ValueError(remedy) from broken
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not bare or not _ORIGIN_HOST.fullmatch(host):
        raise ValueError(remedy)
    shown = port if port != {"http": 80, "https": 443}[parts.scheme] else None
    return f"{parts.scheme}://{host}" + (f":{shown}" if shown is not None else "")


def _ascii_host(host: str) -> str:
    if host.isascii():
        return f"[{host}]" if ":" in host else host
    import idna  # noqa: PLC0415 - 30 ms that only a host in other letters is worth

    return idna.encode(host, uts46=True).decode("ascii")


class Adapter(BaseAdapter[Config]):
    """One form, or any number of forms that share a channel.

    `meta` of its envelopes: `content_type`; `origin`, `referer`, `user_agent`, `remote` where known; `query`, the
    campaign parameters of the request's own address; `cut`, the dropped files' names by line; `form`, the time of the
    hosted form's rendering in milliseconds since 1970, where its mark was valid; `consent_version` (empty where it has
    none) and `consent_url` as configured at the time.
    """

    kind = "webform"

    def __init__(self, name: str, config: Config, *, secret: bytes, language: Language) -> None:
        super().__init__(name, config, secret=secret, language=language)
        consent = config.consent
        self._consent_meta = {"consent_version": consent.version or ""} if consent else {}
        if consent and consent.url:
            self._consent_meta["consent_url"] = consent.url

    def receive(self, request: Request) -> Sequence[Envelope]:
        """One envelope. Raises Rejected: 405, 415, 400 not readable as its type, 422 no object or no consent."""
        if request.method != "POST":
            raise Rejected(405, "method_not_allowed", "send the form by POST")
        content_type = _content_type(request)
        opened = _open(content_type, request.body)
        meta = self._meta(request, content_type)
        rendered = self._rendered(opened.document, request.at)
        if rendered is not None:
            meta["form"] = str(rendered)
            self._require_consent(opened.document)
        identity = _identity(request, opened)
        return (Envelope(self.name, identity, request.body, request.at, meta, opened.digest),)

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        """202: a thank-you page for a browser, else the envelope's id. Raises Rejected: 422, another body's key."""
        taken = accepted[0]
        if taken.conflict:
            raise Rejected(422, "idempotency_conflict", "this Idempotency-Key was used before with another body")
        headers = self._cors(request)
        if self._is_browser(request):
            return self._shown(request, 202, "thanks", headers)
        # Tilda tries a new address with `test=test` and wants to hear exactly 200 (its help, "Webhook").
        status = 200 if request.body == b"test=test" else 202
        return Answer(status, orjson.dumps({"id": taken.id, "duplicate": taken.duplicate}), headers=headers)

    def preflight(self, request: Request) -> Answer:
        """What a script of an allowed origin may send; an origin that is not allowed is told nothing."""
        headers = self._cors(request)
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = "POST"
            headers["Access-Control-Allow-Headers"] = "content-type, idempotency-key"
            headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        return Answer(204, b"", headers=headers)

    def refused(self, request: Request, refusal: Rejected) -> Answer | None:
        """A page for a browser, and for a script the JSON error with CORS headers, without which it could not read it.

        Where only the consent is missing, the page is the form with what was typed.
        """
        if self._is_browser(request):
            if refusal.code == "consent_required":
                return self._asked_again(request)
            return self._shown(request, refusal.status, "refused", self._cors(request), reason=_reason(refusal.status))
        if "Origin" not in request.headers:
            return None
        error = {"error": {"code": refusal.code, "message": str(refusal)}}
        return Answer(refusal.status, orjson.dumps(error), headers=self._cors(request))

    def page(self, request: Request) -> Answer:
        """The hosted form. It carries on the campaign parameters of its own address, and the page that led to it."""
        hidden = {"_form": self._mark(_milliseconds(request.at)), "submission_id": uuid7()}
        hidden |= _campaign([request.query.items()])
        referrer = _clean(request.headers.get("Referer", ""), _LONGEST_ADDRESS)
        return self._form(request, 200, hidden | ({"referrer": referrer} if referrer else {}), {})

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What the form says; a filled honeypot, a form filled within two seconds and Tilda's trial are ignored."""
        meta = envelope.meta
        opened = _open(meta.get("content_type", ""), envelope.body)
        pairs = _labelled(_flatten(opened.document))
        trapped = "form" in meta and any(name == _HONEYPOT and value.strip() for name, value in pairs)
        idle = _OWN_FIELDS if trapped or "form" not in meta else _OWN_FIELDS | {_HONEYPOT}
        inbound = _inbound(envelope, [pair for pair in pairs if pair[0] not in idle], opened.files)
        if trapped:
            return Ignored("honeypot", inbound)
        # Below zero only where clocks of two machines differ: no reason to take a person for a machine.
        if "form" in meta and 0 <= _milliseconds(envelope.received_at) - int(meta["form"]) < _FILL_MILLISECONDS:
            return Ignored("filled_too_fast", inbound)
        if pairs == [("test", "test")]:
            return Ignored("test_ping", inbound)
        return inbound

    def _meta(self, request: Request, content_type: str) -> dict[str, str]:
        meta = {"content_type": content_type, **self._consent_meta}
        for key, header in _KEPT_HEADERS:
            if value := request.headers.get(header):
                meta[key] = _clean(value, _LONGEST_ADDRESS)
        if request.remote:
            meta["remote"] = _clean(request.remote, _LONGEST_NAME)
        if request.query and (campaign := _campaign([request.query.items()])):
            meta["query"] = urlencode(campaign)
        if request.cut:
            meta["cut"] = "\n".join(_file_name(name) for name in request.cut[:_MOST_FILES])
        return meta

    def _mark(self, rendered: int) -> str:
        """A mark for a form rendered at `rendered`, milliseconds since 1970."""
        signed = f"webform\0{self.name}\0{rendered}".encode()
        return f"{rendered}.{hmac.digest(self.secret, signed, 'sha256').hex()}"

    def _rendered(self, document: Mapping[str, Any], at: datetime) -> int | None:
        """When the hosted form was rendered, None without a mark that is ours and younger than a day."""
        mark = _first(document, "_form") if "_form" in document else ""
        found = _MARK.fullmatch(mark)
        if found is None or not hmac.compare_digest(self._mark(int(found[1])), mark):
            return None
        rendered = int(found[1])
        return rendered if _milliseconds(at) - rendered < _MARK_MILLISECONDS else None

    def _require_consent(self, document: Mapping[str, Any]) -> None:
        consent = self.config.consent
        if consent and consent.required and not _agreed(_first(document, "consent")):
            raise Rejected(422, "consent_required", "this form is taken only with the consent that it asks for")

    def _cors(self, request: Request) -> dict[str, str]:
        if not self.config.origins:
            return {"Access-Control-Allow-Origin": "*"}
        origin = request.headers.get("Origin")
        allowed = {"Access-Control-Allow-Origin": origin} if origin in self.config.origins and origin else {}
        return {"Vary": "Origin", **allowed}

    def _is_browser(self, request: Request) -> bool:
        """Whether a person waits for a page: a form type, and HTML preferred, or nothing preferred and a valid mark."""
        content_type = _content_type(request)
        if _media_type(content_type) not in {_URLENCODED, _MULTIPART}:
            return False
        html, json = _accepts(request.headers.get("Accept", ""))
        if html or json:
            return html >= json
        if b"_form" not in request.body:
            return False
        with suppress(Rejected):
            return self._rendered(_open(content_type, request.body).document, request.at) is not None
        return False

    def _language(self, request: Request) -> Language:
        return next((known for known in LANGUAGES if known == request.query.get("lang")), self.language)

    def _asked_again(self, request: Request) -> Answer:
        """The form with what was typed. Mark and submission_id stay: nothing was accepted under them."""
        pairs = _flatten(_open(_content_type(request), request.body).document)
        kept = {name: value for name, value in pairs if name in _OWN_FIELDS or name == "referrer"}
        typed = {name: value for name, value in pairs if name in _TYPED_FIELDS}
        return self._form(request, 422, kept | _campaign([pairs]), typed)

    def _form(self, request: Request, status: int, hidden: Mapping[str, str], typed: Mapping[str, str]) -> Answer:
        values = {
            "hidden": hidden,
            "typed": {**dict.fromkeys(_TYPED_FIELDS, ""), **typed},
            "error": None if status == HTTPStatus.OK else "consent_required",
            "consent": self.config.consent,
            "honeypot": _HONEYPOT,
        }
        return self._shown(request, status, "form", {}, **values)

    def _shown(self, request: Request, status: int, view: str, headers: Mapping[str, str], **values: object) -> Answer:
        """A page. Its links are relative, so that it works below any prefix of a proxy before `/in` and `/form`."""
        language = self._language(request)
        name = quote(self.name, safe="") + (f"?lang={language}" if language != self.language else "")
        template, style = _template()
        html = template.render(
            view=view,
            language=language,
            say=partial(TEXTS.say, language=language),
            action=f"../in/{name}",
            back=f"../form/{name}",
            **values,
        )
        ancestors = " ".join(("'self'", *self.config.origins)) if self.config.origins else "*"
        security = {
            "Content-Security-Policy": f"default-src 'none'; style-src '{style}'; form-action 'self'; base-uri 'none'; "
            f"frame-ancestors {ancestors}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        return Answer(status, html.encode(), "text/html; charset=utf-8", {**headers, **security})


@cache
def _template() -> tuple["Template", str]:
    """The page, and the hash of its stylesheet for the Content-Security-Policy."""
    import jinja2  # noqa: PLC0415 - only a process that shows a page pays for it

    source = Path(__file__).with_name("webform.html").read_text(encoding="utf-8")
    style = source.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source), f"sha256-{hashed}"


def _reason(status: int) -> str:
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return "refused_busy"
    return "refused_too_large" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else "refused"


def _milliseconds(moment: datetime) -> int:
    return micros(moment) // 1000


def _accepts(header: str) -> tuple[float, float]:
    """How much a client that names them wants HTML and JSON (RFC 9110, section 12.5.1); `*/*` is no preference."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for choice in header.split(","):
        media = _media_type(choice)
        if media in weights:
            with suppress(ValueError):
                weights[media] = float(_parameters(choice).get("q", "1"))
    return weights["text/html"], weights["application/json"]


def _identity(request: Request, opened: "_Opened") -> str | None:
    """What names the delivery. The digest stands for a `submission_id`, since the body that it is of holds it."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if key:
        if len(key) > _LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
            key = digest(key.encode("utf-8", "surrogatepass")).hex()
        return f"key:{key}"
    if _first(opened.document, "submission_id"):
        return f"submission:{opened.digest.hex()}"
    return None


# --- opening a body ---


@dataclass(frozen=True, slots=True)
class _Opened:
    """A body as names and values. `digest` is equal for two sendings of the same form."""

    document: Mapping[str, Any]
    digest: bytes
    files: tuple[Attachment, ...] = ()


def _content_type(request: Request) -> str:
    return _clean(request.headers.get("Content-Type", ""), _LONGEST_CONTENT_TYPE)


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _open(content_type: str, body: bytes) -> _Opened:
    media = _media_type(content_type)
    if media == "application/json" or media.endswith(("/json", "+json")):
        return _Opened(_object(body), digest(body))
    if media in {"", _URLENCODED}:
        return _Opened(_urlencoded(body, _charset(_parameters(content_type))), digest(body))
    if media == _MULTIPART:
        return _multipart(body, _parameters(content_type))
    raise Rejected(415, "unsupported_media_type", f"send application/json, {_URLENCODED} or {_MULTIPART}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _mended(body)
    if not isinstance(document, dict):
        raise Rejected(422, "not_an_object", "the JSON is not an object; send the fields by name")
    return document


def _mended(body: bytes) -> object:
    """JSON with what orjson refuses and forms do send: a byte order mark, half of an emoji that a script cut in two."""
    text = body.removeprefix(b"\xef\xbb\xbf")
    if len(text) <= _LONGEST_FORM:
        text = _SURROGATE.sub(lambda found: found[0] if found[3] else found[1] + rb"\ufffd", text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise Rejected(400, "invalid_json", f"the body is not JSON in UTF-8: {broken}") from broken


def _urlencoded(body: bytes, charset: str) -> Mapping[str, Any]:
    # `curl -d '{…}'` calls its JSON urlencoded; no browser starts a form with an unescaped brace.
    if body[:_LONGEST_LINE].lstrip().startswith(b"{"):
        with suppress(Rejected):
            return _object(body)
    text = b"&".join(body[:_LONGEST_FORM].split(b"&", _MOST_FIELDS)[:_MOST_FIELDS]).decode(charset, "replace")
    document: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, encoding=charset, errors="replace"):
        document.setdefault(name, []).append(value)
    return document


def _multipart(body: bytes, parameters: Mapping[str, str]) -> _Opened:
    """Split here, not by the standard library's mail parser: that would take an uploaded mail apart and reads by line.

    The digest is over the parts, because the boundary differs on every sending.
    """
    charset = _charset(parameters)
    parts = _parts(body, parameters.get("boundary", "").encode())
    document: dict[str, list[str]] = {}
    files: list[Attachment] = []
    for part in parts[:_MOST_FIELDS]:
        headers, content = _part(part, charset)
        disposition = _parameters(headers.get("content-disposition", ""))
        file_name = _parameter(disposition, "filename")
        if file_name is None:
            own = _charset(_parameters(headers.get("content-type", "")), charset)
            name = _parameter(disposition, "name") or ""
            document.setdefault(name, []).append(content[: 4 * _LONGEST_VALUE].decode(own, "replace"))
        elif file_name or content:
            files.append(
                _attachment(file_name, headers.get("content-type", ""), content, dropped=len(files) >= _MOST_FILES)
            )
    return _Opened(document, digest(*parts), tuple(files))


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the delimiters (RFC 2046, section 5.1.1). Raises Rejected where the last one is missing."""
    if not boundary:
        raise Rejected(400, "invalid_multipart", "the content type names no boundary")
    whole = b"\r\n" + body
    delimiter = re.compile(rb"\r\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    found: list[re.Match[bytes]] = []
    for match in delimiter.finditer(whole):
        found.append(match)
        if match[1]:
            return [whole[before.end() : after.start()] for before, after in pairwise(found)]
    raise Rejected(400, "invalid_multipart", "the body does not end with the boundary that its content type names")


def _part(part: bytes, charset: str) -> tuple[dict[str, str], bytes]:
    head, end_of_head, content = part.partition(b"\r\n\r\n")
    if not end_of_head:
        raise Rejected(400, "invalid_multipart", "a part has no empty line after its headers")
    headers = {}
    for line in head[:_LONGEST_PART_HEADER].decode(charset, "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, content


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header by name, in small letters."""
    if ";" not in header:
        return {}
    return {
        found[1].lower(): found[3].strip() if found[2] is None else re.sub(r'\\(["\\])', r"\1", found[2])
        for found in islice(_PARAMETER.finditer(header), _MOST_PARAMETERS)
    }


def _parameter(parameters: Mapping[str, str], name: str) -> str | None:
    """A name as browsers write it (HTML, "Multipart form data": three characters escaped), or as RFC 8187 does."""
    extended = parameters.get(f"{name}*")
    if extended is not None:
        charset, _, rest = extended.partition("'")
        known = charset if _CHARSETS.fullmatch(charset.lower()) else "utf-8"
        return unquote(rest.partition("'")[2], known, "replace")
    plain = parameters.get(name)
    return None if plain is None else plain.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _charset(parameters: Mapping[str, str], default: str = "utf-8") -> str:
    """The charset that a content type names. Only known names are looked up: Python keeps each name it is asked for."""
    name = parameters.get("charset", default).lower()
    if name in {"", "ascii", "us-ascii"}:
        return "utf-8"
    if not _CHARSETS.fullmatch(name):
        raise Rejected(400, "unknown_charset", "the content type names a charset that is not known here; send UTF-8")
    return name


def _attachment(name: str, content_type: str, content: bytes, *, dropped: bool) -> Attachment:
    media_type = _clean(_media_type(content_type), _LONGEST_NAME) or "application/octet-stream"
    if dropped:
        return Attachment(_file_name(name), media_type, len(content), dropped="too_many")
    return Attachment(_file_name(name), media_type, len(content), content)


def _file_name(name: str) -> str:
    """The last part of a path, in one line."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in _clean(last, _LONGEST_NAME) if letter.isprintable()).strip() or "file"


# --- names and values ---


def _clean(text: str, limit: int) -> str:
    """At most `limit` characters that every store takes."""
    return storable(text[:limit])


def _first(document: Mapping[str, Any], name: str) -> str:
    """The first value of a field as text, empty where it has none or is no plain value."""
    value = document.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if isinstance(value, dict | list) else _text(value)


def _flatten(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every plain value with its name; `{"car": {"year": 2020}}` is `car.year`, a list repeats its name."""
    return list(islice(_leaves("", document, 0), _MOST_FIELDS))


def _leaves(path: str, value: object, level: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and level < _MOST_LEVELS:
        for key, inner in islice(value.items(), _MOST_FIELDS):
            yield from _leaves(_clean(f"{path}.{key}" if path else key, _LONGEST_NAME), inner, level + 1)
    elif isinstance(value, list) and level < _MOST_LEVELS:
        for index, inner in enumerate(value[:_MOST_FIELDS]):
            yield from _leaves(f"{path}.{index}" if isinstance(inner, dict | list) else path, inner, level + 1)
    else:
        yield path, _clean(_text(value), _LONGEST_VALUE)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than orjson writes, though not deeper than it reads
        return "…"


def _labelled(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Elementor's groups as plain pairs, named by the id where that says something, else by type or label."""
    if not any(name.endswith("][value]") for name, _ in pairs):
        return pairs
    groups: dict[tuple[str, str], dict[str, str]] = {}
    plain = []
    for name, value in pairs:
        found = _ELEMENTOR.fullmatch(name)
        if found is None:
            plain.append((name, value))
        else:
            groups.setdefault((found[1], found[2]), {})[found[3]] = value
    for (_, identifier), group in groups.items():
        name = identifier
        if not _slot(identifier):
            name = (
                _ELEMENTOR_TYPES.get(group.get("type", ""), "") or group.get("title", "")[:_LONGEST_NAME] or identifier
            )
        plain.append((name, group.get("value", "")))
    return plain


@lru_cache(maxsize=2048)
def _slot(name: str) -> str:
    """Where the value of a field belongs: a key of `_SYNONYMS`, the name of a campaign mark, or empty."""
    path = name.casefold().strip().replace("[", ".").replace("]", "").rstrip(".")
    path = _ITEM.sub("", _WRAPPERS.sub("", path), count=1)
    mark = path.replace("-", "_")
    if mark.startswith("utm_") or mark in _CLICK_IDS:
        return mark[:_LONGEST_NAME]
    word = _POSSESSIVE.sub("", _SPACING.sub("", path).replace("ё", "е"))
    numbered = word.rstrip("0123456789")
    # Builders number their inputs (`Phone_2`, `tel-123`), but any single line of Contact Form 7 is a `text-123`.
    return _SLOTS.get(word) or (_SLOTS.get(numbered, "") if numbered != "text" else "")


def _is_campaign(slot: str) -> bool:
    return slot.startswith("utm_") or slot in _CLICK_IDS


def _place(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Values by slot, and everything else by name.

    Of several names for one slot the contract's own wins, else the first that has a value; the others stay fields.
    """
    named: dict[str, dict[str, list[str]]] = {}
    for name, value in pairs:
        named.setdefault(_slot(name), {}).setdefault(name, []).append(value)
    others = named.pop("", {})
    placed = {}
    for slot, by_name in named.items():
        if slot in _SEVERAL:
            placed[slot] = [value for values in by_name.values() for value in values]
            continue
        filled = [name for name, values in by_name.items() if any(value.strip() for value in values)]
        chosen = next(
            (name for name in filled if name.casefold() == slot), filled[0] if filled else next(iter(by_name))
        )
        placed[slot] = by_name[chosen]
        others |= {name: by_name[name] for name in filled if name != chosen}
    return placed, {name: ", ".join(values)[:_LONGEST_VALUE] for name, values in others.items()}


def _inbound(envelope: Envelope, pairs: Iterable[tuple[str, str]], files: tuple[Attachment, ...]) -> Inbound:
    meta = envelope.meta
    placed, fields = _place(pairs)
    page = _line(placed, "page", _LONGEST_ADDRESS) or meta.get("referer")
    referrer = _line(placed, "referrer", _LONGEST_ADDRESS)
    lost = [
        Attachment(name, "application/octet-stream", None, dropped="too_large")
        for name in meta.get("cut", "").split("\n")
        if name
    ]
    return Inbound(
        kind="form",
        text="\n".join(placed.get("message", ()))[:_LONGEST_VALUE],
        subject=_line(placed, "subject"),
        name=_name(placed),
        phones=_several(placed.get("phone", ()), _BETWEEN_PHONES, _is_phone),
        emails=_several(placed.get("email", ()), _BETWEEN_EMAILS, _is_email),
        company=_line(placed, "company"),
        city=_line(placed, "city"),
        page=page,
        referrer=referrer,
        campaign=_campaign(_campaign_sources(placed, meta, page, referrer)),
        fields=fields,
        attachments=(*files, *lost),
        consent=_consent(envelope, placed.get("consent")),
    )


def _line(placed: Mapping[str, Sequence[str]], slot: str, limit: int = _LONGEST_LINE) -> str | None:
    return ", ".join(value.strip() for value in placed.get(slot, ()) if value.strip())[:limit] or None


def _name(placed: Mapping[str, Sequence[str]]) -> str | None:
    """The whole name. `Имя` and `name` may be the first one only, beside a field for the last."""
    name, first = _line(placed, "name"), _line(placed, "first_name")
    if name and first:
        return name
    others = [
        part for part in (_line(placed, "middle_name"), _line(placed, "last_name")) if part and part not in (name or "")
    ]
    return " ".join(part for part in (name or first, *others) if part)[:_LONGEST_LINE] or None


def _is_phone(text: str) -> bool:
    return sum(letter.isdigit() for letter in text) >= _DIGITS_OF_A_PHONE


def _is_email(text: str) -> bool:
    return "@" in text


def _several(values: Iterable[str], between: re.Pattern[str], whole: Callable[[str], bool]) -> tuple[str, ...]:
    """Distinct values as written. One that lists several is split where each part could stand alone."""
    found: dict[str, None] = {}
    for value in islice(values, _MOST_KEYS):
        text = value.strip()[:_LONGEST_LINE]
        parts = [part.strip() for part in between.split(text)]
        for part in parts if all(map(whole, parts)) else [text]:
            if part:
                found[part] = None
    return tuple(islice(found, _MOST_KEYS))


def _agreed(value: str) -> bool:
    return value.strip().casefold() not in _REFUSALS


def _consent(envelope: Envelope, values: Sequence[str] | None) -> Consent | None:
    """What the sender agreed to, None where nobody asked. Of a hidden "0" before a ticked box, the tick counts."""
    meta = envelope.meta
    asked = "form" in meta and "consent_version" in meta
    if values is None and not asked:
        return None
    return Consent(
        given=any(_agreed(value) for value in values or ()),
        version=meta.get("consent_version") or None,
        url=meta.get("consent_url"),
        at=envelope.received_at,
        remote=meta.get("remote"),
    )


# --- campaigns ---


def _campaign_sources(
    placed: Mapping[str, Sequence[str]], meta: Mapping[str, str], page: str | None, referrer: str | None
) -> Iterator[Iterable[tuple[str, str]]]:
    """Where campaign marks stand, the most explicit place first."""
    yield [(slot, value) for slot, values in placed.items() for value in values[:1]]
    yield _tilda_cookies(_line(placed, "cookies", _LONGEST_VALUE) or "")
    yield _query(meta.get("query", ""))
    for address in (page, referrer):
        yield _query((address or "").partition("?")[2].partition("#")[0])


def _campaign(sources: Iterable[Iterable[tuple[str, str]]]) -> dict[str, str]:
    """`utm_*` of the first source that has any, since they belong together; of each click id the first."""
    campaign: dict[str, str] = {}
    for source in sources:
        tagged = any(name.startswith("utm_") for name in campaign)
        for name, value in source:
            slot = _slot(name)
            if not _is_campaign(slot) or (tagged and slot.startswith("utm_")) or len(campaign) >= _MOST_CAMPAIGN:
                continue
            if text := _clean(value, _LONGEST_LINE).strip():
                campaign.setdefault(slot, text)
    return campaign


def _query(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, errors="replace")


def _tilda_cookies(cookies: str) -> Iterator[tuple[str, str]]:
    """The visitor's cookies as Tilda sends them on demand; TILDAUTM holds `name=value` parts split by three bars."""
    for cookie in cookies.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name != "TILDAUTM":
            yield name, unquote(value)
            continue
        for part in unquote(value).split("|||"):
            mark, _, marked = part.partition("=")
            yield mark, marked
