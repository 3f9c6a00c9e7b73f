"""What a changed file would change: entries by name, renames, and the leads that people must think of."""

from typing import Any

from ingest.office.planning import differences
from tests.ingest.parts import company, manager, team


def found(before: dict[str, Any] | None, after: dict[str, Any], **held: int) -> list[dict[str, Any]]:
    return differences(before, after, held, {"south": 3})


def test_the_same_file_changes_nothing() -> None:
    assert found(company(), company()) == []


def test_the_first_file_of_a_store_says_so() -> None:
    assert [one["code"] for one in found(None, company())] == ["first"]


def test_a_manager_who_is_gone_comes_with_his_open_leads() -> None:
    after = company(managers={"boris": manager()}, teams={"sales": team("boris")})
    gone, changed = found(company(), after, anna=7)
    assert gone == {"code": "manager_removed", "name": "anna", "open_leads": 7}
    assert changed == {"code": "team_changed", "name": "sales", "keys": ["managers"]}


def test_a_rename_is_neither_a_loss_nor_a_newcomer() -> None:
    after = company(managers={"anna": manager(), "bob": manager(was="boris")})
    assert found(company(), after)[0] == {"code": "manager_renamed", "name": "bob", "was": "boris"}
    assert len([one for one in found(company(), after) if one["code"].startswith("manager")]) == 1


def test_a_rename_that_was_done_before_is_no_change() -> None:
    done = company(managers={"anna": manager(), "bob": manager(was="boris")})
    without = company(managers={"anna": manager(), "bob": manager()})
    assert found(done, without) == []


def test_a_team_that_is_gone_comes_with_its_waiting_leads() -> None:
    before = company(teams={"sales": team("anna"), "south": team("boris")})
    removed = next(
        one for one in found(before, company(teams={"sales": team("anna")})) if one["code"] == "team_removed"
    )
    assert removed == {"code": "team_removed", "name": "south", "waiting_leads": 3}


def test_rules_and_settings_are_told_by_their_keys() -> None:
    after = company(title="{name}", region="KZ")
    assert found(company(), after) == [
        {"code": "rules_changed", "name": None, "keys": ["title"]},
        {"code": "settings_changed", "name": None, "keys": ["region"]},
    ]
