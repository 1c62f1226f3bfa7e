"""A proxy of the engine's DynamoDB that refuses writes which conflict with a transaction, as AWS does.

The engine processes one request after the other, so that its transactions never conflict. In AWS a transaction locks its items while it
runs, and another write of one of them is refused with TransactionConflict. In this proxy a transaction takes a given time.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager
from typing import Any

from engine import proxy

Item = tuple[str, str]


def before(engine_port: int, seconds: float) -> AbstractContextManager[Conflicts]:
    """Runs the proxy in a thread until the context ends."""
    return proxy.running(Conflicts(engine_port, seconds))


class Conflicts(proxy.Proxy):
    """Proxies the engine at `engine_port`; each transaction takes `seconds`."""

    def __init__(self, engine_port: int, seconds: float) -> None:
        super().__init__(engine_port)
        self.seconds = seconds
        self.held: set[Item] = set()
        self.transactions = self.refused = 0

    async def answer(self, head: bytes, body: bytes, forward: proxy.Forward) -> bytes:
        target = proxy.header(head, "x-amz-target").rpartition(".")[2]
        if target == "TransactWriteItems":
            items = [_place(action) for action in json.loads(body)["TransactItems"]]
            self.transactions += 1
            if self.held.intersection(items):
                self.refused += 1
                await asyncio.sleep(self.seconds / 2)  # a refusal takes time, too
                return _refusal([item in self.held for item in items])
            self.held.update(items)
            try:
                await asyncio.sleep(self.seconds)
                return await forward()
            finally:
                self.held.difference_update(items)
        if target in ("PutItem", "UpdateItem", "DeleteItem") and _place({"": json.loads(body)}) in self.held:
            return error("TransactionConflictException", {})
        return await forward()


def _place(action: dict[str, Any]) -> Item:
    write = next(iter(action.values()))
    key = write.get("Key") or write["Item"]
    return key["pk"]["S"], key["sk"]["S"]


def _refusal(conflicts: list[bool]) -> bytes:
    reasons = [{"Code": "TransactionConflict" if conflict else "None"} for conflict in conflicts]
    return error("TransactionCanceledException", {"CancellationReasons": reasons})


def error(kind: str, more: dict[str, Any]) -> bytes:
    """Returns an error response of DynamoDB."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": kind, **more}).encode()
    return (f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n"
            f"content-length: {len(body)}\r\n\r\n").encode() + body
