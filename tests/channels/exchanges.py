"""What telephone exchanges send, signed as they sign it."""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from multidict import CIMultiDict

from channels.message import Request
from channels.telephony import Adapter, Config

NOW: Final = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
SECRETS: Final = {name: f"the-{name}-of-an-exchange" for name in ("api_key", "salt", "secret", "token")}
NEEDED: Final = {"mango": ("api_key", "salt"), "megafon": ("token",)}

SIGNED: Final = {
    "NOTIFY_START": ("caller_id", "called_did", "call_start"),
    "NOTIFY_INTERNAL": ("caller_id", "called_did", "call_start"),
    "NOTIFY_END": ("caller_id", "called_did", "call_start"),
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_OUT_START": ("internal", "destination", "call_start"),
    "NOTIFY_OUT_END": ("internal", "destination", "call_start"),
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
    "SMS": ("result",),
}


def adapter(dialect: str, **config: Any) -> Adapter:
    """A channel of this dialect; the secrets are those that the functions below sign with."""
    secrets = {name: SECRETS[name] for name in NEEDED.get(dialect, ("secret",))}
    written = Config.model_validate({"kind": "telephony", "dialect": dialect, **secrets, **config})
    return Adapter("pbx", written, secret=b"k" * 32, language="ru")


def post(body: str, *, tail: str = "", **headers: str) -> Request:
    """A POST as the gateway reads it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", tail, {}, CIMultiDict(named), body.encode(), NOW)


def mango_body(said: Mapping[str, Any]) -> str:
    """A signed form of Mango's."""
    text = json.dumps(said, ensure_ascii=False)
    sign = sha256(f"{SECRETS['api_key']}{text}{SECRETS['salt']}".encode()).hexdigest()
    return urlencode({"vpbx_api_key": SECRETS["api_key"], "sign": sign, "json": text})


def mango_post(said: Mapping[str, Any], tail: str = "events/call") -> Request:
    """A signed delivery of Mango's."""
    return post(mango_body(said), tail=tail)


def mango_event(
    state: str,
    *,
    entry: str = "entry",
    leg: str = "leg",
    seq: int = 1,
    location: str = "abonent",
    caller: Mapping[str, str] | None = None,
    called: Mapping[str, str] | None = None,
    timestamp: int = 1788253140,
) -> dict[str, Any]:
    """An event of one leg: a client calls line 101, unless something else is said."""
    return {
        "entry_id": entry,
        "call_id": leg,
        "seq": seq,
        "timestamp": timestamp,
        "call_state": state,
        "location": location,
        "from": caller or {"number": "79161234567"},
        "to": called or {"extension": "101", "number": "sip:anna@example.com", "line_number": "74951234567"},
    }


def zadarma_post(event: str, **form: str) -> Request:
    """A signed notification of Zadarma's."""
    said = "".join(form.get(name, "") for name in SIGNED[event])
    signature = b64encode(hmac.new(SECRETS["secret"].encode(), said.encode(), "sha1").hexdigest().encode()).decode()
    return post(urlencode({"event": event, **form}), Signature=signature)


def megafon_body(cmd: str, **form: str) -> str:
    """A command of MegaFon's about a call from a client to line 101."""
    usual = {"cmd": cmd, "callid": "c1", "phone": "79161234567", "ext": "101", "diversion": "74951234567"}
    return urlencode({**usual, "crm_token": SECRETS["token"], **form})


def megafon_post(cmd: str, **form: str) -> Request:
    """The same as a delivery."""
    return post(megafon_body(cmd, **form))
