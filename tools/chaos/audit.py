"""Audits a shop after all work has ended: orders, money, stock, events, mails and figures have to agree.

A check works on data that was read before and makes no calls. It returns counts of what it has checked, and the violations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chaos.audit_analytics import figures_follow_the_events
from chaos.table_snapshot import Event, Item, minor
from chaos.violations import CheckResult, Shop, is_sold, status

# Inventory publishes these events from changes of counters and reservations. They are in no outbox.
EVENTS_OF_STOCK = {"StockChanged", "StockRanLow", "StockReserved"}

MAILS = {
    "OrderPlaced": "We received your order {}",
    "OrderConfirmed": "Your order {} is confirmed",
    "OrderShipped": "Your order {} is on its way",
    "OrderCancelled": "Your order {} was cancelled",
    "OrderRefunded": "Your refund for order {}",
}

# The maximum number of attempts that a service does not answer (functions/notifications/src/domain/attempt.rs).
MAX_UNANSWERED = 3

RELEASED_STATES = {"", "failing", "declined", "voided"}


def orders_have_ended(shop: Shop) -> CheckResult:
    """Every accepted order is in the log, and no other; each is paid or has ended."""
    found = CheckResult("orders have ended")
    unknown = Counter(shop.orders[order][0]["data"]["user_id"] for order in shop.orders.keys() - shop.accepted)
    for user, count in unknown.items():
        found.unless(count <= shop.unsure[user], f"user {user} has {count} orders that were not accepted")
    for order in shop.accepted - shop.orders.keys():
        found.violations.append(f"order {order} was accepted and is not in the log")
    for order, log in shop.orders.items():
        now = status(log)
        reason = next((f", {event['data']['reason']}" for event in log if event["event_type"] == "OrderCancelled"), "")
        found.counts[(now or "no order") + reason] += 1
        found.unless(now not in ("", "pending"), f"order {order} is {now or 'impossible: ' + _types(log)}")
        found.unless([event["sequence"] for event in log] == list(range(1, len(log) + 1)), f"order {order} has gaps in its log")
    for order in shop.tables.deferred:
        # The entry of an order that has ended is deleted when it is due.
        ended = status(shop.tables.logs.get(order, [])) not in ("", "pending")
        found.counts["deferred entries of orders that have ended"] += ended
        found.unless(ended, f"the checkout of order {order} is still deferred")
    for order in shop.tables.parked:
        found.violations.append(f"order {order} is parked")
    return found


def views_follow_the_log(shop: Shop) -> CheckResult:
    """The view of each order, in the table and in the API's answer, agrees with its log."""
    found = CheckResult("views follow the log")
    for order, log in shop.orders.items():
        said = replay(order, log)
        found.counts["views"] += 1
        kept = shop.tables.views.get(order, {})
        for name, value in said.items():
            found.unless(kept.get(name) == value, f"order {order}: its view has {name} {kept.get(name)!r}, its log {value!r}")
        shown = shop.shown.get(order)
        if shown is None:
            found.violations.append(f"order {order} is not shown by the API")
            continue
        same = (shown["status"], minor(shown["total_amount"]), [event["type"] for event in shown["timeline"]])
        found.unless(same == (said["status"], minor(said["total"]), [event["event_type"] for event in log]),
                     f"order {order} is shown by the API as {same}")
    return found


def replay(order: str, log: list[Event]) -> Item:
    """Returns the view that follows from the log of an order."""
    data = {event["event_type"]: event["data"] for event in log}
    said = {"id": order, "status": status(log), "sequence": len(log), "total": log[0]["data"]["total"],
            "user_id": log[0]["data"]["user_id"], "in_checkout": "CheckoutStarted" in data,
            "placed_at": log[0]["timestamp"], "updated_at": log[-1]["timestamp"]}
    if "OrderConfirmed" in data:
        said["payment_id"] = data["OrderConfirmed"]["payment_id"]
    if "OrderCancelled" in data:
        said["cancel_reason"] = data["OrderCancelled"]["reason"]
    return said


