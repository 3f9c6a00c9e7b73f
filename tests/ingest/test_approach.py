"""What routing is told of an approach: its source, its addressee, and the numbers of whoever it is from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels.adapter import ChannelConfig
from channels.message import Inbound
from dedup.keys import identify
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.rules.approach import enquiry_from, source_from
from ingest.rules.rulebook import Rulebook, compile_rulebook
from tests.ingest.parts import company

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Exchange(ChannelConfig):
    """A kind that is called."""

    numbers: Mapping[str, str]


def rulebook(**more: Any) -> Rulebook:
    channels = {
        "site": {"kind": "webform", "source": "Сайт", "team": "sales"},
        "bare": {"kind": "webform", "source": None, "team": None},
        "pbx": {"kind": "telephony", "source": None, "team": None, "numbers": {"8 495 123-45-67": "Яндекс Директ"}},
    }
    return compile_rulebook(1, company(channels=channels, **more))


def test_the_called_number_names_the_source_in_whatever_spelling() -> None:
    assert source_from(rulebook(), "pbx", Inbound("call", to="74951234567")) == "Яндекс Директ"
    assert source_from(rulebook(), "pbx", Inbound("call", to="101")) == "pbx"
    assert source_from(rulebook(), "pbx", Inbound("call")) == "pbx"


def test_a_lead_has_its_channels_source_or_its_name_where_nothing_else_is_said() -> None:
    assert source_from(rulebook(), "site", Inbound("form", campaign={"utm_source": "yandex"})) == "Сайт"
    assert source_from(rulebook(), "bare", Inbound("form")) == "bare"
    assert source_from(rulebook(), "gone", Inbound("form")) == "gone"


def test_the_rules_are_told_whom_it_was_sent_to_by_whom_and_in_which_language() -> None:
    rules = rulebook()
    said = Inbound(
        "form",
        text="+7 912 345-67-89",
        phones=("8 916 123-45-67 доб. 5",),
        emails=("a@example.com",),
        to="Info <INFO@example.com>",
        fields={"language": "kk"},
    )
    found = identify(said.phones, said.emails, said.identities, said.text, rules.keys)
    enquiry = enquiry_from(rules, "site", said, found, known=True, at=NOW)
    assert (enquiry.to, enquiry.phones, enquiry.language) == ("info@example.com", ("+79161234567",), "kk")
    assert (enquiry.source, enquiry.channel_source, enquiry.channel_team) == ("Сайт", "Сайт", "sales")
    assert (enquiry.known, enquiry.at) == (True, NOW)


def test_the_numbers_of_a_channel_that_is_called_reach_the_rulebook() -> None:
    pbx = Exchange(kind="telephony", numbers={"84951234567": "Листовка"})
    config = Config.model_validate({}).model_copy(update={"channels": {"pbx": pbx}})
    rules = compile_rulebook(1, revision_document(config))
    assert rules.origins["pbx"].numbers == {"+74951234567": "Листовка"}


def test_a_rulebook_knows_how_many_other_keys_make_a_key_shared() -> None:
    assert rulebook().shared_over is None
    matching = {
        "shared": {"emails": [], "phones": [], "over": 8},
        "enquiry": {"reopen_within": "14d", "new_after": "30d"},
    }
    assert rulebook(matching=matching).shared_over == 8
