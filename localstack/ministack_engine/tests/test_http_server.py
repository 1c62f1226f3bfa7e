"""The patch of the HTTP server."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

import hypercorn.asyncio
from hypercorn.config import Config

from engine.stack import free_port
from engine.wait import STALLED_SECONDS, wait_until
from ministack_engine.patches.http_server import serve_with_uvicorn
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed


def test_serve_with_uvicorn_fits(engine: Engine) -> None:
    policy = asyncio.get_event_loop_policy()
    try:
        serve_with_uvicorn(engine)
        status, headers, body = asyncio.run(exchange())
    finally:
        asyncio.set_event_loop_policy(policy)
    assert (status, body) == (200, "/orders/a%20b?x=1 from 127.0.0.1"), "X-Forwarded-For is ignored"
    assert not {"date", "server"} & headers, "MiniStack sends its own"


def test_serve_with_uvicorn_is_needed(engine: Engine) -> None:
    assert_needed("serve_with_uvicorn", "from hypercorn.asyncio import serve" in inspect.getsource(engine.module("app").main))


def is_connected(connection: HTTPConnection) -> bool:
    """Connects, and returns whether the server listens."""
    with suppress(ConnectionRefusedError):
        connection.connect()
    return connection.sock is not None


async def exchange() -> tuple[int, set[str], str]:
    """Serves an application on a free port, and returns the response to one request."""
    port = free_port()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        text = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()} from {scope['client'][0]}"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": text.encode()})

    def request() -> tuple[int, set[str], str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=STALLED_SECONDS)
        wait_until(lambda: is_connected(connection), "the server")
        connection.request("GET", "/orders/a%20b?x=1", headers={"X-Forwarded-For": "203.0.113.9"})
        response = connection.getresponse()
        return response.status, {name.lower() for name, _ in response.getheaders()}, response.read().decode()

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    server = asyncio.create_task(hypercorn.asyncio.serve(app, config))
    found = await asyncio.to_thread(request)
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server
    return found
