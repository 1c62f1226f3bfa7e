"""Fixes of HTTP APIs: functions receive the caller's address and requests to `/health`."""

from __future__ import annotations

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
