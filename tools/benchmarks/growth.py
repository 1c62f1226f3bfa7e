"""Measures the same requests with few and with many stored orders."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.load import Load, Say, calls, until_quiet
from benchmarks.orders import product, stop_publishing
from benchmarks.rivals import checkout_body
from engine.api import Account, Api
from engine.aws import CREDENTIALS, Aws
from engine.problem import Problem
from engine.stack import REGION, Stack, running_pid
from engine.wait import wait_until

OWN_ORDERS = 10
AT_A_TIME = 50_000
COPY_LIMIT_SECONDS = 900.0  # for one batch of copies, which takes seconds
MAX_BYTES = 10 * 1024**3
COUNTED = 10
ENDPOINTS = {"POST /checkout": ("Checkout", "POST", "/checkout", 201), "GET /orders/{id}": ("GetOrder", "GET", "/orders/{id}", 200),
             "GET /orders": ("ListOrders", "GET", "/orders", 200)}


@dataclass(frozen=True)
class Grown:
    """The measurements with a given number of stored orders.

    Calls to AWS and quantiles are by endpoint; `raw` has the medians of reads without a function. Times are in microseconds.
    """

    orders: int
    engine_bytes: int
    calls: dict[str, dict[str, float]]
    measured: dict[str, dict[str, Any]]
    raw: dict[str, float]


def measure(load: Load, stack: Stack, outputs: dict[str, Any], sizes: tuple[int, ...], rounds: int, slice_ms: int,
            say: Say) -> list[Grown]:
    """Measures with each number of orders. One customer has ten paid orders; all others are copies of these, ten for each customer.

    The measured checkouts are another customer's, so that the first one always has ten orders.
    """
    api, aws = Api(stack.origin), Aws(stack.engine_url)
    admin = api.log_in(outputs["admin"]["email"], outputs["admin"]["password"])
    mug, customer, buyer = product(api, admin), api.customer(), api.customer()
    own = [_paid_order(api, customer, mug) for _ in range(OWN_ORDERS)]
    until_quiet(api, "the orders were paid")
    stop_publishing(aws, outputs["tables"])
    table, stored = outputs["tables"]["OrdersTable"], _stored(api, admin)
    grown: list[Grown] = []
    for size in sizes:
        while stored < size:
            more = min(AT_A_TIME, size - stored)
            _fill(stack, table, own, more)
            stored += more
            used = _engine_bytes(stack)
            if used > MAX_BYTES:
                raise Problem(f"with {stored} orders the engine takes {used / 1e9:.1f} GB, which is more than allowed")
            if stored % 250_000 == 0:
                say(f"{stored} orders stored, {used / 1e9:.1f} GB")
        customer, buyer = api.log_in(customer.email, customer.password), api.log_in(buyer.email, buyer.password)
        requests = {name: _call(name, api.origin, buyer if name == "POST /checkout" else customer, own[0], mug) for name in ENDPOINTS}
        counted = {name: _calls(api, outputs["functions"], name, requests[name]) for name in ENDPOINTS}
        reads = _reads(aws, table, customer.id, own[0])
        measured = _measured(load, requests, reads, rounds, slice_ms)
        raw = {name: measured[name].get("p50", float("inf")) for name in reads}
        raw["Query, 20 of the index, once"] = _index_query(aws, table)
        grown.append(Grown(size, _engine_bytes(stack), counted, measured, raw))
        medians = {name: measured[name]["p50"] / 1000 for name in ENDPOINTS if "p50" in measured[name]}
        say(f"{size} orders: " + ", ".join(f"{name} {median:.1f} ms" for name, median in medians.items()))
    return grown


def _paid_order(api: Api, customer: Account, mug: str) -> str:
    order = api.call("POST", "/api/v1/checkout", checkout_body(mug), token=customer.token).expect(201)["id"]
    path = f"/api/v1/orders/{order}"
    wait_until(lambda: api.call("GET", path, token=customer.token).expect(200)["status"], "an order to be paid",
               done=lambda status: status == "paid")
    return str(order)


def _stored(api: Api, admin: Account) -> int:
    return int(api.call("GET", "/api/v1/orders/stats", token=admin.token).expect(200)["orders"])


def _fill(stack: Stack, table: str, orders: list[str], copies: int) -> None:
    request = Request(f"{stack.origin}/_waybill/orders?copies={copies}", method="POST",
                      data=json.dumps({"table": table, "orders": orders}).encode())
    with build_opener(ProxyHandler({})).open(request, timeout=COPY_LIMIT_SECONDS) as response:
        json.load(response)


def _engine_bytes(stack: Stack) -> int:
    status = Path(f"/proc/{running_pid(stack)}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def _call(name: str, origin: str, customer: Account, order: str, mug: str) -> dict[str, Any]:
    _, method, path, _ = ENDPOINTS[name]
    headers = {"authorization": f"Bearer {customer.token}", "content-type": "application/json"}
    return {"url": f"{origin}/api/v1{path.replace('{id}', order)}", "headers": headers,
            "body": checkout_body(mug) if method == "POST" else None}


def _calls(api: Api, functions: dict[str, str], name: str, request: dict[str, Any]) -> dict[str, float]:
    """Returns the calls to AWS that one request causes in the function that answers it."""
    function, method, _, status = ENDPOINTS[name]
    before = calls(api)
    for _ in range(COUNTED):
        api.call(method, request["url"].removeprefix(api.origin), request["body"], headers=request["headers"]).expect(status)
    return {f"{service} {operation}": times / COUNTED
            for (named, service, operation), times in sorted((calls(api) - before).items()) if named == functions[function]}


def _measured(load: Load, requests: dict[str, dict[str, Any]], reads: dict[str, dict[str, Any]], rounds: int,
              slice_ms: int) -> dict[str, dict[str, Any]]:
    """Measures the endpoints and the engine in turn, with one client."""
    targets: list[dict[str, Any]] = [{"name": name, "method": method, "status": status, "calls": [requests[name]]}
               for name, (_, method, _, status) in ENDPOINTS.items()]
    targets += [{"name": name, "method": "POST", "status": 200, "calls": [read]} for name, read in reads.items()]
    plan = {"clients": 1, "rounds": rounds, "slice_ms": slice_ms, "warm_up": 20, "targets": targets}
    return {found["name"]: {**(found["times"] or {}), "errors": found["errors"], "error_texts": found["error_texts"]}
            for found in load.run("requests", plan)}


def _reads(aws: Aws, table: str, user: str, order: str) -> dict[str, dict[str, Any]]:
    """Returns the reads of DynamoDB without a function."""
    mine = {"S": f"USER#{user}"}
    return {
        "GetItem": _read(aws, "GetItem", TableName=table, Key={"pk": mine, "sk": {"S": f"ORDER#{order}"}}),
        "Query, 20 of a customer": _read(
            aws, "Query", TableName=table, KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": mine, ":sk": {"S": "ORDER#"}}, Limit=20, ScanIndexForward=False)}


def _read(aws: Aws, operation: str, **what: Any) -> dict[str, Any]:
    # The local engine checks the access key of a signature, not the signature.
    scope = f"{CREDENTIALS['access_key_id']}/20260101/{REGION}/dynamodb/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
               "content-type": "application/x-amz-json-1.0", "x-amz-target": f"DynamoDB_20120810.{operation}"}
    return {"url": f"{aws.endpoint}/", "headers": headers, "body": json.dumps(what)}


def _index_query(aws: Aws, table: str) -> float:
    """Returns the duration, in microseconds, of the one read that grows: the engine sorts a whole index partition to read one page."""
    begun = time.perf_counter()
    aws.dynamodb.query(
        TableName=table, IndexName="gsi1", KeyConditionExpression="gsi1pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "STATUS#paid#0"}}, Limit=20, ScanIndexForward=False)
    return (time.perf_counter() - begun) * 1e6


def errors(grown: list[Grown]) -> list[str]:
    """Returns the errors of each size and endpoint."""
    return [f"{size.orders} orders, {name}: {found['errors']} errors, such as {found['error_texts'][0]}"
            for size in grown for name, found in size.measured.items() if found["errors"]]
