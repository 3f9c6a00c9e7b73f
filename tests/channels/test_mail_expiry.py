"""When a mailbox's credentials end: what a token says of itself, what a server's certificate says, and when that is near."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from channels.mail import Adapter, Config
from channels.mail.connection import certified_until
from channels.mail.expiry import CERTIFICATE_AHEAD, TOKEN_AHEAD, of_certificate, of_token
from tests import imap, smtp

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def token(**claims: Any) -> str:
    """A JSON Web Token that nobody has signed."""
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", orjson.dumps(claims), b"mark"))


def test_a_token_of_an_hour_is_near_its_end_in_the_last_minutes_and_one_of_months_a_week_before() -> None:
    stamp = NOW.timestamp()
    (short,) = of_token("info", token(iat=stamp, exp=stamp + 3600))
    (long,) = of_token("info", token(iat=stamp, exp=stamp + 180 * 86400))
    (lone,) = of_token("info", token(exp=stamp))
    assert (short.at, short.ahead) == (NOW + HOUR, HOUR / 10)
    assert (long.at, long.ahead) == (NOW + 180 * DAY, TOKEN_AHEAD)
    assert (lone.at, lone.ahead) == (NOW, TOKEN_AHEAD)


@pytest.mark.parametrize(
    "text",
    [None, "", "ya29.opaque", "a.b.c", "...", token(), token(exp="soon"), token(exp=1e300), "a.W10.c", "é.é.é"],
)
def test_of_any_other_token_nothing_is_known(text: str | None) -> None:
    assert of_token("info", text) == []


async def test_a_certificate_says_its_end_and_a_bare_connection_nothing(tmp_path: Path) -> None:
    certificate = smtp.certificate(tmp_path)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for context, trusted in ((certificate.server, certificate.trusted()), (None, None)):
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
            until = certified_until(writer.transport)
            writer.close()
        if trusted is None:
            assert until is None
            assert of_certificate("mail:993", until) == []
        else:
            assert until is not None
            assert timedelta(days=1) < until - datetime.now(UTC) <= timedelta(days=2)
            (expiry,) = of_certificate("mail:993", until)
            assert expiry.at - expiry.ahead == until - CERTIFICATE_AHEAD


def test_a_token_in_a_file_is_looked_at_anew_and_one_that_is_gone_is_nobody_s_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    server = {"host": "127.0.0.1", "tls": False}
    given: Any = {"kind": "mail", "user": imap.USER, "imap": server, "token_file": file}
    adapter = Adapter("info", Config(**given), secret=b"k" * 32, language="ru")
    ends = []
    for later in (HOUR, 2 * HOUR):
        file.write_text(token(iat=NOW.timestamp(), exp=(NOW + later).timestamp()))
        ends += [(expiry.place, expiry.at) for expiry in adapter.expiries()]
    assert ends == [(imap.USER, NOW + HOUR), (imap.USER, NOW + 2 * HOUR)]
    file.unlink()
    assert adapter.expiries() == []
