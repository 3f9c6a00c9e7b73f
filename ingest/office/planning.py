"""What a changed file would change, as facts: between the revision in force and the one that a file makes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from storage.revisions import renamed

Json = dict[str, Any]

_ENTRIES: Final = {"channels": "channel", "managers": "manager", "teams": "team"}
_RULES: Final = ("routing", "topics", "title")
SECTIONS: Final = ("matching", "calendars", "hours", "region", "timezone", "reasons")


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], held: Mapping[str, int], waiting: Mapping[str, int]
) -> list[Json]:
    """Each difference as `{"code", "name", …}`. `held`: open leads by manager; `waiting`: unprocessed leads by team.

    Codes: `{channel|manager|team}_{added|removed|renamed|changed}`, `rules_changed`, `settings_changed`. A removed manager
    comes with his `open_leads`, a removed team with its `waiting_leads`: people decide what becomes of them.
    """
    if before is None:
        return [{"code": "first", "name": None}]
    found: list[Json] = []
    for section, noun in _ENTRIES.items():
        found += _entries(noun, before.get(section, {}), after.get(section, {}))
    for one in found:
        if one["code"] == "manager_removed":
            one["open_leads"] = held.get(one["name"], 0)
        if one["code"] == "team_removed":
            one["waiting_leads"] = waiting.get(one["name"], 0)
    rules = [name for name in _RULES if before.get(name) != after.get(name)]
    settings = [name for name in after if name not in {*_ENTRIES, *_RULES} and before.get(name) != after.get(name)]
    if rules:
        found.append({"code": "rules_changed", "name": None, "keys": rules})
    if settings:
        found.append({"code": "settings_changed", "name": None, "keys": settings})
    return found


def _entries(noun: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Json]:
    names = renamed(before, after)
    for old, new in names.items():
        yield {"code": f"{noun}_renamed", "name": new, "was": old}
    for name in before:
        if name not in after and name not in names:
            yield {"code": f"{noun}_removed", "name": name}
    for name, entry in after.items():
        earlier = before.get(name)
        if earlier is None:
            if name not in names.values():
                yield {"code": f"{noun}_added", "name": name}
            continue
        keys = sorted(key for key in {*entry, *earlier} if key != "was" and entry.get(key) != earlier.get(key))
        if keys:
            yield {"code": f"{noun}_changed", "name": name, "keys": keys}
