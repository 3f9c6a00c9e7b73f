"""Whether the configured Redis can carry wake-ups, tried without leaving anything in it."""

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError, ResponseError

from channels.adapter import Misconfigured, Probe, Unavailable
from ingest.wakes.line import pool_of


async def probe(url: str) -> Probe:
    """Ask it for its version. Raises Unavailable and Misconfigured, without the address."""
    redis = Redis(connection_pool=pool_of(url))
    try:
        about = await redis.info("server")
    except (AuthenticationError, AuthorizationError) as error:
        raise Misconfigured("Redis refuses the user or the password; correct redis.url") from error
    except ResponseError as error:
        raise Misconfigured(
            "Redis refuses a plain question; see that the database's number exists and that this user may use all commands"
        ) from error
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"Redis does not answer ({type(error).__name__}); see that host, port and TLS are right, and that it runs"
        ) from error
    finally:
        await redis.aclose(close_connection_pool=True)
    name = about.get("server_name", "redis")
    return Probe(f"it answers: {name} {about.get(f'{name}_version', '')}".rstrip())
