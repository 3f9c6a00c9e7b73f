"""A worker holds so many envelopes, and so many bytes, whichever is reached first."""

from ingest.pipeline.in_hand import BATCH, BATCH_BYTES, HANDED, HANDED_BYTES, InHand, next_limit
from storage.journal import Claimed
from tests.ingest.parts import envelope

MB = 1024 * 1024


def claimed(count: int, size: int) -> list[Claimed]:
    body = b"x" * size
    return [Claimed(number, str(number), envelope(body), 1, as_client=False) for number in range(count)]


def test_small_ones_are_counted() -> None:
    hand = InHand()
    hand.add(claimed(HANDED - 1, 10))
    assert not hand.is_full
    hand.add(claimed(1, 10))
    assert hand.is_full
    assert [len(hand.take()) for _ in range(3)] == [BATCH, BATCH, 0]


def test_large_ones_are_weighed() -> None:
    hand = InHand()
    hand.add(claimed(HANDED_BYTES // (6 * MB) + 1, 6 * MB))
    assert hand.is_full
    assert len(hand.take()) == BATCH_BYTES // (6 * MB)
    assert not hand.is_full
    hand.clear()
    hand.add(claimed(2, BATCH_BYTES + 1))
    assert [len(hand.take()) for _ in range(3)] == [1, 1, 0]


def test_after_large_ones_fewer_are_claimed_until_they_are_small_again() -> None:
    few = next_limit(BATCH, claimed(20, 4 * MB))
    assert few == BATCH_BYTES // (4 * MB)
    assert next_limit(BATCH, claimed(1, BATCH_BYTES * 2)) == 1
    limits = [few]
    while limits[-1] < BATCH:
        limits.append(next_limit(limits[-1], claimed(limits[-1], 10)))
    assert limits == [4, 8, 16, 32, 64, BATCH]
