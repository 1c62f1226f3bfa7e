"""The audit reports no violations in consistent data, and each check reports the violation in corrupted data."""

import json
import unittest
from collections import Counter
from collections.abc import Callable
from typing import Any

from chaos import audit, table_snapshot
from chaos.audit_analytics import adds, figures_follow_the_events
from chaos.violations import CheckResult, Shop, status

MUG, BUYER, ADDRESS = "mug", "buyer", "buyer@example.com"


def money(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": "USD"}


def event(kind: str, subject: str, sequence: int, source: str = "orders", **data: Any) -> dict[str, Any]:
    return {"event_id": f"{subject}/{source}/{sequence}", "event_type": kind, "source": source, "subject": subject,
            "sequence": sequence, "timestamp": f"2026-11-21T10:00:0{sequence}.000Z", "data": data}


class ConsistentShop:
    """The data of a shop with a paid and partly refunded order, and an order whose payment was declined."""

    def __init__(self) -> None:
        self.tables = table_snapshot.Tables()
        lines = [{"product_id": MUG, "name": "Mug", "quantity": 2, "unit_price": money(1250)}]
        placed = {"user_id": BUYER, "lines": lines, "total": money(2500)}
        self._log("paid", ("OrderPlaced", placed), ("CheckoutStarted", {}), ("OrderConfirmed", {"payment_id": "p", "lines": lines}))
        self._log("declined", ("OrderPlaced", placed), ("CheckoutStarted", {}), ("OrderCancelled", {"reason": "payment_declined"}))
        self._put("users", pk=f"USER#{BUYER}", sk="ACCOUNT", id=BUYER, email=ADDRESS)
        for part, state in (("paid", "committed"), ("declined", "released")):
            self._put("inventory", pk=f"ORDER#{part}", sk="PART#00", status=state)
        self._put("inventory", pk=f"PRODUCT#{MUG}", sk="STOCK#00", on_hand=8, available=8)
        self._put("payments", pk="SIMULATOR#paid", sk="INTENT", state="captured", amount=money(2500), refunds={"r": money(500)})
        self._put("payments", pk="SIMULATOR#declined", sk="INTENT", state="declined", amount=money(2500), refunds={})
        self._put("payments", pk=f"USER#{BUYER}", sk="PAYMENT#p", order_id="paid", status="partly_refunded",
                  refunds=[{"amount": money(500), "status": "succeeded"}])
        self._put("payments", pk=f"USER#{BUYER}", sk="PAYMENT#q", order_id="declined", status="declined")
        self._put("orders", pk="ORDER#paid", sk="PAYMENT", captured=True, refunds={"r": money(500)})
        for sequence, (kind, amount) in enumerate((("PaymentProcessed", 2500), ("PaymentRefunded", 500)), 1):
            self._outbox("payments", event(kind, "p", sequence, "payments", order_id="paid", amount=money(amount)))
        self._count()
        mails = [{"to": [ADDRESS], "subject": audit.MAILS[each["event_type"]].format(order)}
                 for order, log in self.tables.logs.items() for each in log if each["event_type"] in audit.MAILS]
        shown = {order: {"status": status(log), "total_amount": "25.00",
                         "timeline": [{"type": each["event_type"]} for each in log]} for order, log in self.tables.logs.items()}
        moved = {"gross": 2500, "refunded": 500}
        reports = {"days": {"2026-11-21": {"orders": 2, "items": 4, "paid": 1, "cancelled": 1}}, "products": {MUG: 2},
                   "revenue": dict(moved), "payments": dict(moved), "by_status": Counter(paid=1, cancelled=1)}
        self.shop = Shop(tables=self.tables, accepted={"paid", "declined"}, stock={MUG: 10},
                         received={**self.tables.events, "reserved": event("StockReserved", "paid", 1, "inventory")},
                         mails=mails, shown=shown, reports=reports)

    def _put(self, context: str, **item: Any) -> None:
        table_snapshot.put(self.tables, context, item)

    def _outbox(self, context: str, envelope: dict[str, Any]) -> None:
        self._put(context, pk=f"ORDER#{envelope['subject']}", sk="EVENT#1", envelope=json.dumps(envelope))

    def _log(self, order: str, *events: tuple[str, dict[str, Any]]) -> None:
        for sequence, (kind, data) in enumerate(events, 1):
            envelope = event(kind, order, sequence, **data)
            self._outbox("orders", envelope)
            if kind in audit.MAILS:
                self._put("notifications", pk=f"EVENT#{envelope['event_id']}", sk="EMAIL", ended="sent", claims=1, unanswered=1)
                self._put("notifications", pk=f"USER#{BUYER}", sk=f"NOTIFICATION#{envelope['event_id']}", order_id=order, type=kind,
                          channel="email", status="sent")
        log = self.tables.logs[order]
        self._put("orders", **{**audit.replay(order, log), "pk": f"USER#{BUYER}", "sk": f"ORDER#{order}"})

    def _count(self) -> None:
        for event_id, stored in self.tables.events.items():
            if added := adds(stored):
                self._put("analytics", pk="LOG#00#2026-11-21", sk=event_id, kind="counted")
                self._put("analytics", pk="DAYS#00", sk="2026-11-21", events=1, **added)
            if stored["event_type"] == "OrderConfirmed":
                self._put("analytics", pk="PRODUCTS#00", sk=f"2026-11-21#{MUG}", events=1, orders=1, quantity=2, value_USD=2500)


class ConsistentData(unittest.TestCase):
    def test_has_no_violations(self) -> None:
        self.assertEqual({result.name: result.violations for result in audit.audit(ConsistentShop().shop) if result.violations}, {})

    def test_a_mail_may_arrive_twice_after_an_attempt_without_an_answer(self) -> None:
        shop = ConsistentShop().shop
        shop.mails.append(shop.mails[0])
        shop.tables.attempts["paid/orders/1"].update(claims=2, unanswered=2)
        found = audit.mails_are_sent_once(shop)
        self.assertEqual((found.violations, found.counts["mails that arrived again after an attempt without an answer"]), ([], 1))

    def test_orders_without_an_answer_may_exist(self) -> None:
        shop = ConsistentShop().shop
        shop.accepted.remove("declined")
        shop.unsure[BUYER] = 1
        self.assertEqual(audit.orders_have_ended(shop).violations, [])


Corrupt = Callable[[Shop], Any]

CORRUPTED: list[tuple[Callable[[Shop], CheckResult], Corrupt, str]] = [
    (audit.orders_have_ended, lambda shop: shop.tables.logs["paid"].pop(), "order paid is pending"),
    (audit.orders_have_ended, lambda shop: shop.tables.logs["paid"].pop(1), "order paid has gaps"),
    (audit.orders_have_ended, lambda shop: shop.tables.logs["paid"].append(event("OrderPlaced", "paid", 4)), "impossible"),
    (audit.orders_have_ended, lambda shop: shop.accepted.add("lost"), "order lost was accepted"),
    (audit.orders_have_ended, lambda shop: shop.accepted.remove("paid"), "that were not accepted"),
    (audit.orders_have_ended, lambda shop: shop.tables.parked.append("paid"), "order paid is parked"),
    (audit.orders_have_ended, lambda shop: shop.tables.deferred.append("lost"), "still deferred"),
    (audit.views_follow_the_log, lambda shop: shop.tables.views["paid"].update(status="pending"), "its view has status"),
    (audit.views_follow_the_log, lambda shop: shop.shown["paid"].update(status="pending"), "order paid is shown by the API as"),
    (audit.views_follow_the_log, lambda shop: shop.shown.pop("paid"), "order paid is not shown by the API"),
    (audit.money_is_taken_once, lambda shop: shop.tables.provider["paid"].update(state="authorized"), "at the provider authorized"),
    (audit.money_is_taken_once, lambda shop: shop.tables.provider["paid"].update(amount=money(5000)), "the provider captured 5000"),
    (audit.money_is_taken_once, lambda shop: shop.tables.provider["declined"].update(state="captured"), "at the provider captured"),
    (audit.money_is_taken_once, lambda shop: shop.tables.provider["declined"].update(state="authorized"), "at the provider authorized"),
    (audit.money_is_taken_once, lambda shop: shop.tables.provider["paid"].update(refunds={}), "the provider refunded 0"),
    (audit.money_is_taken_once, lambda shop: shop.tables.events.pop("p/payments/1"), "events say"),
    (audit.money_is_taken_once, lambda shop: shop.tables.events.update(again=shop.tables.events["p/payments/1"]), "paid 2 times"),
    (audit.money_is_taken_once, lambda shop: shop.tables.payments["paid"].update(status="declined"), "its payment is declined"),
    (audit.money_is_taken_once, lambda shop: shop.tables.payments["declined"].update(status="pending"), "its payment pending"),
    (audit.money_is_taken_once, lambda shop: shop.tables.replicated_payments.pop("paid"), "its replicated payment is"),
    (audit.money_is_taken_once, lambda shop: shop.tables.unsettled.append("paid"), "is still pending"),
    (audit.stock_adds_up, lambda shop: shop.tables.counters[MUG][0].update(on_hand=7, available=7), "7 are left"),
    (audit.stock_adds_up, lambda shop: shop.tables.counters[MUG][0].update(available=6), "6 are available"),
    (audit.stock_adds_up, lambda shop: shop.tables.counters[MUG].extend(
        [{"on_hand": -1, "available": 0}, {"on_hand": 1, "available": 0}]), "below zero"),
    (audit.stock_adds_up, lambda shop: shop.tables.parts["paid"][0].update(status="reserved"), "its reservation ['reserved']"),
    (audit.stock_adds_up, lambda shop: shop.tables.parts["declined"][0].update(status="reserved"), "its reservation ['reserved']"),
    (audit.events_are_published, lambda shop: shop.received.pop("paid/orders/3"), "never published"),
    (audit.events_are_published, lambda shop: shop.received.update(new=event("OrderPlaced", "new", 1)), "but is in no table"),
    (audit.events_are_published, lambda shop: shop.received.pop("reserved"), "was reserved 0 times"),
    (audit.events_are_published, lambda shop: shop.received.update(again=shop.received["reserved"]), "was reserved 2 times"),
    (audit.mails_are_sent_once, lambda shop: shop.mails.pop(), "never arrived"),
    (audit.mails_are_sent_once, lambda shop: shop.mails.append(shop.mails[0]), "arrived 2 times"),
    (audit.mails_are_sent_once, lambda shop: shop.tables.attempts.pop("paid/orders/1"), "is missing"),
    (audit.mails_are_sent_once, lambda shop: shop.tables.attempts["paid/orders/1"].update(ended="failed"), "is failed"),
    (audit.mails_are_sent_once, lambda shop: shop.tables.notifications.append(shop.tables.notifications[0]), "listed 2 times"),
    (audit.mails_are_sent_once, lambda shop: shop.mails.append(
        {"to": [ADDRESS], "subject": "Your order paid was cancelled"}), "follow from no event"),
    (figures_follow_the_events, lambda shop: shop.tables.counted.pop("paid/orders/3"), "was not counted"),
    (figures_follow_the_events, lambda shop: shop.tables.counted.update(other={"kind": "counted"}), "no such event"),
    (figures_follow_the_events, lambda shop: shop.tables.days["2026-11-21"].update(paid=1), "figures are"),
    (figures_follow_the_events, lambda shop: shop.tables.sold[MUG].update(quantity=2), "figures are"),
    (figures_follow_the_events, lambda shop: shop.reports["days"]["2026-11-21"].update(paid=2), "is shown as 2"),
    (figures_follow_the_events, lambda shop: shop.reports["products"].update({MUG: 3}), "3 are shown"),
    (figures_follow_the_events, lambda shop: shop.reports["revenue"].update(gross=1), "revenue is shown"),
    (figures_follow_the_events, lambda shop: shop.reports["payments"].update(gross=1), "payments shows"),
    (figures_follow_the_events, lambda shop: shop.reports["by_status"].update(paid=1), "orders are shown"),
]


class CorruptedData(unittest.TestCase):
    def test_each_violation_is_reported(self) -> None:
        for check, corrupt, violation in CORRUPTED:
            with self.subTest(check=check.__name__, violation=violation):
                shop = ConsistentShop().shop
                corrupt(shop)
                violations = check(shop).violations
                self.assertTrue(any(violation in found for found in violations), violations)

    def test_every_check_has_a_violation(self) -> None:
        self.assertEqual({check for check, _, _ in CORRUPTED}, set(audit.CHECKS))

    def test_dead_letters_have_to_be_those_that_were_poisoned(self) -> None:
        self.assertEqual(audit.dead_letters({"A": 2}, {"A": 2}, "").violations, [])
        self.assertTrue(audit.dead_letters({"A": 2}, {"A": 1}, "").violations)
        self.assertTrue(audit.dead_letters({}, {"A": 1}, "").violations)


if __name__ == "__main__":
    unittest.main()
