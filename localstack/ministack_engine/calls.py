"""Counts inside the engine what each function asks of AWS: `GET /_waybill/calls`, and `GET /_waybill/meter` for the meter."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ministack_engine import meter
from ministack_engine.responses import answer_json


def count_calls(ministack: Any, sts: Any, metered: meter.Meter) -> None:
    """Counts what each function asks of AWS; `GET /_waybill/calls` tells: [function, service, operation, how often], and
    `GET /_waybill/meter` what AWS would bill from then on."""
    register, app = sts.register_session, ministack.app
    functions: dict[str, str] = {}
    calls: Counter[tuple[str, str, str]] = Counter()

    def register_session(access_key: str, session: dict[str, str]) -> Any:
        functions[access_key] = session["UserId"].rpartition(":")[2]
        return register(access_key, session)

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/_waybill/calls":
                return await answer_json(send, [[*call, times] for call, times in calls.items()])
            if scope["path"] == "/_waybill/meter":
                metered.on = True
                return await answer_json(send, metered.rows())
            headers = dict(scope["headers"])
            # AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …
            credential = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
            if len(credential) > 3 and credential[0] in functions:
                function, service = functions[credential[0]], credential[3]
                meter.caller.set(function)
                if service != "dynamodb":
                    metered.add(function, service, "calls")
                target = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
                calls[function, service, target or scope["path"]] += 1
        await app(scope, receive, send)

    sts.register_session, ministack.app = register_session, counting
