"""The API's token that a store made for itself: what a command reads beside a daemon that runs."""

from typing import Final

from ingest.config.schema import Config
from storage import revisions
from storage.store import Away, Store

SETTING: Final = "api_token"


def stored_token(config: Config) -> str | None:
    """The token; None where the store has none yet."""
    store = Store(config.storage.url.get_secret_value())
    try:
        return store.peek(lambda db: revisions.setting(db, SETTING))
    except Away:
        return None
    finally:
        store.close()
