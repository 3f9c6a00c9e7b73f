"""The company whose daemon is tried: its channels, its two teams, and the places that its configuration names."""

from dataclasses import dataclass
from typing import Any, Final

from tests import imap, telegram
from tests.channels.exchanges import SECRETS

Json = dict[str, Any]

TOKEN: Final = "token-of-the-proof"
CAPACITY: Final = 12
"""Open leads that each manager of the service team may have."""
SALES: Final = ("anna", "boris", "vera")
SERVICE: Final = ("dasha", "egor")
SWITCHED: Final = ("boris", "egor")
"""Managers who go away and come back meanwhile."""
VISITING: Final = "gleb"
"""Whom reloads of the configuration take into the sales team, and out of it."""
CONFIRMATION: Final = "confirm1"
VK_SECRET: Final = "secretOfTheCommunity"
GROUP: Final = 123456
ENVIRONMENT: Final = {
    "PRIYOM_API_TOKEN": TOKEN,
    "MAIL_PASSWORD": imap.PASSWORD,
    "MANGO_KEY": SECRETS["api_key"],
    "MANGO_SALT": SECRETS["salt"],
    "TG_TOKEN": telegram.TOKEN,
    "VK_SECRET": VK_SECRET,
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the daemon finds everything. `mailbox` is (port, user, folder), None where no mail server is to be had."""

    store: str
    mail_out: int
    telegram: str
    mailbox: tuple[int, str, str] | None = None
    redis: str = ""


def document(places: Places, port: int, *, visited: bool = True) -> Json:
    """The configuration of a daemon that listens on `port`."""
    sales = [*SALES, *([VISITING] if visited else [])]
    managers: Json = {name: {"name": name.title(), "email": f"{name}@example.com"} for name in sales}
    managers |= {name: {"name": name.title(), "email": f"{name}@example.com", "capacity": CAPACITY} for name in SERVICE}
    smtp = {"host": "127.0.0.1", "port": places.mail_out, "tls": False}
    made: Json = {
        "http": {"host": "127.0.0.1", "port": port},
        "api": {"token": "${PRIYOM_API_TOKEN}"},
        "storage": {"url": places.store},
        "channels": {
            "site": {"kind": "webform", "source": "Сайт"},
            "service": {"kind": "webform", "source": "Сервис"},
            "pbx": {"kind": "telephony", "dialect": "mango", "api_key": "${MANGO_KEY}", "salt": "${MANGO_SALT}"},
            "vk": {
                "kind": "vk",
                "mode": "callback",
                "group_id": GROUP,
                "secret": "${VK_SECRET}",
                "confirmation": CONFIRMATION,
            },
            "bot": {"kind": "telegram", "token": "${TG_TOKEN}", "api_base": places.telegram},
        },
        "matching": {"shared": {"emails": ["info@*"]}},
        "managers": managers,
        "teams": {"sales": {"managers": sales}, "service": {"managers": list(SERVICE)}},
        "routing": [{"when": {"channel": ["service"]}, "team": "service"}, {"team": "sales"}],
        "notices": {"email": {"smtp": smtp, "from": "leads@example.com"}},
    }
    if places.redis:
        made["redis"] = {"url": places.redis}
    if places.mailbox is not None:
        mail_port, user, folder = places.mailbox
        server = {"host": "127.0.0.1", "port": mail_port, "tls": False}
        made["accounts"] = {"info": {"imap": server, "user": user, "password": "${MAIL_PASSWORD}"}}
        made["channels"]["info"] = {"kind": "mail", "account": "info", "folders": [folder], "start": "all"}
    return made
