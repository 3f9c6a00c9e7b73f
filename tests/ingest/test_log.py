"""What leaves the process as a log line: a stable action, and no secrets and no personal data."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ingest import log as logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that receives the logs as JSON, with one known secret."""
    out = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure(["s3cr3t-value"], as_json=True, stream=out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("the password is s3cr3t-value!", "the password is ***!"),
        ("call +7 (912) 345-67-89 now", "call *** now"),
        ("call 8 912 345 67 89", "call ***"),
        ("write to Anna.Petrova+promo@mail.example.com", "write to ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("https://api.example.com/bot123:AbC/getMe", "https://api.example.com/bot***/getMe"),
        ("postgresql://user:pass@host/db", "postgresql://user:***@host/db"),
        ("?token=abc&x=1", "?token=***&x=1"),
        ("lead 01a20059-6967-77d4-9c0a-e52c0960d1dd", "lead 01a20059-6967-77d4-9c0a-e52c0960d1dd"),
        ("at 2026-11-21T23:03:08.463354Z", "at 2026-11-21T23:03:08.463354Z"),
        ("at 2026-11-21 23:03:08", "at 2026-11-21 23:03:08"),
        ("port 8080, size 123456", "port 8080, size 123456"),
    ],
)
def test_a_line_is_scrubbed_of_secrets_and_personal_data_and_of_nothing_else(written: str, left: str) -> None:
    assert logs.scrub(written, ["s3cr3t-value"]) == left


def test_our_own_line_is_scrubbed_and_keeps_its_action(stream: io.StringIO) -> None:
    structlog.get_logger("priyom.test").info("a call from +79123456789", action="test.line", key="s3cr3t-value")
    (line,) = lines(stream)
    assert line["action"] == "test.line"
    assert line["event"] == "a call from ***"
    assert line["key"] == "***"


def test_a_line_of_a_library_is_scrubbed_too(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").warning("bad request from %s", "anna@example.com")
    assert lines(stream)[0]["event"] == "bad request from ***"


def test_of_an_exception_only_its_type_and_place_are_logged(stream: io.StringIO) -> None:
    try:
        int("Анна Петрова")
    except ValueError:
        structlog.get_logger("priyom.test").exception("it failed", action="test.failed")
        logging.getLogger("aiohttp.server").exception("it failed there")
    assert "Анна" not in stream.getvalue()
    for line in lines(stream):
        assert line["error"] == "ValueError"
        assert "test_of_an_exception" in str(line["traceback"])
