"""The pure parts of `make bench`: copies of orders, targets, what is told."""

import unittest
import uuid
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bench_report
import bench_requests
import growth
import lower
from bench_growth import Grown
from bench_orders import Orders
from bench_report import Results, Target
from bench_requests import Cell
from bench_rivals import ROUTES
from bench_starts import BARE, EMPTY, Start, context_of
from ledger import Ledger, Load
from problem import Problem

TEMPLATE = lower.read(Path(__file__).resolve().parent.parent / "template.yaml")

ORDER, ALICE = "01a20012-39fa-72c6-91af-dfa87876398c", "01930000-0000-7001-8000-000000000001"


def text(value: str) -> dict[str, str]:
    return {"S": value}


def stored_order() -> dict[str, Any]:
    """A table with one order: its first event, its payment, and how it stands."""
    event = {"pk": text(f"ORDER#{ORDER}"), "sk": text("EVENT#000001"), "envelope": text("{…}"),
             "actor": {"M": {"user_id": text(ALICE)}}}
    payment = {"pk": text(f"ORDER#{ORDER}"), "sk": text("PAYMENT"), "version": {"N": "1"}}
    view = {"pk": text(f"USER#{ALICE}"), "sk": text(f"ORDER#{ORDER}"), "id": text(ORDER), "user_id": text(ALICE),
            "gsi1pk": text("STATUS#paid#0"), "gsi1sk": text(ORDER), "lines": {"L": []}}
    items: dict[str, dict[str, Any]] = {}
    for item in (event, payment, view):
        items.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
    return {"items": items, "ItemCount": 3}


class Copies(unittest.TestCase):
    def setUp(self) -> None:
        self.table = stored_order()
        self.engine = SimpleNamespace(_tables={"orders": self.table}, _set_item=self.set_item)

    def set_item(self, table: dict[str, Any], pk: str, sk: str, item: dict[str, Any]) -> None:
        self.assertNotIn(sk, table["items"].get(pk, {}), "a copy is not written over another")
        table["items"].setdefault(pk, {})[sk] = item
        table["ItemCount"] += 1

    def test_a_copy_is_an_order_of_somebody_else_under_its_own_keys(self) -> None:
        event, payment, view = growth.copies(growth.items_of(self.table, ORDER), "01890000-0000-7000-8000-00000000000a", "bob")
        self.assertEqual(event["pk"], payment["pk"])
        self.assertEqual(event["pk"], text("ORDER#01890000-0000-7000-8000-00000000000a"))
        self.assertEqual((view["pk"], view["sk"]), (text("USER#bob"), event["pk"]))
        self.assertEqual((view["id"], view["gsi1sk"]), (text("01890000-0000-7000-8000-00000000000a"),) * 2)
        self.assertEqual((view["user_id"], view["gsi1pk"]), (text("bob"), text("STATUS#paid#2")))

    def test_what_is_not_a_key_is_shared(self) -> None:
        of = growth.items_of(self.table, ORDER)
        for copy, item in zip(growth.copies(of, str(uuid.uuid4()), "bob"), of):
            for name in item.keys() - {"pk", "sk", "id", "user_id", "gsi1pk", "gsi1sk"}:
                self.assertIs(copy[name], item[name])

    def test_so_many_are_made_and_the_original_stays(self) -> None:
        self.assertEqual(growth.fill(self.engine, "orders", [ORDER], 25), 3 * 26)
        self.assertEqual(self.table["items"][f"USER#{ALICE}"][f"ORDER#{ORDER}"], stored_order()["items"][f"USER#{ALICE}"][f"ORDER#{ORDER}"])
        users = [len(orders) for pk, orders in self.table["items"].items() if pk.startswith("USER#") and ALICE not in pk]
        self.assertEqual(users, [10, 10, 5])
        ids = [item["id"]["S"] for orders in self.table["items"].values() for item in orders.values() if "id" in item]
        self.assertEqual({uuid.UUID(id).version for id in ids}, {7})


def times(p50: int) -> dict[str, Any]:
    return {"count": 10, "p50": p50, "p90": p50, "p99": 2 * p50, "most": 3 * p50}


def answers(p50: int, errors: int = 0) -> dict[str, Any]:
    return {**times(p50), "per_second": 1e6 / p50, "errors": errors, "told": ["500: no"] * errors}


