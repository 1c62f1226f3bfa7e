"""`GET /_waybill/pushes` of the engine: the push messages of each device."""

from __future__ import annotations

from typing import Any

from ministack_engine.responses import answer_json


def show_pushes(ministack: Any, pushes: dict[str, list[dict[str, str]]]) -> None:
    """`GET /_waybill/pushes` tells what was pushed to each token."""
    app = ministack.app

    async def showing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/_waybill/pushes":
            return await answer_json(send, pushes)
        await app(scope, receive, send)

    ministack.app = showing
