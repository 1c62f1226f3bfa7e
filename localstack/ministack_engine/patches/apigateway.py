"""The HTTP API tells functions who calls, and leaves `/health` to them."""

from __future__ import annotations

from typing import Any


def tell_the_callers_address(apigateway: Any, responses: Any) -> None:
    """Puts the caller's own address into the events of HTTP functions, as AWS does; the engine says 127.0.0.1 of everybody."""
    run = apigateway.run_reentrant

    def with_address(function: Any, *arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, dict) and "http" in argument.get("requestContext", {}):
                argument["requestContext"]["http"]["sourceIp"] = responses.get_request_client_ip()
        return run(function, *arguments, **named)

    apigateway.run_reentrant = with_address


def leave_health_to_the_shop(ministack: Any) -> None:
    """Lets `/health` through to the HTTP API, as AWS does; the engine answers it for itself, whatever the host."""
    ministack._HEALTH_PATHS = tuple(path for path in ministack._HEALTH_PATHS if path != "/health")
