"""The patches of HTTP APIs."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from unittest.mock import MagicMock

from ministack_engine.patches.apigateway import compile_routes_once, deliver_before_closing, pass_source_ip, route_health_to_api
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

CALLER = "203.0.113.9"


def source_ip(engine: Engine) -> Any:
    """Returns the caller's address in the event that a function receives for a request of CALLER."""
    apigateway, lambdas, responses = (engine.module(name) for name in ("services.apigateway", "services.lambda_svc", "core.responses"))
    events = []

    def execute(_function: Any, event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return {"body": {"statusCode": 204}}

    engine.replace(lambdas, "_get_func_record_for_ref_in_scope", lambda *_, **__: ({}, {}, "function"))
    engine.replace(lambdas, "_execute_function_with_config_scope", execute)

    async def invoke() -> Any:
        responses.set_request_client_ip(CALLER)
        return await apigateway._invoke_lambda_proxy({"integrationUri": "function"}, "api", "$default", "/orders", "GET", {}, b"", {})

    assert asyncio.run(invoke())[0] == 204
    return events[0]["requestContext"]["http"]["sourceIp"]


def answers_health(engine: Engine, path: str) -> bool:
    return engine.module("app")._handle_health_request(path, "request") is not None


def splits_of_a_second_request(engine: Engine) -> int:
    """Returns how many routes are taken apart for a request of a path that was requested before."""
    apigateway = engine.module("services.apigateway")
    counting = MagicMock(wraps=re)
    engine.replace(apigateway, "re", counting)
    for _ in range(2):
        counting.split.reset_mock()
        apigateway._path_matches("/orders/{id}", "/orders/7")
    return counting.split.call_count


def test_compile_routes_once_fits(engine: Engine) -> None:
    apigateway = engine.module("services.apigateway")
    paths = ("/", "/orders", "/orders/7", "/orders/7/", "/orders/7/events", "/orders/a.b", "/ordersX7", "/")
    routes = ("/", "/orders", "/orders/{id}", "/orders/{id}/events", "/{proxy+}", "/orders/{rest+}", "/orders/a.b")

    def matching() -> list[bool]:
        return [apigateway._path_matches(route, path) for route in routes for path in paths]

    before = matching()
    compile_routes_once(engine)
    assert matching() == before and splits_of_a_second_request(engine) == 0


def test_compile_routes_once_is_needed(engine: Engine) -> None:
    assert_needed("compile_routes_once", splits_of_a_second_request(engine) == 1)


def delivered_before_closing(engine: Engine) -> bool:
    """Posts a message and closes its connection, and returns whether the message was sent before the end."""
    apigateway = engine.module("services.apigateway")

    async def post_and_close() -> bool:
        outbox: asyncio.Queue[str] = asyncio.Queue()
        closing = asyncio.Event()
        apigateway._ws_connections["connection"] = {"apiId": "api", "outbox": outbox, "close_event": closing}

        async def send_late() -> bool:
            await asyncio.sleep(0.05)
            return await outbox.get() == "a message" and not closing.is_set()

        sending = asyncio.create_task(send_late())
        await apigateway.handle_connections_api("POST", "api", "live", "connection", b"a message", {})
        assert (await apigateway.handle_connections_api("DELETE", "api", "live", "connection", b"", {}))[0] == 204
        return await sending

    return asyncio.run(post_and_close())


def test_deliver_before_closing_fits(engine: Engine) -> None:
    deliver_before_closing(engine)
    assert delivered_before_closing(engine)


def test_deliver_before_closing_is_needed(engine: Engine) -> None:
    assert_needed("deliver_before_closing", not delivered_before_closing(engine))


def test_pass_source_ip_fits(engine: Engine) -> None:
    pass_source_ip(engine)
    assert source_ip(engine) == CALLER


def test_pass_source_ip_is_needed(engine: Engine) -> None:
    assert_needed("pass_source_ip", source_ip(engine) == "127.0.0.1")


def test_route_health_to_api_fits(engine: Engine) -> None:
    route_health_to_api(engine)
    assert not answers_health(engine, "/health")
    assert answers_health(engine, "/_ministack/health"), "engine.stack asks this one"


def test_route_health_to_api_is_needed(engine: Engine) -> None:
    assert_needed("route_health_to_api", answers_health(engine, "/health"))
