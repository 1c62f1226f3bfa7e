"""Contexts and functions are generated in a copy of the repository. Of the Rust tools, only rustfmt runs."""

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from engine import templates
from engine.problem import Problem
from engine.stack import ROOT
from scaffold import proof
from scaffold.new_context import new_context
from scaffold.new_function import new_function
from scaffold.result import Result
from scaffold.tree import Tree

ADDED = ("ListReviews", "ReviewsHealth", "GetReview", "CreateReview", "InviteReview", "ExpireReviews", "GetBrand", "CountSales")


def contents(tree: Path) -> dict[str, bytes]:
    """Returns the contents of all files of a tree."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


class Copy(unittest.TestCase):
    """A test case whose tests share a copy of the repository, `tree`."""

    tree: Path
    folder: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.tree = Path(cls.folder.name) / "waybill"
        proof.copy(ROOT, cls.tree)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()


class Written(Copy):
    results: list[Result]
    before: dict[str, bytes]
    shop: templates.Templates
    resources: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.before = contents(cls.tree)
        cls.results = proof.add_all(cls.tree)
        cls.shop = templates.read(cls.tree)
        cls.resources = cls.shop.merged["Resources"]

    def test_every_changed_file_is_reported(self) -> None:
        after = contents(self.tree)
        changed = {path for path, text in after.items() if self.before.get(path) != text}
        self.assertEqual(changed, {path for result in self.results for path in result.files})
        self.assertEqual(set(), self.before.keys() - after.keys())
        for result in self.results:
            self.assertIn("make check", str(result))

    def test_the_context_is_a_nested_stack_like_the_others(self) -> None:
        self.assertEqual(proof.CONTEXT, list(self.shop.contexts)[-1])
        ours, other = ({**self.shop.contexts[name]["Globals"]["Function"], "CodeUri": None} for name in (proof.CONTEXT, "orders"))
        self.assertEqual(other, ours)

    def test_every_function_has_a_sample_a_handler_and_a_role(self) -> None:
        for name in ADDED:
            with self.subTest(name):
                context = self.shop.context_of[name]
                json.loads((self.tree / "events" / context / f"{name}.json").read_text(encoding="utf-8"))
                handler = self.resources[name]["Properties"]["Handler"]
                self.assertIn(f'"{handler}" =>', (self.tree / "functions" / context / "src" / "main.rs").read_text(encoding="utf-8"))
                self.assertIn(f"{name}Role", self.resources)

    def test_routes_belong_to_their_context_and_are_in_its_policy(self) -> None:
        routes = self.shop.routes()
        for context, module, key, policy in (
            ("reviews", "list_reviews", "GET /api/v1/reviews", "Access::Customer)"),
            ("reviews", "health", "GET /api/v1/health/reviews", "Access::Anyone)"),
            ("reviews", "get_review", "GET /api/v1/reviews/{review_id}", "Access::Customer)"),
            ("reviews", "create_review", "POST /api/v1/reviews", "Access::Customer).limited(Limit::Writes)"),
            ("catalog", "get_brand", "GET /api/v1/brands/{brand}", "Access::Anyone)"),
        ):
            with self.subTest(key):
                self.assertEqual(context, routes[key])
                api = self.tree / "functions" / context / "src" / "api"
                route = f'pub(crate) const ROUTE: Route = Route::new("{key}", {policy};\n\n/// `'
                self.assertIn(route, (api / f"{module}.rs").read_text(encoding="utf-8"))
                self.assertIn(f"{module}::ROUTE", (api / "mod.rs").read_text(encoding="utf-8"))

    def test_a_consumer_has_a_subscription_and_a_mapping(self) -> None:
        for name, topic, events in (("InviteReview", "OrdersTopic", ["OrderDelivered", "OrderRefunded"]),
                                    ("CountSales", "PaymentsTopic", ["PaymentProcessed"])):
            with self.subTest(name):
                subscription = self.resources[f"{name}Subscription"]["Properties"]
                self.assertEqual(({"Ref": topic}, {"event_type": events}, True),
                                 (subscription["TopicArn"], subscription["FilterPolicy"], subscription["RawMessageDelivery"]))
                mapping = self.resources[name]["Properties"]["Events"]["Messages"]["Properties"]
                self.assertEqual(["ReportBatchItemFailures"], mapping["FunctionResponseTypes"])

    def test_functions_have_only_the_permissions_that_they_use(self) -> None:
        def actions(function: str) -> list[str]:
            policies = self.resources[f"{function}Role"]["Properties"].get("Policies", [])
            return [action for policy in policies for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]]

        self.assertEqual(["dynamodb:Query"], actions("ListReviews"))
        self.assertEqual(["dynamodb:UpdateItem"], actions("CreateReview"))
        for name in ("GetReview", "ExpireReviews", "GetBrand"):
            self.assertEqual([], actions(name))

    def test_existing_names_are_refused(self) -> None:
        before = contents(self.tree)
        with self.assertRaisesRegex(Problem, "^NAME=reviews: functions/reviews exists"):
            new_context(self.tree, "reviews")
        for kind in ("endpoint", "schedule"):
            with self.assertRaisesRegex(Problem, "^NAME=get-review: reviews has such a function"):
                new_function(self.tree, "reviews", "get-review", kind, {})
        self.assertEqual(before, contents(self.tree))


class Refused(Copy):
    CONTEXTS = (
        ("Reviews", "NAME=Reviews: "), ("orders", "NAME=orders: functions/orders exists"), ("contracts", "NAME=contracts: "),
        ("serde", "NAME=serde: a crate"), ("products", "NAME=products: another context has routes"), ("docs", "NAME=docs: another context"),
        ("fn", "NAME=fn: "), ("users", "NAME=users: "), ("devices", "NAME=devices: the kernel has an id"),
    )
    FUNCTIONS = (
        ("nowhere", "list-it", "endpoint", {}, "CONTEXT=nowhere: there is no such context"),
        ("catalog", "List", "endpoint", {}, "NAME=List: "),
        ("catalog", "list-it", "thing", {}, "KIND=thing: "),
        ("catalog", "list-it", "endpoint", {"RATE": "rate(1 minute)"}, "RATE: KIND=endpoint takes METHOD, "),
        ("catalog", "list-it", "endpoint", {"METHOD": "HEAD"}, "METHOD=HEAD: "),
        ("catalog", "list-it", "endpoint", {"ACCESS": "nobody"}, "ACCESS=nobody: "),
        ("catalog", "list-it", "endpoint", {"ACCESS": "owner"}, "ACCESS=owner: "),
        ("catalog", "list-it", "endpoint", {"LIMIT": "logins"}, "LIMIT=logins: "),
        ("gateway", "list-it", "endpoint", {"LIMIT": "writes"}, "LIMIT=writes: gateway has no table"),
        ("catalog", "list-it", "endpoint", {"ROUTE": "/v1/it"}, "ROUTE=/v1/it: "),
        ("catalog", "list-it", "endpoint", {"ROUTE": "/api/v1/it/{type}"}, "ROUTE=/api/v1/it/{type}: "),
        ("catalog", "list-it", "endpoint", {"ROUTE": "/api/v1/health/it"}, "ROUTE=/api/v1/health/it: "),
        ("catalog", "list-it", "endpoint", {"ROUTE": "/api/v1/products/{id}"},
         "ROUTE=/api/v1/products/{id}: GET /api/v1/products/{product_id} is a route already"),
        ("inventory", "get-product", "endpoint", {}, "NAME=get-product: catalog has a resource GetProduct"),
        ("catalog", "health", "schedule", {}, "NAME=health: catalog has such a function"),
        ("catalog", "lambda", "endpoint", {}, "NAME=lambda: a crate"),
        ("catalog", "list-it", "endpoint", {"ROUTE": "/api/v1/it/{request}"}, "ROUTE=/api/v1/it/{request}: "),
        ("catalog", "response", "endpoint", {}, "NAME=response: functions/catalog/src/api/response.rs exists"),
        ("catalog", "count-it", "consumer", {}, "SOURCE is missing"),
        ("catalog", "count-it", "consumer", {"SOURCE": "orders"}, "EVENTS is missing"),
        ("catalog", "count-it", "consumer", {"SOURCE": "gateway", "EVENTS": "A"}, "SOURCE=gateway: "),
        ("catalog", "count-it", "consumer", {"SOURCE": "orders", "EVENTS": "UserDeleted"},
         "EVENTS=UserDeleted: it is one of OrderPlaced, "),
        ("catalog", "count-it", "consumer", {"SOURCE": "orders", "EVENTS": "OrderPlaced,OrderPlaced"}, "EVENTS=OrderPlaced,OrderPlaced: "),
        ("gateway", "count-it", "consumer", {"SOURCE": "orders", "EVENTS": "OrderPlaced"}, "KIND=consumer: gateway has no table"),
        *(("catalog", "do-it", "schedule", {"RATE": rate}, f"RATE={rate}: ")
          for rate in ("", "1 minute", "rate(1 minutes)", "rate(2 minute)", "rate(0 days)", "cron(* * *)")),
    )

    def test_a_refusal_names_its_argument_and_changes_nothing(self) -> None:
        before = contents(self.tree)
        for name, message in self.CONTEXTS:
            with self.subTest(name), self.assertRaises(Problem) as raised:
                new_context(self.tree, name)
            self.assertTrue(str(raised.exception).startswith(message), raised.exception)
        for context, name, kind, values, message in self.FUNCTIONS:
            with self.subTest(message), self.assertRaises(Problem) as raised:
                new_function(self.tree, context, name, kind, values)
            self.assertTrue(str(raised.exception).startswith(message), raised.exception)
            self.assertNotIn("\n", str(raised.exception))
        self.assertEqual(before, contents(self.tree))

    def test_nothing_is_written_if_the_check_fails(self) -> None:
        before = contents(self.tree)
        tree = Tree(self.tree)
        tree.write("functions/reviews/src/lib.rs", "//! New.\n")
        tree.write("Makefile", "changed\n")

        def check() -> None:
            self.assertEqual("changed\n", (self.tree / "Makefile").read_text(encoding="utf-8"))
            raise Problem("it does not fit")

        with self.assertRaises(Problem):
            tree.save(check)
        self.assertEqual(before, contents(self.tree))
        self.assertFalse((self.tree / "functions/reviews").exists())


if __name__ == "__main__":
    unittest.main()
