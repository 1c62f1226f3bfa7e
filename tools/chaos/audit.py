"""Holds the books of a shop against each other once it is quiet: orders, money, stock, events, mails, figures.

Each check looks at what was read and asks nothing itself; it says how much it has looked at, and what does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chaos.audit_analytics import figures_follow_the_events
from chaos.table_snapshot import Event, Item, minor
from chaos.violations import Finding, Shop, is_sold, status

# A publisher tells these of the counters of a product and of reservations; they lie in no table.
TOLD_OF_STOCK = {"StockChanged", "StockRanLow", "StockReserved"}

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
        reason = next((f", {event['data']['reason']}" for event in log if event["event_type"] == "OrderCancelled"), "")
        found.counts[(now or "no order") + reason] += 1
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
        said = replay(order, log)
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


def replay(order: str, log: list[Event]) -> Item:
    """What the view of an order has to say, by its log."""
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
    """What is in an outbox was heard, and what was heard is in an outbox; of what was sold it was told once that it was set aside."""
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
    reserved = Counter(event["subject"] for event in shop.heard.values() if event["event_type"] == "StockReserved")
    for order, log in shop.orders.items():
        found.unless(reserved[order] == 1 or not is_sold(log), f"order {order} was told {reserved[order]} times to be set aside")
    return found


def mails_are_sent_once(shop: Shop) -> Finding:
    """Each mail that a log wants was sent once; more often only where tries were left without an answer, and no more than these."""
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


def dead_letters(found_in: dict[str, int], expected: dict[str, int], what: str) -> Finding:
    """In the dead-letter queues, by consumer, is what was poisoned and nothing else."""
    found = Finding(what)
    for consumer in sorted(found_in.keys() | expected.keys()):
        count, wanted = found_in.get(consumer, 0), expected.get(consumer, 0)
        found.counts["messages"] += count
        found.unless(count == wanted, f"{consumer} has {count} dead letters, {wanted} were poisoned")
    return found


CHECKS = (orders_have_ended, views_follow_the_log, money_is_taken_once, stock_adds_up, events_are_published,
          mails_are_sent_once, figures_follow_the_events)


def audit(shop: Shop) -> list[Finding]:
    """All checks."""
    return [check(shop) for check in CHECKS]


def _types(log: Iterable[Event]) -> str:
    return ", ".join(event["event_type"] for event in log)
