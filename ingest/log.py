"""Logs: one line an event with a stable `action`; secrets and personal data are scrubbed where the line leaves the process."""

import logging
import re
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, TextIO

import structlog

_MASK: Final = "***"
_SHORTEST: Final = 6
_ADDRESS: Final = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Ten digits or more, as people write numbers; but no part of an id, a time or a hash, where digits stand beside letters or colons.
_PHONE: Final = re.compile(r"(?<![\w:.-])\+?\d(?:[\s().-]{0,2}\d){9,14}(?![\w:-])")
_TOKEN: Final = re.compile(r"(?i)(bearer\s+|/bot|token=|secret=|password=|(?<=://)[^/\s:@]+:)[^\s/&@\"']+")


class Scrubbing(logging.Formatter):
    """The last step of every handler: known secrets, tokens, telephone numbers and mail addresses become `***`."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)

    def add(self, secrets: Iterable[str]) -> None:
        """Know these too."""
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= _SHORTEST)}
        self._secrets = sorted(known, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The line, scrubbed."""
        return scrub(self._inner.format(record), self._secrets)


def also_scrub(secrets: Iterable[str]) -> None:
    """Keep these secrets out of the logs too, beside those that are known already."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Scrubbing):
            handler.formatter.add(secrets)


def scrub(line: str, secrets: Iterable[str] = ()) -> str:
    """`line` without secrets and personal data."""
    for secret in secrets:
        line = line.replace(secret, _MASK)
    line = _TOKEN.sub(lambda found: found[1] + _MASK, line)
    return _PHONE.sub(_MASK, _ADDRESS.sub(_MASK, line))


def configure(secrets: Iterable[str], *, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send structlog's and the libraries' logs to `stream` (standard error), for people on a terminal and as JSON elsewhere."""
    out = stream or sys.stderr
    plain = out.isatty() if as_json is None else not as_json
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_only,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(Scrubbing(formatter, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # aiohttp's access log would hold paths, and with them secrets of vendors' webhook addresses; aioimaplib's, lines of mail.
    for chatty in ("aiohttp.access", "aioimaplib", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns of every race that is lost with statements under way; the batch that is decided again says so itself.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def _frames_only(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of an exception, its type and where it passed; its own text may quote what a client wrote."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["traceback"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    return event
