"""Who asks: a program with the API's token, or a person with a session. The same proof for the API and for the pages."""

import hmac
from typing import Final

from aiohttp import web

from desk.openapi import COOKIE
from desk.ports import Entrance, Visitor

PROGRAM: Final = Visitor("api", "director")
CSRF_HEADER: Final = "X-CSRF-Token"
SESSION_SECONDS: Final = 30 * 24 * 3600
_SAFE: Final = frozenset({"GET", "HEAD"})


class Access:
    """`secure`: the desk is reached by https, and its cookie never travels without. Raises ValueError for an empty token."""

    def __init__(self, token: str, entrance: Entrance, *, secure: bool = False) -> None:
        if not token:
            raise ValueError("the API needs a token")
        self.entrance = entrance
        self._token = token.encode()
        self._secure = secure

    async def visitor(self, request: web.Request) -> Visitor | None:
        """Who asks; None for a stranger. Who sends a token is judged by that alone. Raises Refused, 503."""
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, given = header.partition(" ")
            proved = scheme.lower() == "bearer" and _same(given.strip(), self._token)
            return PROGRAM if proved else None
        cookie = request.cookies.get(COOKIE)
        return await self.entrance.visitor(cookie) if cookie else None

    def sign_in(self, response: web.StreamResponse, cookie: str) -> None:
        """Give a browser its cookie. Lax, so that a link in a mail leads in; what changes anything asks for a token besides."""
        response.set_cookie(
            COOKIE, cookie, max_age=SESSION_SECONDS, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )

    def sign_out(self, response: web.StreamResponse) -> None:
        """Take the cookie back."""
        response.del_cookie(COOKIE, path="/", secure=self._secure, httponly=True, samesite="Lax")


def is_forged(request: web.Request, visitor: Visitor, given: str) -> bool:
    """Whether a request that changes something lacks its session's token: a foreign page can send the cookie only."""
    if request.method in _SAFE or visitor.csrf is None:
        return False
    return not _same(given, visitor.csrf.encode())


def _same(given: str, wanted: bytes) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted)
