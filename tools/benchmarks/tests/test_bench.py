"""The targets, tables and errors of `make bench`."""

import unittest
from typing import Any

from benchmarks import report, requests
from benchmarks.cold_starts import BARE, EMPTY, Start, context_of
from benchmarks.growth import Grown
from benchmarks.orders import Orders
from benchmarks.report import Results, Target
from benchmarks.requests import Cell
from benchmarks.rivals import ROUTES
from cost.cost_report import Load, OrderCost
from engine import templates
from engine.problem import Problem
from engine.stack import ROOT

TEMPLATE = templates.read(ROOT).merged


def times(p50: int) -> dict[str, Any]:
    return {"count": 10, "p50": p50, "p90": p50, "p99": 2 * p50, "most": 3 * p50}


def answers(p50: int, errors: int = 0) -> dict[str, Any]:
    return {**times(p50), "per_second": 1e6 / p50, "errors": errors, "error_texts": ["500: no"] * errors}


def results(errors: int = 0, calls_later: float = 1.0) -> Results:
    cell = Cell("POST /checkout", 1, {"waybill": answers(5_500), "bare": answers(5_000), "no-op": answers(1_000)})
    many = Cell("POST /checkout", 64, {"waybill": answers(90_000, errors)})
    orders = Orders({"accepted": times(9_000), "paid": times(250_000), "took": 10**7, "errors": []},
                    {"accepted": times(90_000), "paid": times(2_500_000), "took": 10**7, "errors": []}, 1.0, 0, 0)
    starts = [Start(name, times(p50), 10**7, 0, 10**7, 3 * 10**6)
              for name, p50 in ((EMPTY, 2_000), (BARE, 9_000), ("orders", 2_800), ("users", 3_200))]
    grown = [Grown(size, 10**9, {"GET /orders": {"dynamodb Query": calls}}, {"GET /orders": answers(4_000)}, {"GetItem": 900.0})
             for size, calls in ((1_000, 1.0), (10_000, calls_later))]
    priced = OrderCost(Load("one by one", 1, 1, with_mail=False), {("Checkout", "dynamodb write units"): 9.0})
    return Results({"POST /checkout": {"dynamodb BatchGetItem": 1.0}}, [cell], many, orders, starts, grown, [priced])


class Targets(unittest.TestCase):
    def target(self, found: Results, name: str) -> Target:
        return next(target for target in report.targets(found) if name in target.name)

    def test_each_has_its_value_and_whether_it_is_met(self) -> None:
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

    def test_the_time_of_a_no_op_is_subtracted(self) -> None:
        self.assertAlmostEqual(results().cells[0].own_ratio(), 4.5 / 4)

    def test_the_tables_show_all_measurements(self) -> None:
        shown = "\n".join(report.lines(results(), TEMPLATE))
        for part in ("POST /checkout", "bare", "1.10", "checkout to paid", "(empty)", "4.00 ms, 1 calls", "raw GetItem"):
            self.assertIn(part, shown)


class Errors(unittest.TestCase):
    def test_an_error_is_reported_and_fails_the_bench(self) -> None:
        wrong = requests.errors([results(errors=2).many])
        self.assertEqual(wrong, ["POST /checkout, 64 clients, waybill: 2 errors, such as 500: no"])
        with self.assertRaises(Problem):
            report.require_right(wrong)
        report.require_right(requests.errors([results().many]))

    def test_pending_orders_and_dead_letters_fail_the_bench(self) -> None:
        left = Orders({"errors": []}, {"errors": ["the socket was closed"]}, 120.0, pending=3, dead_letters=1)
        self.assertEqual(len(left.errors), 3)


class Names(unittest.TestCase):
    def test_rivals_have_the_path_of_the_route_with_another_prefix(self) -> None:
        self.assertEqual(ROUTES[0].path_of("waybill"), "/api/v1/checkout")
        self.assertEqual(ROUTES[0].path_of("bare"), "/bare/checkout")

    def test_a_function_belongs_to_the_context_of_its_table(self) -> None:
        self.assertEqual(context_of("waybill-Orders-1A2B-OrdersTable-A3147", "waybill-Orders-1A2B-Checkout-55C8"), "orders")
        self.assertEqual(context_of("", "waybill-Health-1"), "gateway")
        self.assertEqual(context_of("waybill-Orders-1A2B-OrdersTable-A3147", "bench-bare-Checkout"), BARE)
        self.assertEqual(context_of("waybill-Orders-1A2B-OrdersTable-A3147", "bench-no-op-Checkout"), EMPTY)


if __name__ == "__main__":
    unittest.main()
