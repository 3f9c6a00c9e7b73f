"""The floor of acceptance: an aiohttp handler that reads a JSON body, parses it and answers 202. `python -m bench.empty PORT`.

It is what any service costs here that takes JSON at all, before it keeps anything: routing, body, orjson, `web.Response`.
"""

import asyncio
import sys

import orjson
from aiohttp import web


async def ready(_: web.Request) -> web.Response:
    return web.Response()


async def accept(request: web.Request) -> web.Response:
    orjson.loads(await request.read())
    return web.Response(status=202)


async def serve(port: int) -> None:
    """Listen until killed, as the daemon does: no access log, the same backlog."""
    application = web.Application()
    application.add_routes([web.post("/in/site", accept), web.get("/readyz", ready)])
    runner = web.AppRunner(application, access_log=None, handler_cancellation=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


def main() -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        asyncio.run(serve(int(sys.argv[1])))
    else:
        uvloop.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
