"""A month of a department and a morning after a night, simulated over the store; `tests.ingest.month` says what must hold."""

from datetime import timedelta

import pytest

from storage.store import Store
from tests.ingest.month import month, morning


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test says otherwise."""
    return str(getattr(request, "param", "sqlite"))


async def test_a_month_of_twelve_people_keeps_every_promise_after_every_event(store: Store) -> None:
    figures = month(store, days=30, leads_a_day=3)
    assert figures.leads > 50
    assert figures.widest <= figures.widest_bound
    assert set(figures.offers) >= {"turn", "own_client"}
    assert {"accepted", "declined", "expired"} <= set(figures.answers)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_busy_day_keeps_every_promise_over_postgresql_too(store: Store) -> None:
    figures = month(store, days=1, leads_a_day=30, seed=5)
    assert figures.leads > 20


async def test_eighty_leads_of_a_night_flood_nobody_and_the_urgent_go_first(store: Store) -> None:
    came = morning(store)
    assert came.figures.most_held == 3
    assert len(came.urgent_offered) == 10
    assert max(came.urgent_offered) == timedelta(0)
    assert max(came.urgent_offered) <= min(came.offered)
    assert (len(came.accepted), came.left) == (80, 0)
    assert max(came.accepted) < timedelta(minutes=30)
