"""Empty stores for the tests of the ways in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import migrate, revisions
from storage.store import Store
from tests.ingest.stand import Stores


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    made = Store(f"sqlite:///{path}")
    migrate.create(made)
    made.transact_raw(revisions.prepare)
    made.close()
    return path


@pytest.fixture
def stores(template: Path, tmp_path: Path) -> Iterator[Stores]:
    """As many as a test asks for."""
    with Stores(template, tmp_path) as made:
        yield made
