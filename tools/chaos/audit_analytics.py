"""Compares the figures of analytics and the reports of the API with the events."""

from __future__ import annotations

from collections import Counter

from chaos.table_snapshot import Event, minor
from chaos.violations import CheckResult, Shop, status


def figures_follow_the_events(shop: Shop) -> CheckResult:
    """Analytics has counted each event once, and its figures and reports agree with the events.

    The counters of orders and payments agree with them too.
    """
    found = CheckResult("figures follow the events")
    facts = {event_id: (event, adds(event)) for event_id, event in shop.tables.events.items() if adds(event)}
    counted = {event_id for event_id, entry in shop.tables.counted.items() if entry["kind"] == "counted"}
    found.counts["events counted"] = len(counted)
    for event_id in facts.keys() - counted:
        found.violations.append(f"{facts[event_id][0]['event_type']} {event_id} was not counted")
    for event_id in counted - facts.keys():
        found.violations.append(f"{event_id} was counted, and there is no such event")
    days: dict[str, Counter[str]] = {}
    products: dict[str, Counter[str]] = {}
    for event, figures in facts.values():
        days.setdefault(event["timestamp"][:10], Counter()).update(figures)
        for line in event["data"]["lines"] if event["event_type"] == "OrderConfirmed" else ():
            value = minor(line["unit_price"]) * line["quantity"]
            products.setdefault(line["product_id"], Counter()).update(
                {"orders": 1, "quantity": line["quantity"], "value_" + line["unit_price"]["currency"]: value})
    for day in days.keys() | shop.tables.days.keys():
        said, kept = days.get(day, Counter()), shop.tables.days.get(day, Counter())
        found.unless(said == kept, f"{day}: events add up to {dict(said)}, figures are {dict(kept)}")
        shown = shop.reports["days"].get(day, {})
        for name in ("orders", "items", "paid", "cancelled"):
            found.unless(shown.get(name, 0) == said[name], f"{day}: {name} is shown as {shown.get(name)}, events say {said[name]}")
        found.counts["orders of these days"] += said["orders"]
    for product in products.keys() | shop.tables.sold.keys():
        said, kept = products.get(product, Counter()), shop.tables.sold.get(product, Counter())
        found.unless(said == kept, f"product {product}: events add up to {dict(said)}, figures are {dict(kept)}")
        shown = shop.reports["products"].get(product, 0)
        found.unless(shown == said["quantity"], f"product {product}: {shown} are shown as sold, events say {said['quantity']}")
    revenue = {name: sum(day[f"{name}_USD"] for day in days.values()) for name in ("gross", "refunded")}
    found.unless(shop.reports["revenue"] == revenue, f"revenue is shown as {shop.reports['revenue']}, events say {revenue}")
    moved = shop.reports["payments"]
    found.unless(moved == revenue, f"payments shows {moved}, events say {revenue}")
    by_status = Counter(status(log) for log in shop.tables.logs.values())
    found.unless(shop.reports["by_status"] == by_status,
                 f"orders are shown as {dict(shop.reports['by_status'])}, logs say {dict(by_status)}")
    return found


def adds(event: Event) -> Counter[str]:
    """Returns what an event adds to the figures of its day."""
    data, added = event["data"], Counter[str]()
    match event["event_type"]:
        case "OrderPlaced":
            pieces = sum(line["quantity"] for line in data["lines"])
            added.update({"orders": 1, "items": pieces, "value_" + data["total"]["currency"]: minor(data["total"])})
        case "OrderConfirmed":
            added["paid"] = 1
        case "OrderCancelled":
            added["cancelled"] = 1
        case "PaymentProcessed":
            added["gross_" + data["amount"]["currency"]] = minor(data["amount"])
        case "PaymentRefunded":
            added["refunded_" + data["amount"]["currency"]] = minor(data["amount"])
        case "UserRegistered":
            added["registered"] = 1
        case "UserDeleted":
            added["deleted"] = 1
    return added
