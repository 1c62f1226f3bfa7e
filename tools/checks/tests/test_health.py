"""The Health function watches every table and every queue of the template, and may do no more than that."""

import re
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import sam
from engine.stack import ROOT

RESOURCES: dict[str, Any] = sam.read(ROOT / "template.yaml")["Resources"]
MOST_BYTES = 4096  # of all variables of a function


def named(resource_type: str) -> set[str]:
    return {name for name, resource in RESOURCES.items() if resource["Type"] == resource_type}


def target(value: dict[str, Any]) -> str:
    """The logical name behind a `!Ref` or a `!GetAtt`."""
    return sam._references(value)[0]


def rendered(value: Any, physical: Callable[[str], str]) -> str:
    """A variable's value, with `physical` for each name that CloudFormation would put in."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(rendered(part, physical) for part in parts)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{(\w+)\.QueueName\}", lambda found: physical(found[1]), value["Fn::Sub"])
    return physical(target(value))


def variables(physical: Callable[[str], str] = lambda name: name) -> dict[str, str]:
    own = RESOURCES["Health"]["Properties"]["Environment"]["Variables"]
    return {name: rendered(value, physical) for name, value in own.items()}


def watched() -> dict[str, list[str]]:
    """The table and the consumers of each context, by logical names, as the function reads them."""
    return {name.removeprefix("HEALTH_").lower(): value.split("|")
            for name, value in variables().items() if name.startswith("HEALTH_")}


def dead_letters_of(queue: str) -> str:
    return target(RESOURCES[queue]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])


def context_of(function: str) -> str:
    return Path(RESOURCES[function]["Properties"]["CodeUri"]).name


class Variables(unittest.TestCase):
    def test_every_table_is_watched_in_its_context(self) -> None:
        tables = {parts[0]: context for context, parts in watched().items() if parts[0]}
        self.assertEqual(named("AWS::DynamoDB::Table"), set(tables))
        for function in named("AWS::Serverless::Function"):
            table = RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {}).get("TABLE_NAME")
            if table:
                with self.subTest(function):
                    self.assertEqual(context_of(function), tables[target(table)])

    def test_every_queue_is_watched(self) -> None:
        queues = [queue for _, *parts in watched().values() for queue in parts[1::2]]
        queues += [dead_letters_of(queue) for queue in queues]
        queues.append(variables()["UNPUBLISHED_QUEUE_URL"])
        self.assertEqual(sorted(named("AWS::SQS::Queue")), sorted(queues))

    def test_a_consumer_stands_with_its_own_queues_in_its_context(self) -> None:
        for context, (_, *parts) in watched().items():
            self.assertEqual(0, len(parts) % 2, context)
            for consumer, queue in zip(parts[::2], parts[1::2], strict=True):
                with self.subTest(consumer):
                    sources = RESOURCES[consumer]["Properties"]["Events"].values()
                    self.assertEqual([queue], [target(s["Properties"]["Queue"]) for s in sources if s["Type"] == "SQS"])
                    self.assertEqual(context, context_of(consumer))

    def test_they_fit_into_a_function_under_a_longer_stack_name(self) -> None:
        long = variables(lambda name: f"waybill-production-{name}-{'X' * 13}")
        size = sum(len(name) + len(value) for name, value in long.items())
        self.assertLess(size + 200, MOST_BYTES, "with the queue's URL and what all functions have")


class Role(unittest.TestCase):
    def test_it_reads_how_they_are_and_nothing_else(self) -> None:
        policies = RESOURCES["HealthRole"]["Properties"]["Policies"]
        statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
        granted = {tuple(s["Action"]): {target(resource) for resource in s["Resource"]} for s in statements}
        self.assertEqual({
            ("dynamodb:DescribeTable",): named("AWS::DynamoDB::Table"),
            ("dynamodb:GetItem",): {"PaymentsTable"},
            ("sqs:GetQueueAttributes",): named("AWS::SQS::Queue"),
        }, granted)
        [condition] = [s["Condition"] for s in statements if "Condition" in s]
        self.assertEqual({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["CIRCUIT"]}}, condition)
        self.assertEqual(["dynamodb:GetItem"], [a for s in statements if "Condition" in s for a in s["Action"]])


if __name__ == "__main__":
    unittest.main()
