"""Measures the time of orders from POST /checkout to `paid`, on a stack with all consumers of their events."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Load, Say, until_quiet
from benchmarks.rivals import checkout_body
from engine.api import Account, Api
from engine.aws import Aws
from engine.problem import Problem
from engine.wait import wait_until

AT_ONCE = 32


@dataclass(frozen=True)
class Orders:
    """The measurements of one customer alone and of many at once. Quantiles are in microseconds."""

    alone: dict[str, Any]
    at_once: dict[str, Any]
    drained_seconds: float
    pending: int
    dead_letters: int

    @property
    def per_second(self) -> float:
        """Paid orders a second with many customers at once."""
        return float((self.at_once["paid"] or {"count": 0})["count"] / (self.at_once["took"] / 1e6))

    @property
    def errors(self) -> list[str]:
        """The errors of all orders."""
        wrong = [f"checkout to paid: {error}" for error in [*self.alone["errors"], *self.at_once["errors"]]]
        if self.pending:
            wrong.append(f"{self.pending} of the orders are still pending")
        if self.dead_letters:
            wrong.append(f"{self.dead_letters} messages are dead letters")
        return wrong


def product(api: Api, admin: Account, pieces: int = 1_000_000) -> str:
    """Creates a product with stock, and returns its id."""
    made = api.call("POST", "/api/v1/products", {"name": "Mug", "category": "Kitchen", "price": "12.50"}, token=admin.token).expect(201)
    stock = f"/api/v1/products/{made['id']}/inventory"
    wait_until(lambda: api.call("PUT", stock, {"quantity": pieces}, token=admin.token).status, "inventory's replica of a product",
               done=lambda status: status == 200)
    return str(made["id"])


def measure(load: Load, api: Api, aws: Aws, outputs: dict[str, Any], alone: float, at_once: float, say: Say) -> Orders:
    """Measures one customer for `alone` seconds, then many for `at_once`. Each places the next order after a live update says `paid`."""
    admin = api.log_in(outputs["admin"]["email"], outputs["admin"]["password"])
    mug, before = product(api, admin), _pending(api, admin)
    say(f"registering {AT_ONCE} customers")
    shoppers = [api.customer() for _ in range(AT_ONCE)]
    until_quiet(api, "the customers were registered")

    def run(customers: list[Account], seconds: float, warm_up: int) -> dict[str, Any]:
        measured: dict[str, Any] = load.run("orders", {
            "checkout_url": f"{api.origin}/api/v1/checkout", "socket_url": outputs["socket_url"],
            "warm_up": warm_up, "seconds": int(seconds),
            "customers": [{"token": customer.token, "body": checkout_body(mug)} for customer in customers]})
        return measured

    say("one customer, one order after the other")
    one = run(shoppers[:1], alone, warm_up=5)
    say(f"{AT_ONCE} customers at once")
    many = run(shoppers, at_once, warm_up=1)
    say("waiting until no order is pending")
    ended = time.monotonic()
    try:
        wait_until(lambda: _pending(api, admin) - before, "pending orders to be paid", done=lambda pending: pending <= 0)
        drained = time.monotonic() - ended
        until_quiet(api, "the last order was paid")
    except Problem as problem:
        say(str(problem))
        drained = time.monotonic() - ended
    return Orders(one, many, drained, max(0, _pending(api, admin) - before), _dead_letters(aws, outputs["queues"]))


def _pending(api: Api, admin: Account) -> int:
    stats = api.call("GET", "/api/v1/orders/stats", token=admin.token).expect(200)
    return sum(int(state["orders"]) for state in stats["by_status"] if state["status"] == "pending")


def _dead_letters(aws: Aws, queues: dict[str, str]) -> int:
    """Returns the number of messages in all dead-letter queues."""
    dead = 0
    for name, url in queues.items():
        if name.endswith("DeadLetters") or name == "UnpublishedQueue":
            counts = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            dead += int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
    return dead


def stop_publishing(aws: Aws, tables: dict[str, str]) -> None:
    """Stops the publisher of order events, so that only the requests are measured and the orders are not processed further."""
    stream = aws.dynamodb.describe_table(TableName=tables["OrdersTable"])["Table"]["LatestStreamArn"]
    mappings = aws.functions.list_event_source_mappings()["EventSourceMappings"]
    publishes = [mapping["UUID"] for mapping in mappings if mapping["EventSourceArn"] == stream]
    if not publishes:
        raise Problem(f"no function reads the stream of the orders: {json.dumps([m['EventSourceArn'] for m in mappings])}")
    for mapping in publishes:
        aws.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
