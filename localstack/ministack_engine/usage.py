"""What each role was really asked to be allowed, as the engine decides it: `GET /_waybill/grants` tells.

A row is [role, action, resource, how often]; of a transaction each of its parts counts, as IAM takes it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


def count_grants(ministack: Any, iam_evaluator: Any) -> None:
    """Counts what is allowed to roles; only an engine that enforces IAM asks."""
    evaluate, app = iam_evaluator.evaluate, ministack.app
    allowed: Counter[tuple[str, str, str]] = Counter()

    def counting(context: Any, *policies: Any) -> Any:
        result = evaluate(context, *policies)
        if result.decision == "Allow" and ":assumed-role/" in context.principal_arn:
            role = context.principal_arn.split(":assumed-role/")[1].split("/")[0]
            allowed[role, context.action, context.resource_arn] += 1
        return result

    async def showing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/_waybill/grants":
            return await app(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps([[*grant, times] for grant, times in allowed.items()]).encode()})

    iam_evaluator.evaluate, ministack.app = counting, showing
