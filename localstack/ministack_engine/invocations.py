"""Invocations of functions at the engine's IP address, where the HTTP API is served otherwise."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from ministack_engine.patching import Engine
from ministack_engine.responses import answer_json

INVOCATION = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")

# Engines check no signatures, but read the region and the user from them. `test` is the account's root.
AUTHORIZATION = b"AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/lambda/aws4_request, SignedHeaders=host, Signature=0"


def invoke_by_address(engine: Engine) -> None:
    """Answers `cargo lambda invoke`, which calls an IP address without a signature and knows only logical ids."""
    ministack = engine.module("app")
    app = ministack.app

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        found = INVOCATION.fullmatch(scope["path"]) if scope["type"] == "http" else None
        headers = {name.lower(): value for name, value in scope["headers"]} if found else {}
        if found is None or b"authorization" in headers:
            await app(scope, receive, send)
        elif (name := await asyncio.to_thread(engine.deployed_name, found["function"])) is None:
            unknown = f"no function has the logical id {found['function']}; functions/*/template.yaml have them"
            await answer_json(send, {"errorType": "ResourceNotFoundException", "errorMessage": unknown}, status=404)
        else:
            path = f"/2015-03-31/functions/{name}/invocations"
            signed = {**headers, b"host": b"localhost", b"authorization": AUTHORIZATION}
            await app({**scope, "path": path, "raw_path": path.encode(), "headers": list(signed.items())}, receive, send)

    engine.replace(ministack, "app", serve)
