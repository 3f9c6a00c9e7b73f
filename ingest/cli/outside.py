"""Whether the address that providers and browsers are given leads here: asked from this machine, as far as that can tell."""

import ssl
from asyncio import timeout
from typing import Final

from aiohttp import ClientConnectorCertificateError, ClientError, ClientSession

from channels.adapter import Misconfigured, Probe

WITHIN: Final = 20.0
_ALIVE: Final = b'{"status":"ok"}'
_LONGEST: Final = 10_000


async def reached(address: str) -> Probe:
    """Ask `address`/healthz. Raises Misconfigured where somebody else answers, or nobody would trust the certificate.

    No answer proves nothing: the daemon may not run yet, and not every network lets its own outer address be reached from within.
    """
    asked = f"{address}/healthz"
    try:
        async with (
            timeout(WITHIN),
            ClientSession(trust_env=True) as session,
            session.get(asked, allow_redirects=False) as response,
        ):
            status, body = response.status, await response.content.read(_LONGEST)
    except (ClientConnectorCertificateError, ssl.SSLError) as error:
        raise Misconfigured(
            f"the certificate of {address} would not be trusted; renew it where TLS ends, in the proxy before priyom"
        ) from error
    except (ClientError, OSError, TimeoutError) as error:
        return Probe(_unproved(asked, type(error).__name__), tried=False)
    if status >= 500:  # noqa: PLR2004 - what a proxy says of a server that is not there
        return Probe(_unproved(asked, f"status {status}"), tried=False)
    if body.replace(b" ", b"") != _ALIVE:
        raise Misconfigured(
            f"{asked} answers with the status {status}, and not as priyom does; have the proxy pass everything under this "
            "address on to http.host and http.port, or correct http.public_url"
        )
    return Probe(f"{asked} leads here; forms, exchanges and webhooks under it do, too")


def _unproved(asked: str, why: str) -> str:
    return f"{asked} does not answer from here ({why}): start priyom, and open it from another network"
