"""Stands between clients and the engine's DynamoDB, and refuses as AWS does what meets a transaction on the same item.

The engine does one thing after the other, so that its transactions never meet. In AWS a transaction has its items for as long as it takes,
and another write of one of them is refused meanwhile: TransactionConflict. Here a transaction takes as long as it is told to.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

Item = tuple[str, str]


@contextmanager
def before(engine_port: int, seconds: float) -> Iterator[Conflicts]:
    """Serves in a thread as long as the context lasts."""
    conflicts, loop = Conflicts(engine_port, seconds), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(conflicts.serve(), loop).result()
    conflicts.port = server.sockets[0].getsockname()[1]
    try:
        yield conflicts
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Conflicts:
    """A server on loopback, before the engine at `engine_port`; each transaction lasts `seconds`."""

    def __init__(self, engine_port: int, seconds: float) -> None:
        self.engine_port, self.seconds = engine_port, seconds
        self.held: set[Item] = set()
        self.transactions = self.refused = self.port = 0

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._client, "127.0.0.1", 0)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", self.engine_port)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    writer.write(await self._answer(*await _message(reader), upstream))
                    await writer.drain()
        finally:
            upstream[1].close()
            writer.close()

    async def _answer(self, head: bytes, body: bytes,
                      upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
        async def forward() -> bytes:
            upstream[1].write(head + body)
            return b"".join(await _message(upstream[0]))

        target = next((line.split(b".")[-1].decode().strip() for line in head.split(b"\r\n")
                       if line.lower().startswith(b"x-amz-target:")), "")
        if target == "TransactWriteItems":
            items = [_place(action) for action in json.loads(body)["TransactItems"]]
            self.transactions += 1
            if self.held.intersection(items):
                self.refused += 1
                await asyncio.sleep(self.seconds / 2)  # it takes a while to be refused, too
                return _refusal([item in self.held for item in items])
            self.held.update(items)
            try:
                await asyncio.sleep(self.seconds)
                return await forward()
            finally:
                self.held.difference_update(items)
        if target in ("PutItem", "UpdateItem", "DeleteItem") and _place({"": json.loads(body)}) in self.held:
            return _error("TransactionConflictException", {})
        return await forward()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _place(action: dict[str, Any]) -> Item:
    write = next(iter(action.values()))
    key = write.get("Key") or write["Item"]
    return key["pk"]["S"], key["sk"]["S"]


def _refusal(conflicts: list[bool]) -> bytes:
    reasons = [{"Code": "TransactionConflict" if conflict else "None"} for conflict in conflicts]
    return _error("TransactionCanceledException", {"CancellationReasons": reasons})


def _error(kind: str, more: dict[str, Any]) -> bytes:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": kind, **more}).encode()
    return (f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n"
            f"content-length: {len(body)}\r\n\r\n").encode() + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One HTTP message with its body, whose length its head says."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    return head, await reader.readexactly(length)
