"""Pages from facts: the templates, what they may call, and the headers under which a browser runs nothing but our own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from desk.ports import Visitor
from desk.texts import TEXTS, UNITS, age, moment_text, number
from kernel.texts import Language

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC: Final = {"desk.css": "text/css", "desk.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class View:
    """For whom a page is made. `root` leads from its address to the desk's own, so that any prefix of a proxy is kept."""

    language: Language
    root: str
    visitor: Visitor | None
    now: datetime
    zone: ZoneInfo
    said: str | None = None
    alarm: bool = False


def page(template: str, view: View, status: int = 200, **facts: Any) -> web.Response:
    """A page. Whatever stands in `facts` is escaped."""
    language = view.language
    html = (
        _environment()
        .get_template(template)
        .render(
            view=view,
            language=language,
            root=view.root,
            visitor=view.visitor,
            units=UNITS[language],
            t=partial(TEXTS.say, language=language),
            known=TEXTS.__contains__,
            count=partial(number, language=language),
            age=lambda text: age(datetime.fromisoformat(text), view.now, language),
            at=lambda text: moment_text(datetime.fromisoformat(text), view.now, view.zone, language),
            past=lambda text: text is not None and datetime.fromisoformat(text) < view.now,
            asset=lambda name: f"{view.root}static/{name}?{static(name)[1]}",
            **facts,
        )
    )
    return web.Response(status=status, text=html, content_type="text/html", headers=HEADERS)


@cache
def _environment() -> "Environment":
    import jinja2  # noqa: PLC0415 - only a process that shows a page pays for it

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def static(name: str) -> tuple[bytes, str]:
    """A file of the pages and the digest that its address carries, so that a browser may keep it. Raises KeyError."""
    if name not in STATIC:
        raise KeyError(name)
    content = (_HERE / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


def static_answer(name: str, headers: Mapping[str, str]) -> web.Response:
    """One of the files, for a year: another version has another address. Raises KeyError."""
    content, _ = static(name)
    return web.Response(
        body=content,
        content_type=STATIC[name],
        charset="utf-8",
        headers={**headers, "X-Content-Type-Options": "nosniff"},
    )
