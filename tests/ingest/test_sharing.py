"""What processes share among them: roles, and bells that are heard here or carried elsewhere."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.bells import Bells
from ingest.opening import roles_over
from ingest.roles import ALL, UnknownRole, named, parsed
from storage.store import Store


def test_a_bell_that_somebody_here_hears_is_not_carried_elsewhere() -> None:
    bells, told = Bells(), list[str]()
    bells.carried_by(told.append)
    bells.work.heard_by(lambda: told.append("here"))
    bells.work()
    bells.send()
    assert told == ["here", "tell", "say"]


def test_what_has_changed_is_said_to_others_only_and_heard_from_them_only() -> None:
    bells, told = Bells(), list[str]()
    bells.carried_by(told.append)
    bells.changed.heard_by(lambda: told.append("here"))
    bells.changed()
    assert told == ["changed"]
    bells.heard("changed")
    assert told == ["changed", "here"]


def test_roles_are_read_in_any_order_and_named_in_theirs() -> None:
    assert named(parsed(["desk", " receive"])) == ["receive", "desk"]
    assert parsed(["desk", "work", "listen", "receive"]) == ALL


@pytest.mark.parametrize(("names", "said"), [(["desc"], "there is no role 'desc'"), ([""], "no role is named")])
def test_a_role_that_does_not_exist_is_refused_with_those_that_do(names: list[str], said: str) -> None:
    with pytest.raises(UnknownRole, match=f"{said}.*receive,listen,work,desk"):
        parsed(names)


def test_on_sqlite_one_process_does_everything_and_says_so(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'priyom.db'}")
    with capture_logs() as said:
        assert roles_over(store, ALL) == ALL
        assert said == []
        assert roles_over(store, frozenset({"receive"})) == ALL
    assert [(one["action"], one["log_level"], one["wanted"]) for one in said] == [
        ("daemon.all_roles", "warning", ["receive"])
    ]
    store.close()
