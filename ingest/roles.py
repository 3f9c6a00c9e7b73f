"""What a process does: the four roles, any of which any number of processes can share on PostgreSQL."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

Role = Literal["receive", "listen", "work", "desk"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
ALL: Final = frozenset(ROLES)


class UnknownRole(ValueError):
    """No role has this name. The message says which there are."""


def parsed(names: Sequence[str]) -> frozenset[Role]:
    """The roles of these names. Raises UnknownRole."""
    wanted = {name.strip() for name in names} - {""}
    unknown = sorted(wanted - ALL)
    if unknown or not wanted:
        said = f"there is no role {unknown[0]!r}" if unknown else "no role is named"
        raise UnknownRole(f"{said}; write --roles with some of {','.join(ROLES)}, or leave it out for all")
    return frozenset(role for role in ROLES if role in wanted)


def named(roles: frozenset[Role]) -> list[Role]:
    """Them in their order."""
    return [role for role in ROLES if role in roles]
