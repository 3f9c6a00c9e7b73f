"""Web forms: a company's own, a site builder's, or the page that priyom hosts.

A delivery is a POST of JSON, of `application/x-www-form-urlencoded` or of `multipart/form-data` (RFC 7578). A form is
public, so nobody proves who he is. `receive` opens the body only for what names the delivery (an `Idempotency-Key`
header or a `submission_id` field) and for the mark of the hosted form; what the fields mean is read by `parse`.

The rooms: `opening` makes of bytes a document of names and values; `names` knows what a field's name says, `campaign`
which marks count, and `fields` makes of a document an inbound; `page`, with `form.html`, is what a browser is shown, and
`embed` the same form for anybody's page; `origins` is whose scripts may read the answer.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

import orjson
from pydantic import field_validator

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import ChannelConfig, Rejected
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Request, digest
from channels.webform import campaign, embed, fields, origins, page
from channels.webform.opening import (
    LONGEST_NAME,
    MOST_FILES,
    MULTIPART,
    URLENCODED,
    Opened,
    content_type_of,
    file_name,
    media_type,
    opened,
)
from kernel.ids import uuid7
from kernel.texts import LANGUAGES, Language, storable

_OWN_FIELDS: Final = (page.MARK, "submission_id")
_KEPT_HEADERS: Final = (("origin", "Origin"), ("referer", "Referer"), ("user_agent", "User-Agent"))
_LONGEST_IDEMPOTENCY_KEY: Final = 255
_FORM_TYPES: Final = frozenset({URLENCODED, MULTIPART})


class Config(ChannelConfig):
    """A web form. `origins`: the sites whose scripts may read the answer; empty means any."""

    origins: tuple[str, ...] = ()
    consent: page.ConsentConfig | None = None

    @field_validator("origins", mode="before")
    @classmethod
    def _are_listed(cls, written: object) -> object:
        return [written] if isinstance(written, str) else written

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(origins.origin, written))


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
        self._pages = page.Pages(name, config.origins, consent, language)
        self._consent_meta = {"consent_version": consent.version or ""} if consent else {}
        if consent and consent.url:
            self._consent_meta["consent_url"] = consent.url

    def receive(self, request: Request) -> Sequence[Envelope]:
        """One envelope. Raises Rejected: 405, 415, 400 not readable as its type, 422 no object or no consent."""
        if request.method != "POST":
            raise Rejected(405, "method_not_allowed", "send the form by POST")
        content_type = content_type_of(request)
        form = opened(content_type, request.body)
        meta = self._meta(request, content_type)
        rendered = self._rendered(form, request)
        if rendered is not None:
            meta["form"] = str(rendered)
            self._require_consent(form)
        same = form.digest()
        return (Envelope(self.name, _identity(request, form, same), request.body, request.at, meta, same),)

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        """202: a thank-you page for a browser, else the envelope's id. Raises Rejected: 422, another body's key."""
        taken = accepted[0]
        if taken.conflict:
            raise Rejected(422, "idempotency_conflict", "this Idempotency-Key was used before with another body")
        headers = origins.reading(self.config.origins, request.headers.get("Origin"))
        if self._is_browser(request):
            return self._pages.thanks(self._language(request), headers)
        # Tilda tries a new address with `test=test` and wants to hear exactly 200 (its help, "Webhook").
        status = 200 if request.body == b"test=test" else 202
        return Answer(status, orjson.dumps({"id": taken.id, "duplicate": taken.duplicate}), headers=headers)

    def preflight(self, request: Request) -> Answer:
        """What a script of an allowed origin may send."""
        return Answer(204, b"", headers=origins.sending(self.config.origins, request.headers.get("Origin")))

    def refused(self, request: Request, refusal: Rejected) -> Answer | None:
        """A page for a browser, and for a script the JSON error with CORS headers, without which it could not read it.

        Where only the consent is missing, the page is the form with what was typed.
        """
        asking = request.headers.get("Origin")
        headers = origins.reading(self.config.origins, asking)
        if self._is_browser(request):
            if refusal.code == "consent_required":
                return self._asked_again(request)
            return self._pages.refused(self._language(request), headers, refusal.status)
        if asking is None:
            return None
        error = {"error": {"code": refusal.code, "message": str(refusal)}}
        return Answer(refusal.status, orjson.dumps(error), headers=headers)

    def page(self, request: Request) -> Answer:
        """The hosted form. It carries on the campaign parameters of its own address, and the page that led to it."""
        hidden = self._fresh(request)
        hidden |= campaign.marks([request.query.items()])
        if referrer := storable(request.headers.get("Referer", "")[: fields.LONGEST_ADDRESS]):
            hidden["referrer"] = referrer
        return self._pages.form(self._language(request), hidden)

    def script(self, request: Request) -> Answer:
        """The same form by a script tag. The page that has the tag tells its own address, and so its campaign."""
        headers = origins.reading(self.config.origins, request.headers.get("Origin"))
        return embed.script(self.name, self._language(request), self._fresh(request), self.config.consent, headers)

    def _fresh(self, request: Request) -> dict[str, str]:
        """What a form carries unseen: its mark, and an id that makes sending it twice one delivery."""
        return {page.MARK: page.mark(self.secret, self.name, request.at), "submission_id": uuid7()}

    def parse(self, envelope: Envelope) -> Inbound | Ignored:
        """What the form says; a filled honeypot, a form filled within two seconds and Tilda's trial are ignored."""
        rendered = envelope.meta.get("form")
        form = opened(envelope.meta.get("content_type", ""), envelope.body)
        values = fields.values_of(form.document)
        trial = values == {"test": ["test"]}
        trapped = rendered is not None and any(map(str.strip, values.get(page.HONEYPOT, ())))
        for own in _OWN_FIELDS if trapped or rendered is None else (*_OWN_FIELDS, page.HONEYPOT):
            values.pop(own, None)
        inbound = fields.inbound(values, envelope, form.files)
        if trapped:
            return Ignored("honeypot", inbound)
        if rendered is not None and page.too_fast(int(rendered), envelope.received_at):
            return Ignored("filled_too_fast", inbound)
        return Ignored("test_ping", inbound) if trial else inbound

    def _meta(self, request: Request, content_type: str) -> dict[str, str]:
        meta = {"content_type": content_type, **self._consent_meta}
        for key, header in _KEPT_HEADERS:
            if value := request.headers.get(header):
                meta[key] = storable(value[: fields.LONGEST_ADDRESS])
        if request.remote:
            meta["remote"] = storable(request.remote[:LONGEST_NAME])
        if request.query and (marks := campaign.marks([request.query.items()])):
            meta["query"] = urlencode(marks)
        if request.cut:
            meta["cut"] = "\n".join(map(file_name, request.cut[:MOST_FILES]))
        return meta

    def _rendered(self, form: Opened, request: Request) -> int | None:
        """When the hosted form was rendered, in milliseconds since 1970; None without a valid mark."""
        if page.MARK not in form.document:
            return None
        return page.rendered(self.secret, self.name, form.first(page.MARK), request.at)

    def _require_consent(self, form: Opened) -> None:
        consent = self.config.consent
        if consent and consent.required and not fields.agreed(form.first("consent")):
            raise Rejected(422, "consent_required", "this form is taken only with the consent that it asks for")

    def _is_browser(self, request: Request) -> bool:
        """Whether a person waits for a page: a form type, and HTML preferred, or nothing preferred and a valid mark."""
        content_type = content_type_of(request)
        if media_type(content_type) not in _FORM_TYPES:
            return False
        wanted = page.wants_page(request.headers.get("Accept", ""))
        if wanted is not None or page.MARK.encode() not in request.body:
            return bool(wanted)
        with suppress(Rejected):
            return self._rendered(opened(content_type, request.body), request) is not None
        return False

    def _language(self, request: Request) -> Language:
        return next((known for known in LANGUAGES if known == request.query.get("lang")), self.language)

    def _asked_again(self, request: Request) -> Answer:
        """The form with what was typed. Mark and submission_id stay: nothing was accepted under them."""
        several = fields.values_of(opened(content_type_of(request), request.body).document)
        values = {name: found[-1] for name, found in several.items()}
        hidden = {name: values[name] for name in (*_OWN_FIELDS, "referrer") if name in values}
        typed = {name: values.get(name, "") for name in page.TYPED}
        return self._pages.asked_again(self._language(request), hidden | campaign.marks([values.items()]), typed)


def _identity(request: Request, form: Opened, same: bytes) -> str | None:
    """What names the delivery. The digest stands for a `submission_id`, since the body that it is of holds it."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if key:
        if len(key) > _LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
            key = digest(key.encode("utf-8", "surrogatepass")).hex()
        return f"key:{key}"
    return f"submission:{same.hex()}" if form.first("submission_id") else None
