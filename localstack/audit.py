"""Holds the books of a shop against each other once it is quiet: orders, money, stock, events, mails, figures.

Each check looks at what was read and asks nothing itself; it says how much it has looked at, and what does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from books import Event, Item, Tables, minor

# What each event makes of an order, and of what it can make that.
STEPS: dict[str, tuple[str, set[str]]] = {
    "OrderPlaced": ("pending", {""}),
    "CheckoutStarted": ("pending", {"pending"}),
    "OrderConfirmed": ("paid", {"pending"}),
    "OrderProcessing": ("processing", {"paid"}),
    "OrderShipped": ("shipped", {"processing"}),
    "OrderDelivered": ("delivered", {"shipped"}),
    "OrderCancelled": ("cancelled", {"pending", "paid", "processing"}),
    "OrderRefunded": ("refunded", {"cancelled", "delivered"}),
}

# A publisher tells these of the counters of a product; they lie in no table.
TOLD_OF_STOCK = {"StockChanged", "StockRanLow"}

MAILS = {
    "OrderPlaced": "We have your order {}",
    "OrderConfirmed": "Your order {} is confirmed",
    "OrderShipped": "Your order {} is on its way",
    "OrderCancelled": "Your order {} was cancelled",
    "OrderRefunded": "The money for your order {} is on its way back",
}

# A service that does not answer is asked so often (functions/notifications/src/domain/attempt.rs).
MOST_UNANSWERED = 3

GIVEN_BACK = {"", "failing", "declined", "voided"}


@dataclass
class Finding:
    """What one check has seen."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def unless(self, holds: bool, violation: str) -> None:
        """Notes a violation where something does not hold."""
        if not holds:
            self.violations.append(violation)


@dataclass
class Shop:
    """All that is audited. `accepted` are the orders that a buyer was told to have, `unsure` how many more each user may have."""

    tables: Tables
    accepted: set[str] = field(default_factory=set)
    unsure: Counter[str] = field(default_factory=Counter)
    older_orders: set[str] = field(default_factory=set)
    older_events: set[str] = field(default_factory=set)
    stock: dict[str, int] = field(default_factory=dict)
    heard: dict[str, Event] = field(default_factory=dict)
    mails: list[Item] = field(default_factory=list)
    shown: dict[str, Item] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)

    @property
    def orders(self) -> dict[str, list[Event]]:
        """The logs of the orders of this run."""
        return {order: log for order, log in self.tables.logs.items() if order not in self.older_orders}


def status(log: Iterable[Event]) -> str:
    """Where an order stands, by its log alone; nothing, if the log is not one of an order."""
    now = ""
    for event in log:
        becomes, may = STEPS[event["event_type"]]
        if now not in may:
            return ""
        now = becomes
    return now


def is_sold(log: Iterable[Event]) -> bool:
    """Whether the order's pieces are its customer's."""
    types = [event["event_type"] for event in log]
    return "OrderConfirmed" in types and "OrderCancelled" not in types


def orders_have_ended(shop: Shop) -> Finding:
    """Every order that a buyer was told to have is in the log, and no other; each is paid or over."""
    found = Finding("orders have ended")
    unknown = Counter(shop.orders[order][0]["data"]["user_id"] for order in shop.orders.keys() - shop.accepted)
    for user, count in unknown.items():
        found.unless(count <= shop.unsure[user], f"user {user} has {count} orders of which nobody was told")
    for order in shop.accepted - shop.orders.keys():
        found.violations.append(f"order {order} was accepted and is not in the log")
    for order, log in shop.orders.items():
        now = status(log)
        found.counts[now or "no order"] += 1
        found.unless(now not in ("", "pending"), f"order {order} is {now or 'impossible: ' + _types(log)}")
        found.unless([event["sequence"] for event in log] == list(range(1, len(log) + 1)), f"order {order} has gaps in its log")
    for order in shop.tables.deferred:
        # An entry that is found to be over goes when it is due.
        ended = status(shop.tables.logs.get(order, [])) not in ("", "pending")
        found.counts["deferred entries of orders that have ended"] += ended
        found.unless(ended, f"the checkout of order {order} is still deferred")
    for order in shop.tables.parked:
        found.violations.append(f"order {order} is parked")
    return found


