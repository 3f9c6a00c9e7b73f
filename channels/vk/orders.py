"""An order in the community's shop, https://dev.vk.com/ru/reference/objects/market-order (market_order_new). Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels.message import Inbound

Json = Mapping[str, Any]


def read(order: Json, identities: tuple[tuple[str, str], ...]) -> Inbound:
    """What somebody has ordered: his comment and the goods, a line each. VK shows up to five of them."""
    recipient, delivery = order.get("recipient") or {}, order.get("delivery") or {}
    found = {
        "order_id": order.get("display_order_id") or order["id"],
        "total_price": (order.get("total_price") or {}).get("text"),
        "items_count": order.get("items_count"),
        "address": delivery.get("address") or order.get("address"),
        "delivery": delivery.get("type"),
    }
    goods = [_goods(item) for item in order.get("preview_order_items") or ()]
    date = order.get("date")
    return Inbound(
        kind="order",
        text="\n".join(filter(None, (str(order.get("comment") or ""), *goods))),
        name=str(recipient.get("name") or "") or None,
        phones=tuple(filter(None, (str(recipient.get("phone") or ""),))),
        identities=identities,
        at=datetime.fromtimestamp(date, UTC) if isinstance(date, int) else None,
        ref=f"order:{order['id']}",
        fields={name: str(value) for name, value in found.items() if value},
    )


def _goods(item: Json) -> str:
    title = item.get("title") or (item.get("item") or {}).get("title") or item.get("item_id") or ""
    return f"{title} × {item.get('quantity') or 1}"
