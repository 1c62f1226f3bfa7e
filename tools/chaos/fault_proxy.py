"""A proxy between the functions and the engine that injects a plan's faults into their calls to AWS.

A call is throttled, fails, or its connection is cut before or after it was processed.
"""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import parse_qs

from engine import proxy
from engine.conflicts import error
from engine.fault_plan import CallFault, Plan

Call = tuple[str, str]


class FaultProxy(proxy.Proxy):
    """Proxies the engine at `engine_port`. Faults are injected while it is `armed`."""

    def __init__(self, engine_port: int, plan: Plan) -> None:
        super().__init__(engine_port)
        self.plan = plan
        self.armed = False
        self.calls: Counter[Call] = Counter()
        self.faults: Counter[tuple[str, CallFault]] = Counter()

    async def answer(self, head: bytes, body: bytes, forward: proxy.Forward) -> bytes | None:
        if not self.armed:
            return await forward()
        service, operation = call_of(head, body)
        n = self.calls[service, operation]
        self.calls[service, operation] += 1
        fault = self.plan.call(service, operation, n)
        if fault is not None:
            self.faults[service, fault] += 1
        if fault is CallFault.THROTTLED:
            return _throttled(operation, body, self.plan.roll(f"throttled/{operation}", n))
        if fault is CallFault.FAILED:
            return _failed(service)
        if fault is CallFault.CUT_BEFORE:
            return None
        answer = await forward()
        return None if fault is CallFault.CUT_AFTER else answer


def call_of(head: bytes, body: bytes) -> Call:
    """Returns the service and the operation of a request."""
    # AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …
    scope = _scope(proxy.header(head, "authorization"))
    target = proxy.header(head, "x-amz-target").rpartition(".")[2]
    if target:
        return scope, target
    if proxy.header(head, "content-type").startswith("application/x-www-form-urlencoded"):
        return scope, parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0]
    method, path, *_ = head.split(b" ", 2)
    return scope, f"{method.decode()} {path.decode()}"


def _scope(authorization: str) -> str:
    """Returns the service that a request was signed for."""
    parts = authorization.partition("Credential=")[2].split("/")
    return parts[3] if len(parts) > 3 else ""


def _throttled(operation: str, body: bytes, roll: float) -> bytes:
    """Returns a throttling error of DynamoDB, under one of its two names. For a transaction, it is a cancellation reason."""
    if operation == "TransactWriteItems" and roll < 0.5:
        count = len(json.loads(body)["TransactItems"])
        throttled = int(roll * 2 * count)
        reasons = [{"Code": "ThrottlingError" if index == throttled else "None"} for index in range(count)]
        return error("TransactionCanceledException", {"CancellationReasons": reasons})
    return error("ProvisionedThroughputExceededException" if roll < 0.75 else "ThrottlingException", {})


def _failed(service: str) -> bytes:
    """Returns an internal error in the protocol of the service."""
    if service == "sns":
        status, kind = "500 Internal Server Error", "text/xml"
        text = "<ErrorResponse><Error><Type>Receiver</Type><Code>InternalError</Code><Message>It failed.</Message></Error></ErrorResponse>"
    else:
        status, kind = ("500 Internal Server Error" if service == "dynamodb" else "503 Service Unavailable"), "application/json"
        name = "InternalServerError" if service == "dynamodb" else "ServiceUnavailable"
        text = json.dumps({"__type": name, "message": "It failed."})
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()