def views_follow_the_log(shop: Shop) -> Finding:
    """The view of each order, in the table and as GET shows it, is what its log says."""
    found = Finding("views follow the log")
    for order, log in shop.orders.items():
        said = _replay(order, log)
        found.counts["views"] += 1
        kept = shop.tables.views.get(order, {})
        for name, value in said.items():
            found.unless(kept.get(name) == value, f"order {order}: its view has {name} {kept.get(name)!r}, its log {value!r}")
        shown = shop.shown.get(order)
        if shown is None:
            found.violations.append(f"order {order} is not shown")
            continue
        same = (shown["status"], minor(shown["total_amount"]), [event["type"] for event in shown["timeline"]])
        found.unless(same == (said["status"], minor(said["total"]), [event["event_type"] for event in log]),
                     f"order {order} is shown as {same}")
    return found


def _replay(order: str, log: list[Event]) -> Item:
    data = {event["event_type"]: event["data"] for event in log}
    said = {"id": order, "status": status(log), "sequence": len(log), "total": log[0]["data"]["total"],
            "user_id": log[0]["data"]["user_id"], "in_checkout": "CheckoutStarted" in data,
            "placed_at": log[0]["timestamp"], "updated_at": log[-1]["timestamp"]}
    if "OrderConfirmed" in data:
        said["payment_id"] = data["OrderConfirmed"]["payment_id"]
    if "OrderCancelled" in data:
        said["cancel_reason"] = data["OrderCancelled"]["reason"]
    return said


def money_is_taken_once(shop: Shop) -> Finding:
    """Of each order that is sold the provider has what it costs, less what went back; of any other nothing. The events say the same."""
    found = Finding("money is taken once")
    told: dict[str, Counter[str]] = {}
    for event in shop.tables.events.values():
        if event["source"] == "payments" and event["event_type"] in ("PaymentProcessed", "PaymentRefunded"):
            sums = told.setdefault(event["data"]["order_id"], Counter())
            sums[event["event_type"]] += minor(event["data"]["amount"])
            sums["times"] += event["event_type"] == "PaymentProcessed"
    for order, log in shop.orders.items():
        total, sums = minor(log[0]["data"]["total"]), told.get(order, Counter())
        at_provider, payment = shop.tables.provider.get(order, {}), shop.tables.payments.get(order, {})
        state = at_provider.get("state", "")
        taken = minor(at_provider["amount"]) if state == "captured" else 0
        back = sum(minor(amount) for amount in at_provider.get("refunds", {}).values())
        refunds = sum(minor(refund["amount"]) for refund in payment.get("refunds", []) if refund["status"] == "succeeded")
        found.counts["captured"] += state == "captured"
        found.counts["taken, in cents"] += taken
        found.counts["given back, in cents"] += back
        found.unless(taken in (0, total), f"order {order} costs {total}, the provider took {taken}")
        found.unless(sums["times"] <= 1, f"order {order} was told to be paid {sums['times']} times")
        found.unless(sums["PaymentProcessed"] - sums["PaymentRefunded"] == taken - back,
                     f"order {order}: events say {dict(sums)}, the provider has {taken} less {back}")
        found.unless(back == refunds == sums["PaymentRefunded"],
                     f"order {order}: the provider gave back {back}, payments {refunds}, events {sums['PaymentRefunded']}")
        held = payment.get("status", "") in ("captured", "partly_refunded", "refunded")
        found.unless(held == (state == "captured"), f"order {order}: payment {payment.get('status')}, provider {state}")
        copy = shop.tables.heard_payments.get(order, {})
        copied = sum(minor(amount) for amount in copy.get("refunds", {}).values())
        found.unless((bool(copy.get("captured")), copied) == (held, back), f"order {order}: orders has heard {copy}")
        if is_sold(log):
            found.unless(taken == total, f"order {order} is {status(log)}, and the provider has {state or 'nothing'}")
        else:
            found.unless(state in GIVEN_BACK or (state == "captured" and taken == back),
                         f"order {order} is {status(log)}, and the provider has {state}")
            found.unless(payment.get("status", "") not in ("pending", "authorized"),
                         f"order {order} is {status(log)}, its payment {payment.get('status')}")
    for order in shop.tables.unsettled:
        found.violations.append(f"a refund of order {order} is on its way still")
    return found


