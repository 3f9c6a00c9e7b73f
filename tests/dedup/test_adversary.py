"""Keys that do not tell people apart never join them, whatever a town throws at us; and how many are found."""

import pytest

from tests.dedup.adversary import STAFF, Adversary, judged

pytestmark = pytest.mark.no_cover


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("over", [None, 6])
def test_nobody_is_joined_by_what_the_rules_know_to_be_shared(
    seed: int, over: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    score = judged(list(Adversary(seed).approaches(500)), seed, over)
    with capsys.disabled():
        print(f"\nadversary {seed}, over {over}: {score}")
    assert score.wrong == 0
    assert score.recall > 0.5
    assert score.merges > 5


@pytest.mark.parametrize("seed", range(2))
def test_a_limit_for_shared_keys_parts_most_of_those_whom_an_unlisted_switchboard_joins(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    approaches = list(Adversary(seed, careless=True).approaches(500))
    without, limited = judged(approaches, seed), judged(approaches, seed, over=6)
    with capsys.disabled():
        print(f"\ncareless {seed}: without a limit {without}; over 6 {limited}")
    assert limited.precision > 2 * without.precision
    assert limited.recall > 0.3


def test_the_adversary_sends_staff_and_each_of_the_people() -> None:
    approaches = list(Adversary(1).approaches(500))
    truths = {said.truth for said in approaches}
    assert None in truths
    assert len(truths) == 61
    assert STAFF.domains
