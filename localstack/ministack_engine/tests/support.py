"""Helpers for the tests of patches."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ministack_engine.patching import Engine


def assert_needed(patch: str, fault: bool) -> None:
    """Fails if MiniStack without the patch does not have the fault."""
    assert fault, f"MiniStack no longer needs {patch}: delete it"


def request(engine: Engine, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Sends a request to MiniStack in this process, and returns status and body of its answer."""
    path, _, query = path.partition("?")
    sent = iter([{"type": "http.request", "body": b"" if body is None else json.dumps(body).encode(), "more_body": False}])
    answered: list[dict[str, Any]] = []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost", **(headers or {})}.items()],
        "client": ("127.0.0.1", 1)}

    async def receive() -> dict[str, Any]:
        return next(sent, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    asyncio.run(engine.module("app").app(scope, receive, send))
    return answered[0]["status"], b"".join(message.get("body", b"") for message in answered[1:])


def is_served(engine: Engine, path: str, method: str = "GET") -> bool:
    """Whether MiniStack answers a path as the addition of that path would."""
    status, body = request(engine, method, path)
    return status == 200 and body[:1] in (b"{", b"[")
