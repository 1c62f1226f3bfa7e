"""Counts the AWS calls of each function: `GET /_waybill/calls` returns rows of [function, service, operation,
count]."""

from __future__ import annotations

import contextvars
from collections import Counter
from typing import Any

from ministack_engine.patching import Engine

# The deployed name of the function whose call is being processed.
caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="")


def count_calls(engine: Engine) -> None:
    """Counts the calls of each function by the access key of its session, and informs `engine.call_listeners`."""
    sts, ministack = engine.module("services.sts"), engine.module("app")
    register, app = sts.register_session, ministack.app
    functions: dict[str, str] = {}
    calls: Counter[tuple[str, str, str]] = Counter()

    def register_session(access_key: str, session: dict[str, str]) -> Any:
        functions[access_key] = session["UserId"].rpartition(":")[2]
        return register(access_key, session)

    async def count(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            # AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …
            credential = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
            if len(credential) > 3 and credential[0] in functions:
                function, service = functions[credential[0]], credential[3]
                caller.set(function)
                for listener in engine.call_listeners:
                    listener(function, service)
                target = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
                calls[function, service, target or scope["path"]] += 1
        await app(scope, receive, send)

    async def rows(*_: Any) -> list[list[Any]]:
        return [[*call, times] for call, times in calls.items()]

    engine.replace(sts, "register_session", register_session)
    engine.replace(ministack, "app", count)
    engine.routes["/_waybill/calls"] = rows
