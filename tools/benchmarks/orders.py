"""Orders from POST /checkout to `paid`, on a stack with all that follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Load, Say, until, until_quiet
from benchmarks.rivals import checkout_body
from engine.api import Account, Api
from engine.aws import Aws
from engine.problem import Problem

AT_ONCE = 32
DRAIN_SECONDS = 120.0


@dataclass(frozen=True)
class Orders:
    """What came of it: one customer alone, and many at once; quantiles in microseconds."""

    alone: dict[str, Any]
    at_once: dict[str, Any]
    drained_seconds: float
    pending: int
    dead_letters: int

    @property
    def per_second(self) -> float:
        """Paid orders a second, of many customers at once."""
        return (self.at_once["paid"] or {"count": 0})["count"] / (self.at_once["took"] / 1e6)

    @property
    def errors(self) -> list[str]:
        """What went wrong."""
        wrong = [f"checkout to paid: {error}" for error in [*self.alone["errors"], *self.at_once["errors"]]]
        if self.pending:
            wrong.append(f"{self.pending} of the orders are still pending")
        if self.dead_letters:
            wrong.append(f"{self.dead_letters} messages are dead letters")
        return wrong


def product(api: Api, admin: Account, pieces: int = 1_000_000) -> str:
    """A new product with so many pieces on hand."""
    made = api.call("POST", "/api/v1/products", {"name": "Mug", "category": "Kitchen", "price": "12.50"}, token=admin.token).expect(201)
    stock = f"/api/v1/products/{made['id']}/inventory"
    until("inventory to hear of a product", 30,
          lambda: api.call("PUT", stock, {"quantity": pieces}, token=admin.token).status == 200)
    return str(made["id"])


def measure(load: Load, api: Api, aws: Aws, outputs: dict[str, Any], alone: float, at_once: float, say: Say) -> Orders:
    """So many seconds of one customer, then of many: each is told over the socket that the order is paid, and orders again."""
    admin = api.log_in(outputs["admin"]["email"], outputs["admin"]["password"])
    mug, before = product(api, admin), _pending(api, admin)
    say(f"making {AT_ONCE} customers")
    shoppers = [api.customer() for _ in range(AT_ONCE)]
    until_quiet(api, "they were made", DRAIN_SECONDS)

    def run(customers: list[Account], seconds: float, warm_up: int) -> dict[str, Any]:
        return load.run("orders", {
            "checkout_url": f"{api.origin}/api/v1/checkout", "socket_url": outputs["socket_url"],
            "warm_up": warm_up, "seconds": int(seconds),
            "customers": [{"token": customer.token, "body": checkout_body(mug)} for customer in customers]})

    say("one customer, one order after the other")
    one = run(shoppers[:1], alone, warm_up=5)
    say(f"{AT_ONCE} customers at once")
    many = run(shoppers, at_once, warm_up=1)
    say("waiting until nothing is left to do")
    try:
        drained = until("all orders to be paid", DRAIN_SECONDS, lambda: _pending(api, admin) <= before)
        until_quiet(api, "the last order was paid", DRAIN_SECONDS)
    except Problem as problem:
        say(str(problem))
        drained = DRAIN_SECONDS
    return Orders(one, many, drained, max(0, _pending(api, admin) - before), _dead_letters(aws, outputs["queues"]))


def _pending(api: Api, admin: Account) -> int:
    stats = api.call("GET", "/api/v1/orders/stats", token=admin.token).expect(200)
    return sum(state["orders"] for state in stats["by_status"] if state["status"] == "pending")


def _dead_letters(aws: Aws, queues: dict[str, str]) -> int:
    """How many messages lie in queues that others send their failures to."""
    dead = 0
    for name, url in queues.items():
        if name.endswith("DeadLetters") or name == "UnpublishedQueue":
            counts = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            dead += int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
    return dead


def stop_publishing(aws: Aws, tables: dict[str, str]) -> None:
    """From now on orders are written and nothing follows from them: the request alone is measured, and rivals' orders go nowhere."""
    stream = aws.dynamodb.describe_table(TableName=tables["OrdersTable"])["Table"]["LatestStreamArn"]
    mappings = aws.functions.list_event_source_mappings()["EventSourceMappings"]
    publishes = [mapping["UUID"] for mapping in mappings if mapping["EventSourceArn"] == stream]
    if not publishes:
        raise Problem(f"no function reads the stream of the orders: {json.dumps([m['EventSourceArn'] for m in mappings])}")
    for mapping in publishes:
        aws.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