def money_is_taken_once(shop: Shop) -> CheckResult:
    """The provider has the total of each sold order, less its refunds, and no money of any other order. The events say the same."""
    found = CheckResult("money is taken once")
    published: dict[str, Counter[str]] = {}
    for event in shop.tables.events.values():
        if event["source"] == "payments" and event["event_type"] in ("PaymentProcessed", "PaymentRefunded"):
            sums = published.setdefault(event["data"]["order_id"], Counter())
            sums[event["event_type"]] += minor(event["data"]["amount"])
            sums["times"] += event["event_type"] == "PaymentProcessed"
    for order, log in shop.orders.items():
        total, sums = minor(log[0]["data"]["total"]), published.get(order, Counter())
        at_provider, payment = shop.tables.provider.get(order, {}), shop.tables.payments.get(order, {})
        state = at_provider.get("state", "")
        taken = minor(at_provider["amount"]) if state == "captured" else 0
        back = sum(minor(amount) for amount in at_provider.get("refunds", {}).values())
        refunds = sum(minor(refund["amount"]) for refund in payment.get("refunds", []) if refund["status"] == "succeeded")
        found.counts["payments captured"] += state == "captured"
        found.counts["cents captured"] += taken
        found.counts["cents refunded"] += back
        found.unless(taken in (0, total), f"order {order} costs {total}, the provider captured {taken}")
        found.unless(sums["times"] <= 1, f"order {order} was paid {sums['times']} times, according to the events")
        found.unless(sums["PaymentProcessed"] - sums["PaymentRefunded"] == taken - back,
                     f"order {order}: events say {dict(sums)}, the provider captured {taken} and refunded {back}")
        found.unless(back == refunds == sums["PaymentRefunded"],
                     f"order {order}: the provider refunded {back}, payments {refunds}, events {sums['PaymentRefunded']}")
        held = payment.get("status", "") in ("captured", "partly_refunded", "refunded")
        found.unless(held == (state == "captured"), f"order {order}: its payment is {payment.get('status')}, at the provider {state}")
        replica = shop.tables.replicated_payments.get(order, {})
        replicated = sum(minor(amount) for amount in replica.get("refunds", {}).values())
        found.unless((bool(replica.get("captured")), replicated) == (held, back), f"order {order}: its replicated payment is {replica}")
        if is_sold(log):
            found.unless(taken == total, f"order {order} is {status(log)}, its payment at the provider {state or 'missing'}")
        else:
            found.unless(state in RELEASED_STATES or (state == "captured" and taken == back),
                         f"order {order} is {status(log)}, its payment at the provider {state}")
            found.unless(payment.get("status", "") not in ("pending", "authorized"),
                         f"order {order} is {status(log)}, its payment {payment.get('status')}")
    for order in shop.tables.unsettled:
        found.violations.append(f"a refund of order {order} is still pending")
    return found


def stock_adds_up(shop: Shop) -> CheckResult:
    """The remaining stock of each product is its initial stock less the pieces that were sold, and nothing is reserved."""
    found = CheckResult("stock adds up")
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
                     f"product {product} had {initial}, {sold[product]} were sold, {on_hand} are left")
        found.unless(available == on_hand, f"product {product} has {on_hand}, of which {available} are available")
    return found


def events_are_published(shop: Shop) -> CheckResult:
    """Every event of an outbox was published, every published event is in an outbox, and the stock of each sold order was reserved once."""
    found = CheckResult("events are published")
    wanted = shop.tables.events.keys() - shop.older_events
    found.counts.update({"events in the tables": len(wanted), "events received": len(shop.received)})
    for lost in wanted - shop.received.keys():
        event = shop.tables.events[lost]
        found.violations.append(f"{event['event_type']} {lost} of {event['subject']} was never published")
    for unknown in shop.received.keys() - shop.tables.events.keys():
        event = shop.received[unknown]
        is_of_stock = event["event_type"] in EVENTS_OF_STOCK
        found.counts["events of stock"] += is_of_stock
        found.unless(is_of_stock, f"{event['event_type']} {unknown} was received, but is in no table")
    reserved = Counter(event["subject"] for event in shop.received.values() if event["event_type"] == "StockReserved")
    for order, log in shop.orders.items():
        found.unless(reserved[order] == 1 or not is_sold(log),
                     f"order {order} was reserved {reserved[order]} times, according to the events")
    return found


def mails_are_sent_once(shop: Shop) -> CheckResult:
    """Each mail that follows from a log was sent once, or at most once for each attempt without an answer."""
    found = CheckResult("mails are sent once")
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
            found.counts["mails with more than one attempt"] += attempt.get("claims", 0) > 1
            found.counts["mails that arrived again after an attempt without an answer"] += 1 < copies <= unanswered
            # `unanswered` includes the attempt that was answered in the end.
            found.unless(copies <= min(max(unanswered, 1), MAX_UNANSWERED),
                         f"the mail of {what} arrived {copies} times, with {unanswered} attempts that may have sent it")
            if ended == "failed" and unanswered >= MAX_UNANSWERED:
                found.counts["mails given up after three attempts without an answer"] += 1
                continue
            found.unless(ended == "sent", f"the mail of {what} is {ended or 'missing'}: {attempt}")
            found.unless(copies > 0, f"the mail of {what} never arrived")
            found.unless(listed[order, event["event_type"]] == 1,
                         f"the mail of {what} is listed {listed[order, event['event_type']]} times")
    ours = tuple(shop.orders)
    for (to, subject), copies in arrived.items():
        if any(order in subject for order in ours):
            found.violations.append(f"{copies} mails to {to} that follow from no event: {subject}")
    return found


def dead_letters(found_in: dict[str, int], expected: dict[str, int], what: str) -> CheckResult:
    """The dead-letter queues contain the poisoned messages of each consumer and nothing else."""
    found = CheckResult(what)
    for consumer in sorted(found_in.keys() | expected.keys()):
        count, wanted = found_in.get(consumer, 0), expected.get(consumer, 0)
        found.counts["messages"] += count
        found.unless(count == wanted, f"{consumer} has {count} dead letters, {wanted} were poisoned")
    return found


CHECKS = (orders_have_ended, views_follow_the_log, money_is_taken_once, stock_adds_up, events_are_published,
          mails_are_sent_once, figures_follow_the_events)


def audit(shop: Shop) -> list[CheckResult]:
    """Runs all checks."""
    return [check(shop) for check in CHECKS]


def _types(log: Iterable[Event]) -> str:
    return ", ".join(event["event_type"] for event in log)
