"""A link stands for one choice of one person on one day, and for nothing else."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.notices.links import VALID, Expired, Forged, Linked, Links
from tests.ingest.parts import NOW

LINKS = Links(b"secret of the store")


@given(person=st.text(max_size=64), data=st.text(max_size=64), offer=st.none() | st.integers(0, 2**53))
def test_what_was_made_is_read(person: str, data: str, offer: int | None) -> None:
    clean = Linked(person.encode("utf-8", "ignore").decode(), data.encode("utf-8", "ignore").decode(), offer)
    assert LINKS.read(LINKS.token(clean, NOW), NOW) == clean


def test_a_link_ends_after_a_day() -> None:
    token = LINKS.token(Linked("anna", "accept:1"), NOW)
    LINKS.read(token, NOW + VALID)
    with pytest.raises(Expired):
        LINKS.read(token, NOW + VALID + timedelta(seconds=1))


@given(st.data())
def test_a_changed_link_is_none(data: st.DataObject) -> None:
    token = LINKS.token(Linked("anna", "accept:1", 7), NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AbZ-_9.").filter(lambda c: c != token[place]))
    with pytest.raises(Forged):
        LINKS.read(token[:place] + other + token[place + 1 :], NOW)


@given(st.text(max_size=80))
def test_junk_is_no_link(junk: str) -> None:
    with pytest.raises(Forged):
        LINKS.read(junk, NOW)


def test_another_store_s_link_is_none() -> None:
    with pytest.raises(Forged):
        LINKS.read(Links(b"another").token(Linked("anna", "away"), NOW), NOW)
