"""The engine's own responses under `/_waybill/`, always in JSON."""

from __future__ import annotations

import json
from typing import Any

from ministack_engine.patching import Engine


async def answer_json(send: Any, body: Any, status: int = 200) -> None:
    """Answers a request with a JSON body."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def read_json(receive: Any) -> Any:
    """Reads the JSON body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return json.loads(body)


def serve_routes(engine: Engine) -> None:
    """Answers the paths that other additions register in `engine.routes`, before MiniStack sees the request."""
    ministack = engine.module("app")
    app = ministack.app

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        route = engine.routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await app(scope, receive, send)
        else:
            await answer_json(send, await route(scope, receive))

    engine.replace(ministack, "app", serve)
