"""Fixes of API Gateway: functions receive the caller's address and requests to `/health`, routes are found quickly, and a message is
delivered before its WebSocket connection is closed."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import Any

from ministack_engine.patching import Engine

DELIVERY_CHECK_SECONDS = 0.01


def pass_source_ip(engine: Engine) -> None:
    """Puts the caller's address into the events of HTTP functions, as AWS does. MiniStack puts 127.0.0.1 into all of
    them."""
    apigateway, responses = engine.module("services.apigateway"), engine.module("core.responses")
    run = apigateway.run_reentrant

    def run_with_address(function: Any, *arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, dict) and "http" in argument.get("requestContext", {}):
                argument["requestContext"]["http"]["sourceIp"] = responses.get_request_client_ip()
        return run(function, *arguments, **named)

    engine.replace(apigateway, "run_reentrant", run_with_address)


def route_health_to_api(engine: Engine) -> None:
    """Routes `/health` to the HTTP API, as AWS does. MiniStack answers it itself, whatever the host."""
    ministack = engine.module("app")
    engine.replace(ministack, "_HEALTH_PATHS", tuple(path for path in ministack._HEALTH_PATHS if path != "/health"))


def compile_routes_once(engine: Engine) -> None:
    """Keeps the regular expression of each route. MiniStack makes those of all routes anew, twice for each request, which is a fifth of its
    own work for a request."""
    apigateway = engine.module("services.apigateway")

    @lru_cache(maxsize=1024)
    def pattern(route_path: str) -> re.Pattern[str]:
        parts = re.split(r"(\{[^}]+\})", route_path)
        return re.compile("".join(_pattern_of(part) for part in parts))

    def path_matches(route_path: str, request_path: str) -> bool:
        return pattern(route_path).fullmatch(request_path) is not None

    engine.replace(apigateway, "_path_matches", path_matches)


def deliver_before_closing(engine: Engine) -> None:
    """Closes a connection after the messages that were posted before. MiniStack sends them in a task that ends when the connection is
    closed, and loses a message that comes while this task looks for one twice a second."""
    apigateway = engine.module("services.apigateway")
    handle = apigateway.handle_connections_api

    async def handle_after_delivery(method: str, api_id: str, stage: str, connection_id: str, *rest: Any) -> Any:
        connection = apigateway._ws_connections.get(connection_id)
        if method == "DELETE" and connection is not None:
            while not (connection["outbox"].empty() or connection["close_event"].is_set()):  # noqa: ASYNC110 - there is no such event
                await asyncio.sleep(DELIVERY_CHECK_SECONDS)
        return await handle(method, api_id, stage, connection_id, *rest)

    engine.replace(apigateway, "handle_connections_api", handle_after_delivery)


def _pattern_of(part: str) -> str:
    if part.startswith("{") and part.endswith("}"):
        return ".+" if part.endswith("+}") else "[^/]+"
    return re.escape(part)
