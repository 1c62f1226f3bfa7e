"""Fills a store with orders, past the API: copies of some that are there, under other ids, for other users.

A part of the engine: `POST /_waybill/orders?copies=<n>` with `{"table": …, "orders": [ids]}` makes so many copies in all, and
answers with how many items the table then has. What is not a key is shared with what was copied, so that a million fit into memory:
about 3 KB each. No stream tells of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

ORDERS_PER_USER = 10

Item = dict[str, Any]


def copies(order: list[Item], new_order: str, new_user: str) -> Iterator[Item]:
    """The items of one order under other ids: the log and what is known of the payment, and the order as it stands."""
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
    """All items of an order: its partition, and the view, which lies with the customer who placed it."""
    log = table["items"][f"ORDER#{order}"]
    user = log["EVENT#000001"]["actor"]["M"]["user_id"]["S"]
    return [*log.values(), table["items"][f"USER#{user}"][f"ORDER#{order}"]]


def fill(dynamodb: Any, table_name: str, orders: list[str], how_many: int) -> int:
    """Makes `how_many` copies of `orders`, which take turns."""
    table = dynamodb._tables[table_name]
    templates = [items_of(table, order) for order in orders]
    gc.disable()  # none of this is garbage; and neither is it looked at ever again
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
    """An order id of version 7, of some time in the past years; a table has orders of all times."""
    random = uuid.uuid4().int
    moment = 0x0180_0000_0000 + random % 0x0020_0000_0000
    return str(uuid.UUID(int=moment << 80 | 0x7 << 76 | 0b10 << 62 | random & ((1 << 62) - 1) ^ number))


def offer(ministack: Any, dynamodb: Any) -> None:
    """Answers `POST /_waybill/orders`."""
    app = ministack.app

    async def offering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/_waybill/orders":
            return await app(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        wanted, query = json.loads(body), parse_qs(scope["query_string"].decode())
        # In a thread, which has the tables of the caller's region in its context.
        items = await asyncio.to_thread(fill, dynamodb, wanted["table"], wanted["orders"], int(query["copies"][0]))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps({"items": items}).encode()})

    ministack.app = offering
