"""Fixes of HTTP APIs: functions receive the caller's address and requests to `/health`, and routes are found quickly."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ministack_engine.patching import Engine


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


def _pattern_of(part: str) -> str:
    if part.startswith("{") and part.endswith("}"):
        return ".+" if part.endswith("+}") else "[^/]+"
    return re.escape(part)
