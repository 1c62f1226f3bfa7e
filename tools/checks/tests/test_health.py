"""The health function of each context monitors the table and every queue of its context, and has no other permissions."""

import re
import unittest
from collections.abc import Callable
from typing import Any

from engine import templates
from engine.stack import ROOT

SHOP = templates.read(ROOT)
RESOURCES: dict[str, Any] = SHOP.merged["Resources"]
CONTEXTS = sorted(set(SHOP.contexts) - {"gateway"})
MAX_BYTES = 4096  # of all variables of a function


def named(resource_type: str, context: str) -> set[str]:
    return {name for name in SHOP.of_type(resource_type) if SHOP.context_of.get(name) == context}


def target(value: dict[str, Any]) -> str:
    """Returns the logical id behind a `!Ref` or a `!GetAtt`."""
    return templates.references(value)[0]


def rendered(value: Any, physical: Callable[[str], str]) -> str:
    """Returns a variable's value, with `physical` of each logical id that CloudFormation would resolve."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(rendered(part, physical) for part in parts)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{(\w+)\}", lambda found: physical(found[1]), value["Fn::Sub"])
    return physical(target(value))


def function_of(context: str) -> str:
    return f"{context.capitalize()}Health"


def variables(function: str, physical: Callable[[str], str] = lambda name: name) -> dict[str, str]:
    own = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    return {name: rendered(value, physical) for name, value in own.items()}


def consumers(context: str) -> dict[str, str]:
    """Returns the consumers of a context with their queues, by logical ids, as the function reads them."""
    pairs = variables(function_of(context)).get("HEALTH_QUEUES", "")
    return dict(pair.split("=") for pair in pairs.split(",") if pair)


def dead_letters_of(queue: str) -> str:
    return target(RESOURCES[queue]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])


class Routes(unittest.TestCase):
    def test_each_context_has_a_health_route(self) -> None:
        routes = SHOP.routes()
        self.assertEqual({f"GET /api/v1/health/{context}": context for context in SHOP.contexts},
                         {key: context for key, context in routes.items() if key.startswith("GET /api/v1/health/")})
        self.assertEqual(("gateway", "gateway"), (routes["GET /health"], routes["GET /api/v1/health"]))


class Variables(unittest.TestCase):
    def test_every_table_is_monitored_in_its_context(self) -> None:
        tables = {variables(function_of(context))["TABLE_NAME"]: context for context in CONTEXTS}
        self.assertEqual(set(SHOP.of_type("AWS::DynamoDB::Table")), set(tables))
        for function, resource in SHOP.of_type(templates.FUNCTION).items():
            table = resource["Properties"].get("Environment", {}).get("Variables", {}).get("TABLE_NAME")
            if table:
                with self.subTest(function):
                    self.assertEqual(SHOP.context_of[function], tables[target(table)])

    def test_every_queue_is_monitored(self) -> None:
        for context in CONTEXTS:
            with self.subTest(context):
                queues = list(consumers(context).values())
                queues += [dead_letters_of(queue) for queue in queues]
                self.assertEqual(sorted(named("AWS::SQS::Queue", context)), sorted(queues))
        self.assertEqual("UnpublishedQueue", variables("Health")["UNPUBLISHED_QUEUE_URL"])
        self.assertEqual(["UnpublishedQueue"], [name for name in SHOP.of_type("AWS::SQS::Queue") if name not in SHOP.context_of])

    def test_a_consumer_is_listed_with_its_own_queues_in_its_context(self) -> None:
        for context in CONTEXTS:
            for consumer, queue in consumers(context).items():
                with self.subTest(consumer):
                    sources = RESOURCES[consumer]["Properties"]["Events"].values()
                    self.assertEqual([queue], [target(s["Properties"]["Queue"]) for s in sources if s["Type"] == "SQS"])
                    self.assertEqual(context, SHOP.context_of[consumer])

    def test_they_are_short_enough_for_a_longer_stack_name(self) -> None:
        def longest(name: str) -> str:
            stack = "waybill-production-Notifications-1A2B3C4D5E6F7"
            return f"https://sqs.ap-southeast-1.amazonaws.com/123456789012/{stack}-{name}-{'X' * 13}"

        for context in CONTEXTS:
            with self.subTest(context):
                size = sum(len(name) + len(value) for name, value in variables(function_of(context), longest).items())
                self.assertLess(size + 200, MAX_BYTES, "with the variables of all functions")


class Role(unittest.TestCase):
    def granted(self, role: str) -> tuple[dict[tuple[str, ...], set[str]], list[dict[str, Any]]]:
        policies = RESOURCES[role]["Properties"]["Policies"]
        statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
        resources = [s["Resource"] if isinstance(s["Resource"], list) else [s["Resource"]] for s in statements]
        return {tuple(s["Action"]): {target(each) for each in named} for s, named in zip(statements, resources, strict=True)}, statements

    def test_it_reads_the_status_of_tables_and_queues_and_nothing_else(self) -> None:
        for context in CONTEXTS:
            with self.subTest(context):
                granted, statements = self.granted(f"{function_of(context)}Role")
                queues = named("AWS::SQS::Queue", context)
                tables = named("AWS::DynamoDB::Table", context)
                self.assertEqual({("dynamodb:DescribeTable",): tables,
                                  **({("sqs:GetQueueAttributes",): queues} if queues else {}),
                                  **({("dynamodb:GetItem",): {"PaymentsTable"}} if context == "payments" else {})}, granted)
                conditions = [s["Condition"] for s in statements if "Condition" in s]
                if context == "payments":
                    self.assertEqual([{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["CIRCUIT"]}}], conditions)
                    self.assertEqual(["dynamodb:GetItem"], [a for s in statements if "Condition" in s for a in s["Action"]])
                else:
                    self.assertEqual([], conditions)

    def test_the_aggregate_reads_no_table_and_only_the_queue_of_unpublished_events(self) -> None:
        self.assertEqual({("sqs:GetQueueAttributes",): {"UnpublishedQueue"}}, self.granted("HealthRole")[0])


if __name__ == "__main__":
    unittest.main()