def results(errors: int = 0, calls_later: float = 1.0) -> Results:
    cell = Cell("POST /checkout", 1, {"waybill": answers(5_500), "bare": answers(5_000), "no-op": answers(1_000)})
    many = Cell("POST /checkout", 64, {"waybill": answers(90_000, errors)})
    orders = Orders({"accepted": times(9_000), "paid": times(250_000), "took": 10**7, "errors": []},
                    {"accepted": times(90_000), "paid": times(2_500_000), "took": 10**7, "errors": []}, 1.0, 0, 0)
    starts = [Start(name, times(p50), 10**7, 0, 10**7, 3 * 10**6)
              for name, p50 in ((EMPTY, 2_000), (BARE, 9_000), ("orders", 2_800), ("users", 3_200))]
    grown = [Grown(size, 10**9, {"GET /orders": {"dynamodb Query": calls}}, {"GET /orders": answers(4_000)}, {"GetItem": 900.0})
             for size, calls in ((1_000, 1.0), (10_000, calls_later))]
    priced = Ledger(Load("one by one", 1, 1, with_mail=False), Counter({("Checkout", "dynamodb write units"): 9.0}))
    return Results({"POST /checkout": {"dynamodb BatchGetItem": 1.0}}, [cell], many, orders, starts, grown, [priced])


class Targets(unittest.TestCase):
    def target(self, found: Results, name: str) -> Target:
        return next(target for target in bench_report.targets(found) if name in target.name)

    def test_each_says_what_came_out_and_whether_that_will_do(self) -> None:
        checkout = self.target(results(), "to a bare")
        self.assertAlmostEqual(checkout.value, 1.1)
        self.assertTrue(checkout.met)
        start = self.target(results(), "to an empty")
        self.assertAlmostEqual(start.value, 1.6)
        self.assertIn("(users)", start.name)
        self.assertTrue(start.line().endswith("MISSED"))

    def test_other_calls_miss_the_target_of_growth(self) -> None:
        self.assertTrue(self.target(results(), "GET /orders, other calls").met)
        self.assertFalse(self.target(results(calls_later=1.5), "GET /orders, other calls").met)

    def test_an_order_that_was_never_paid_misses_its_target(self) -> None:
        found = results()
        found.orders.alone["paid"] = None
        self.assertFalse(self.target(found, "checkout to paid").met)

    def test_what_a_function_that_does_nothing_takes_is_taken_off(self) -> None:
        self.assertAlmostEqual(results().cells[0].own_ratio(), 4.5 / 4)

    def test_the_tables_tell_of_all(self) -> None:
        told = "\n".join(bench_report.lines(results(), TEMPLATE))
        for part in ("POST /checkout", "bare", "1.10", "checkout to paid", "(empty)", "4.00 ms, 1 calls", "raw GetItem"):
            self.assertIn(part, told)


class Errors(unittest.TestCase):
    def test_an_error_is_told_and_fails_the_bench(self) -> None:
        wrong = bench_requests.errors([results(errors=2).many])
        self.assertEqual(wrong, ["POST /checkout, 64 clients, waybill: 2 errors, such as 500: no"])
        with self.assertRaises(Problem):
            bench_report.require_right(wrong)
        bench_report.require_right(bench_requests.errors([results().many]))

    def test_orders_that_are_left_fail_it_too(self) -> None:
        left = Orders({"errors": []}, {"errors": ["the socket was closed"]}, 120.0, pending=3, dead_letters=1)
        self.assertEqual(len(left.errors), 3)


class Names(unittest.TestCase):
    def test_rivals_stand_beside_what_they_imitate(self) -> None:
        self.assertEqual(ROUTES[0].path_of("waybill"), "/api/v1/checkout")
        self.assertEqual(ROUTES[0].path_of("bare"), "/bare/checkout")

    def test_a_function_belongs_to_the_context_of_its_table(self) -> None:
        self.assertEqual(context_of("waybill-OrdersTable-A3147", "waybill-Checkout-55C8"), "orders")
        self.assertEqual(context_of("", "waybill-Health-1"), "gateway")
        self.assertEqual(context_of("waybill-OrdersTable-A3147", "bench-bare-Checkout"), BARE)
        self.assertEqual(context_of("waybill-OrdersTable-A3147", "bench-no-op-Checkout"), EMPTY)


if __name__ == "__main__":
    unittest.main()
