"""The hosted form for anybody's page: one script, which puts the form in the place of its tag and sends it from there."""

from collections.abc import Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import orjson

from channels.message import Answer
from channels.webform.page import HERE, HONEYPOT, TEXTS, TYPED, ConsentConfig, environment
from kernel.texts import Language

_PLACE: Final = '"{{ form }}"'
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-store",
}


def script(
    channel: str,
    language: Language,
    hidden: Mapping[str, str],
    consent: ConsentConfig | None,
    headers: Mapping[str, str],
) -> Answer:
    """The script with a form of its own: its mark is as old as the script is. `headers` are added to its own.

    Addresses are relative to the script's, so that they work below any prefix of a proxy.
    """
    say = partial(TEXTS.say, language=language)
    code, style = _sources()
    name = quote(channel, safe="")
    html = environment().get_template("fields.html").render(
        action="", hidden=hidden, typed=dict.fromkeys(TYPED, ""), error=None, consent=consent, honeypot=HONEYPOT, say=say
    )  # fmt: skip
    given = {
        "path": f"/form/{name}.js",
        "action": f"../in/{name}",
        "language": language,
        "style": style,
        "html": html,
        "title": say("title"),
        "intro": say("intro"),
        "thanks": [say("thanks_title"), say("thanks_next")],
        "consent": say("consent_required"),
        "refused": say("refused"),
        "troubles": {
            int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE): say("refused_too_large"),
            int(HTTPStatus.TOO_MANY_REQUESTS): say("refused_busy"),
            int(HTTPStatus.SERVICE_UNAVAILABLE): say("refused_busy"),
            0: say("refused_busy"),
        },
    }
    written = orjson.dumps(given, option=orjson.OPT_NON_STR_KEYS).decode()
    body = code.replace(_PLACE, written)
    return Answer(200, body.encode(), "text/javascript; charset=utf-8", {**headers, **_HEADERS})


@cache
def _sources() -> tuple[str, str]:
    code, style = ((HERE / name).read_text(encoding="utf-8") for name in ("embed.js", "embed.css"))
    return code, style
