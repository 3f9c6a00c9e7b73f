"""Daemons of a test, of which none outlives it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.process import Daemon
from tests.smtp import MailServer

Make = Callable[..., Daemon]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes daemons that are not started yet; each call with a folder of its own."""
    made: list[Daemon] = []

    def daemon(**sections: Any) -> Daemon:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Daemon(folder, **sections))
        return made[-1]

    yield daemon
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    """A mail server for a module's daemons."""
    with MailServer() as server:
        yield server
