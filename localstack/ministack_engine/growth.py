"""Fills a table with orders without the API: copies existing orders under other ids, for other users.

`POST /_waybill/orders?copies=<n>` with `{"table": …, "orders": [ids]}` makes n copies in all and returns the number of
items that the table then has. Attributes that are not keys are shared with the original, so that a million orders fit
into memory at about 3 KB each. The table's stream has no records of the copies.
"""

from __future__ import annotations

import asyncio
import gc
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from ministack_engine.patching import Engine
from ministack_engine.responses import read_json

ORDERS_PER_USER = 10

Item = dict[str, Any]


def copies(order: list[Item], new_order: str, new_user: str) -> Iterator[Item]:
    """Yields the items of an order (its events, its payment and its view) with other ids."""
    log, user = {"S": f"ORDER#{new_order}"}, {"S": f"USER#{new_user}"}
    for item in order:
        if item["pk"]["S"].startswith("ORDER#"):
            yield {**item, "pk": log}
        else:
            shard = item["gsi1pk"]["S"].rpartition("#")[0]
            yield {**item, "pk": user, "sk": log, "id": {"S": new_order}, "gsi1sk": {"S": new_order},
                   "gsi1pk": _shared(f"{shard}#{uuid.UUID(new_order).bytes[-1] % 4}"), "user_id": {"S": new_user}}


_SHARED: dict[str, dict[str, str]] = {}


def _shared(text: str) -> dict[str, str]:
    return _SHARED.setdefault(text, {"S": text})


def items_of(table: dict[str, Any], order: str) -> list[Item]:
    """Returns all items of an order: those of its partition, and the view in the partition of the customer who placed it."""
    log = table["items"][f"ORDER#{order}"]
    user = log["EVENT#000001"]["actor"]["M"]["user_id"]["S"]
    return [*log.values(), table["items"][f"USER#{user}"][f"ORDER#{order}"]]


def fill(dynamodb: Any, table_name: str, orders: list[str], how_many: int) -> int:
    """Makes `how_many` copies in all, of each of `orders` in turn, and returns the number of items in the table."""
    table = dynamodb._tables[table_name]
    templates = [items_of(table, order) for order in orders]
    gc.disable()  # none of the copies is garbage, and the collector never examines frozen objects
    try:
        user = ""
        for number in range(how_many):
            if number % ORDERS_PER_USER == 0:
                user = str(uuid.uuid4())
            for item in copies(templates[number % len(templates)], _earlier(number), user):
                dynamodb._set_item(table, item["pk"]["S"], item["sk"]["S"], item)
        gc.freeze()
    finally:
        gc.enable()
    return int(table["ItemCount"])


def _earlier(number: int) -> str:
    """Returns an order id of version 7 whose time is somewhere in the past years, as in a table that grew over time."""
    random = uuid.uuid4().int
    moment = 0x0180_0000_0000 + random % 0x0020_0000_0000
    return str(uuid.UUID(int=moment << 80 | 0x7 << 76 | 0b10 << 62 | random & ((1 << 62) - 1) ^ number))


def fill_orders(engine: Engine) -> None:
    """Serves `POST /_waybill/orders`."""
    dynamodb = engine.module("services.dynamodb")

    async def copy_orders(scope: Any, receive: Any) -> dict[str, int]:
        wanted, query = await read_json(receive), parse_qs(scope["query_string"].decode())
        # A thread of `to_thread` has the region of this context, which DynamoDB's tables are looked up by.
        return {"items": await asyncio.to_thread(fill, dynamodb, wanted["table"], wanted["orders"], int(query["copies"][0]))}

    engine.routes["/_waybill/orders"] = copy_orders