def stock_adds_up(shop: Shop) -> Finding:
    """What a product had, less what was sold of it, is what there is; nothing is set aside any more."""
    found = Finding("stock adds up")
    sold: Counter[str] = Counter()
    for order, log in shop.orders.items():
        parts = {part["status"] for part in shop.tables.parts.get(order, [])}
        if is_sold(log):
            sold.update({line["product_id"]: line["quantity"] for line in log[0]["data"]["lines"]})
            found.unless(parts == {"committed"}, f"order {order} is {status(log)}, its reservation {sorted(parts)}")
        else:
            found.unless(parts <= {"released", "rejected"}, f"order {order} is {status(log)}, its reservation {sorted(parts)}")
            found.counts["reservations released or rejected"] += bool(parts)
    for product, initial in shop.stock.items():
        counters = shop.tables.counters.get(product, [])
        on_hand, available = (sum(counter[name] for counter in counters) for name in ("on_hand", "available"))
        found.counts["products"] += 1
        found.counts["products sold out"] += on_hand == 0
        found.counts["pieces sold"] += sold[product]
        found.unless(all(counter["on_hand"] >= 0 and counter["available"] >= 0 for counter in counters),
                     f"product {product} has a counter below zero")
        found.unless(initial - sold[product] == on_hand,
                     f"product {product} had {initial}, {sold[product]} were sold, {on_hand} are there")
        found.unless(available == on_hand, f"product {product} has {on_hand}, of which {available} are for sale")
    return found


def events_are_published(shop: Shop) -> Finding:
    """What is in an outbox was heard, and what was heard is in an outbox."""
    found = Finding("events are published")
    wanted = shop.tables.events.keys() - shop.older_events
    found.counts.update({"in the tables": len(wanted), "heard": len(shop.heard)})
    for lost in wanted - shop.heard.keys():
        event = shop.tables.events[lost]
        found.violations.append(f"{event['event_type']} {lost} of {event['subject']} was never published")
    for strange in shop.heard.keys() - shop.tables.events.keys():
        event = shop.heard[strange]
        found.counts["told of stock"] += event["event_type"] in TOLD_OF_STOCK
        found.unless(event["event_type"] in TOLD_OF_STOCK, f"{event['event_type']} {strange} was heard and is in no table")
    return found


def mails_are_sent_once(shop: Shop) -> Finding:
    """Each mail that an order's log wants was sent once; more often only where tries were left without an answer, and no more than these."""
    found = Finding("mails are sent once")
    arrived = Counter((to, mail["subject"]) for mail in shop.mails for to in mail["to"])
    listed = Counter((item["order_id"], item["type"]) for item in shop.tables.notifications
                     if item["channel"] == "email" and item["status"] == "sent" and "order_id" in item)
    for order, log in shop.orders.items():
        address = shop.tables.accounts[log[0]["data"]["user_id"]]["email"]
        for event in (event for event in log if event["event_type"] in MAILS):
            what = f"{event['event_type']} of order {order}"
            copies = arrived.pop((address, MAILS[event["event_type"]].format(order)), 0)
            attempt = shop.tables.attempts.get(event["event_id"], {})
            ended, unanswered = attempt.get("ended"), attempt.get("unanswered", 0)
            found.counts["mails wanted"] += 1
            found.counts["tried more than once"] += attempt.get("claims", 0) > 1
            found.counts["arrived more than once, after a try without an answer"] += 1 < copies <= unanswered
            # The try that was answered counts as well.
            found.unless(copies <= min(max(unanswered, 1), MOST_UNANSWERED),
                         f"{what} arrived {copies} times, with {unanswered} tries that may have sent it")
            if ended == "failed" and unanswered >= MOST_UNANSWERED:
                found.counts["given up after three tries without an answer"] += 1
                continue
            found.unless(ended == "sent", f"{what} is {ended or 'not told'}: {attempt}")
            found.unless(copies > 0, f"{what} was never mailed")
            found.unless(listed[order, event["event_type"]] == 1,
                         f"{what} is listed {listed[order, event['event_type']]} times")
    ours = tuple(shop.orders)
    for (to, subject), copies in arrived.items():
        if any(order in subject for order in ours):
            found.violations.append(f"{copies} mails to {to} that nothing asks for: {subject}")
    return found


