"""Reads all tables of a stack for an audit. The module docs of functions/*/src/store.rs describe their layout."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from engine.aws import Aws

Item = dict[str, Any]
Event = dict[str, Any]


@dataclass
class Tables:
    """The items of all tables by kind. Items of orders, products and users are by the id of these, events by their own id."""

    events: dict[str, Event] = field(default_factory=dict)
    logs: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    views: dict[str, Item] = field(default_factory=dict)
    replicated_payments: dict[str, Item] = field(default_factory=dict)
    deferred: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    payments: dict[str, Item] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    provider: dict[str, Item] = field(default_factory=dict)
    counters: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, Item] = field(default_factory=dict)
    notifications: list[Item] = field(default_factory=list)
    counted: dict[str, Item] = field(default_factory=dict)
    days: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sold: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    accounts: dict[str, Item] = field(default_factory=dict)


def read(aws: Aws, names: dict[str, str]) -> Tables:
    """Scans the tables. `names` maps logical names to physical ones."""
    tables = Tables()
    for table, name in names.items():
        context = table.removesuffix("Table").lower()
        for page in aws.dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
            for item in page["Items"]:
                put(tables, context, _plain(item))
    for log in tables.logs.values():
        log.sort(key=lambda event: event["sequence"])
    return tables


def put(tables: Tables, context: str, item: Item) -> None:
    """Adds one item of a context's table."""
    pk, _, of = item["pk"].partition("#")
    sk, _, at = item["sk"].partition("#")
    if "envelope" in item:
        event = json.loads(item["envelope"])
        tables.events[event["event_id"]] = event
        if context == "orders":
            tables.logs[of].append(event)
        return
    match context, pk, sk:
        case "orders", "USER", "ORDER":
            tables.views[at] = item
        case "orders", "ORDER", "PAYMENT":
            tables.replicated_payments[of] = item
        case "orders", "DEFERRED", _:
            tables.deferred.append(at)
        case "orders", "PARKED", _:
            tables.parked.append(at)
        case "payments", "USER", "PAYMENT":
            tables.payments[item["order_id"]] = item
        case "payments", "UNSETTLED", _:
            tables.unsettled.append(item["due"]["order_id"])
        case "payments", "SIMULATOR", _:
            tables.provider[of] = item
        case "inventory", "PRODUCT", "STOCK":
            tables.counters[of].append(item)
        case "inventory", "ORDER", "PART":
            tables.parts[of].append(item)
        case "notifications", "EVENT", "EMAIL":
            tables.attempts[of] = item
        case "notifications", "USER", "NOTIFICATION":
            tables.notifications.append(item)
        case "analytics", "LOG", _:
            tables.counted[item["sk"]] = item
        case "analytics", "DAYS", day:
            tables.days[day].update(_figures(item))
        case "analytics", "PRODUCTS", _:
            tables.sold[at].update(_figures(item))
        case "users", "USER", "ACCOUNT":
            tables.accounts[of] = item


def minor(money: Item | str) -> int:
    """Returns an amount in minor units. All currencies of the shop have two decimal places."""
    return int(Decimal(money if isinstance(money, str) else money["amount"]) * 100)


def _figures(item: Item) -> dict[str, int]:
    return {name: value for name, value in item.items() if isinstance(value, int) and name not in ("events", "rebuilt")}


_read = TypeDeserializer().deserialize


def _plain(item: dict[str, Any]) -> Item:
    return {name: _whole(_read(value)) for name, value in item.items()}


def _whole(value: Any) -> Any:
    """Converts numbers to integers. All stored numbers are whole."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value
