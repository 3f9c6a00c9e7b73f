"""Managers as the store has them."""

from typing import Any

import sqlalchemy as sa

from storage.schema import managers, teams, turns

Json = dict[str, Any]


def manager_rows(db: sa.Connection) -> list[Json]:
    """Managers as the store has them, with their latest turn in each team."""
    latest: dict[int, dict[str, int]] = {}
    for manager, team, turn in db.execute(
        sa.select(turns.c.manager_id, teams.c.name, turns.c.turn).join(teams, teams.c.id == turns.c.team_id)
    ):
        latest.setdefault(manager, {})[team] = turn
    return [
        {
            "name": row.name,
            "available": bool(row.available),
            "open": row.open,
            "silences": row.silences,
            "leaving": bool(row.leaving),
            "version": row.version,
            "turns": latest.get(row.id, {}),
        }
        for row in db.execute(sa.select(managers).where(managers.c.role == "manager").order_by(managers.c.id))
    ]