def figures_follow_the_events(shop: Shop) -> Finding:
    """Analytics has counted each event once, its figures are what it counted, and its reports are its figures."""
    found = Finding("figures follow the events")
    facts = {id: (event, _adds(event)) for id, event in shop.tables.events.items() if _adds(event)}
    counted = {id for id, entry in shop.tables.counted.items() if entry["kind"] == "counted"}
    found.counts["events counted"] = len(counted)
    for id in facts.keys() - counted:
        found.violations.append(f"{facts[id][0]['event_type']} {id} was not counted")
    for id in counted - facts.keys():
        found.violations.append(f"{id} was counted, and there is no such event")
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
        found.unless(said == kept, f"{day}: events come to {dict(said)}, figures are {dict(kept)}")
        shown = shop.reports["days"].get(day, {})
        for name in ("orders", "items", "paid", "cancelled"):
            found.unless(shown.get(name, 0) == said[name], f"{day}: {name} is shown as {shown.get(name)}, events say {said[name]}")
        found.counts["orders of these days"] += said["orders"]
    for product in products.keys() | shop.tables.sold.keys():
        said, kept = products.get(product, Counter()), shop.tables.sold.get(product, Counter())
        found.unless(said == kept, f"product {product}: events come to {dict(said)}, figures are {dict(kept)}")
        shown = shop.reports["products"].get(product, 0)
        found.unless(shown == said["quantity"], f"product {product}: {shown} are shown as sold, events say {said['quantity']}")
    revenue = {name: sum(day[f"{name}_USD"] for day in days.values()) for name in ("gross", "refunded")}
    found.unless(shop.reports["revenue"] == revenue, f"revenue is shown as {shop.reports['revenue']}, events say {revenue}")
    by_status = Counter(status(log) for log in shop.tables.logs.values())
    found.unless(shop.reports["by_status"] == by_status,
                 f"orders are shown as {dict(shop.reports['by_status'])}, logs say {dict(by_status)}")
    return found


def _adds(event: Event) -> Counter[str]:
    """What an event adds to the figures of its day."""
    data, adds = event["data"], Counter[str]()
    match event["event_type"]:
        case "OrderPlaced":
            pieces = sum(line["quantity"] for line in data["lines"])
            adds.update({"orders": 1, "items": pieces, "value_" + data["total"]["currency"]: minor(data["total"])})
        case "OrderConfirmed":
            adds["paid"] = 1
        case "OrderCancelled":
            adds["cancelled"] = 1
        case "PaymentProcessed":
            adds["gross_" + data["amount"]["currency"]] = minor(data["amount"])
        case "PaymentRefunded":
            adds["refunded_" + data["amount"]["currency"]] = minor(data["amount"])
        case "UserRegistered":
            adds["registered"] = 1
        case "UserDeleted":
            adds["deleted"] = 1
    return adds


def dead_letters(found_in: dict[str, int], expected: dict[str, int], what: str) -> Finding:
    """In the dead-letter queues, by consumer, is what was poisoned and nothing else."""
    found = Finding(what)
    for consumer in sorted(found_in.keys() | expected.keys()):
        count, wanted = found_in.get(consumer, 0), expected.get(consumer, 0)
        found.counts["messages"] += count
        found.unless(count == wanted, f"{consumer} has {count} dead letters, {wanted} were poisoned")
    return found


CHECKS = (orders_have_ended, views_follow_the_log, money_is_taken_once, stock_adds_up, events_are_published, mails_are_sent_once,
          figures_follow_the_events)


def audit(shop: Shop) -> list[Finding]:
    """All checks."""
    return [check(shop) for check in CHECKS]


def _types(log: Iterable[Event]) -> str:
    return ", ".join(event["event_type"] for event in log)
