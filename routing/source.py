"""Where a lead came from, in the company's words where it has given any."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final
from urllib.parse import urlsplit

from kernel.facts import fact
from routing.words import fold

CLICK_IDS: Final = {
    "yclid": "Яндекс Директ",
    "ymclid": "Яндекс Маркет",
    "gclid": "Google Ads",
    "gbraid": "Google Ads",
    "wbraid": "Google Ads",
    "dclid": "Google Ads",
    "vkclid": "VK Реклама",
    "rb_clickid": "VK Реклама",
    "msclkid": "Microsoft Advertising",
    "ttclid": "TikTok",
    "twclid": "X",
    "fbclid": "Facebook",
    "ysclid": "Яндекс",
}
"""What each network adds to the address of the page it leads to; the last two do so without advertising, too."""

_NETWORKS: Final = {
    "Яндекс Директ": ("yandex", "ya", "direct", "yandex direct", "ya direct"),
    "Google Ads": ("google", "adwords", "google ads", "googleads"),
    "VK Реклама": ("vk", "vkontakte", "vk ads", "mytarget", "my target"),
}
_NETWORK_OF: Final = {spelling: network for network, spellings in _NETWORKS.items() for spelling in spellings}
_PAID: Final = frozenset({"cpc", "ppc", "cpm", "cpa", "cpv", "paid", "paidsearch", "paid search"})
_JOINT: Final = re.compile(r"[\s._-]+")

_ENGINES: Final = (
    (re.compile(r"ya\.ru|yandex\.(?:[a-z]{2,3}|com\.tr)"), "Яндекс"),
    (re.compile(r"google\.(?:[a-z]{2,3}|com?\.[a-z]{2})"), "Google"),
    (re.compile(r"go\.mail\.ru"), "Mail.ru"),
    (re.compile(r"bing\.com"), "Bing"),
    (re.compile(r"duckduckgo\.com"), "DuckDuckGo"),
    (re.compile(r"(?:nova\.)?rambler\.ru"), "Рамблер"),
)


@fact
class Trail:
    """What an approach tells of its way here. `to` and the keys of `numbers` are as `addressee` gives them.

    `numbers` has the company's words for each called number or mailbox of the channel, `channel_source` those for the
    channel as a whole.
    """

    channel: str
    channel_source: str | None = None
    to: str | None = None
    numbers: Mapping[str, str] = field(default_factory=dict)
    campaign: Mapping[str, str] = field(default_factory=dict)
    referrer: str | None = None


def source_of(trail: Trail) -> str:
    """The first that says something: number called, campaign, click id, search engine, channel's source, its name.

    A campaign is `utm_source` with `utm_medium` or `utm_campaign`. A lone `utm_source`, which many a page adds to every
    link, comes after the channel's own source.
    """
    return (
        trail.numbers.get(trail.to or "")
        or (trail.campaign and (_campaign(trail.campaign) or _clicked(trail.campaign)))
        or (trail.referrer and _engine(trail.referrer))
        or trail.channel_source
        or _one_line(trail.campaign.get("utm_source", ""))
        or trail.channel
    )


def _campaign(marks: Mapping[str, str]) -> str | None:
    """`yandex / cpc` by its network's name, any other as it is written."""
    source, medium, campaign = (_one_line(marks.get(f"utm_{key}", "")) for key in ("source", "medium", "campaign"))
    if not source or not (medium or campaign):
        return None
    network = _NETWORK_OF.get(_JOINT.sub(" ", fold(source)))
    if network is not None and _JOINT.sub(" ", fold(medium)) in _PAID:
        return network
    return f"{source} / {medium or campaign}"


def _clicked(marks: Mapping[str, str]) -> str | None:
    return next((name for mark, name in CLICK_IDS.items() if marks.get(mark)), None)


def _engine(referrer: str) -> str | None:
    """The search engine that the client came from; its other services (mail, maps, documents) are none."""
    try:
        host = urlsplit(referrer).hostname or ""
    except ValueError:
        return None
    plain = host.removeprefix("www.")
    return next((name for pattern, name in _ENGINES if pattern.fullmatch(plain)), None)


def _one_line(value: str) -> str:
    return " ".join(value.split())[:60]
