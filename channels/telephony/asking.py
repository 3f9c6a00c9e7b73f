"""Asks Mango Office whether it knows our key and signature: by the balance, which changes nothing there and is not shown.

The only request that goes out to an exchange (vendor's document "API ВАТС", `account/balance`; a result of 1000 is a yes, those
from 3100 are about the request: an unknown key, a signature that does not fit).
"""

from asyncio import timeout
from hashlib import sha256
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import ClientError, ClientSession

from channels.adapter import Misconfigured, Unavailable

HOST: Final = "https://app.mango-office.ru"
WITHIN: Final = 20.0
"""Seconds for the whole of it."""
_BALANCE: Final = "/vpbx/account/balance"
_NOTHING: Final = "{}"
_LONGEST: Final = 10_000
_DONE: Final = 1000
_REFUSED: Final = range(3100, 3200)
_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


async def known(base: str, key: str, salt: str) -> None:
    """Returns where the exchange knows us. Raises Misconfigured, Unavailable."""
    sign = sha256(f"{key}{_NOTHING}{salt}".encode()).hexdigest()
    form = {"vpbx_api_key": key, "sign": sign, "json": _NOTHING}
    try:
        # A server of one's own is reached directly, the vendor's through the environment's proxy, where there is one.
        async with (
            timeout(WITHIN),
            ClientSession(trust_env=base == HOST) as session,
            session.post(f"{base}{_BALANCE}", data=form, allow_redirects=False) as response,
        ):
            status, body = response.status, await response.content.read(_LONGEST)
    except (ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"Mango Office cannot be reached ({type(error).__name__})") from error
    result = _result(body)
    if status in _DENIED or result in _REFUSED:
        raise Misconfigured(
            f"Mango Office refuses the key or its signature (result {result or status}); copy the code of the exchange to "
            "api_key and the key for the signature to salt, both from Integrations, API connector"
        )
    if result != _DONE:
        raise Unavailable(f"Mango Office answers with the result {result or status}")


def _result(body: bytes) -> int | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = document.get("result") if isinstance(document, dict) else None
    return int(found) if isinstance(found, int | str) and str(found).isdecimal() else None
