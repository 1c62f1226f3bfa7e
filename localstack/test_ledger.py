"""The meter's units are those of DynamoDB's price list, and the ledger's sums what they should be."""

import json
import unittest
from collections import Counter
from pathlib import Path
from unittest.mock import Mock, patch

import ledger
import meter
from ledger import Ledger, Load
from problem import Problem

TABLE = {"RequestItems": {"orders": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}


def size(item: dict[str, int]) -> int:
    """Items say their own size."""
    return item["bytes"]


class Reads(unittest.TestCase):
    def test_an_item_costs_a_unit_for_each_four_kilobytes(self) -> None:
        for found, units in ((1, 1), (4096, 1), (4097, 2)):
            answer = {"Item": {"bytes": found}}
            self.assertEqual(units, meter.read_units("GetItem", {"ConsistentRead": True}, answer, size))
            self.assertEqual(units / 2, meter.read_units("GetItem", {}, answer, size))

    def test_what_is_not_there_costs_a_unit(self) -> None:
        self.assertEqual(1, meter.read_units("GetItem", {"ConsistentRead": True}, {}, size))

    def test_a_query_costs_what_it_finds_together(self) -> None:
        answer = {"Items": [{"bytes": 3000}] * 3}
        self.assertEqual(3, meter.read_units("Query", {"ConsistentRead": True}, answer, size))

    def test_a_batch_costs_each_item_by_itself(self) -> None:
        answer = {"Responses": {"orders": [{"bytes": 10}, {"bytes": 5000}]}}
        self.assertEqual(4, meter.read_units("BatchGetItem", TABLE, answer, size))


class Writes(unittest.TestCase):
    def test_a_transaction_costs_its_conditions_too(self) -> None:
        request = {"TransactItems": [{"Put": {}}, {"ConditionCheck": {}}]}
        answer = {"ConsumedCapacity": [{"CapacityUnits": 3.0}]}
        self.assertEqual(5, meter.write_units("TransactWriteItems", request, 200, answer))

    def test_what_is_refused_costs_too(self) -> None:
        self.assertEqual(4, meter.write_units("TransactWriteItems", {"TransactItems": [{"Put": {}}, {"Put": {}}]}, 400, {}))
        self.assertEqual(1, meter.write_units("PutItem", {}, 400, {}))


class Traces(unittest.TestCase):
    def bill(self, tracing: bool) -> ledger.Usage:
        """What an execution of a workflow, its task and a function beside it enter."""
        function = {"Type": "AWS::Serverless::Function", "Properties": {}}
        workflow = {"Tracing": {"Enabled": tracing}, "DefinitionSubstitutions": {"Task": {"Fn::GetAtt": ["Task", "Arn"]}}}
        template = {"Globals": {"Function": {"MemorySize": 256}}, "Resources": {
            "Task": function, "Other": function, "Workflow": {"Type": "AWS::Serverless::StateMachine", "Properties": workflow}}}
        meter, bill = ledger.Meter(Mock(), {}, Path(), template), ledger.Usage()
        for name in ("Task", "Other"):
            meter._enter(bill, name, "lambda requests", 1)
        meter._enter(bill, "", "states executions", 1)
        return bill

    def test_a_traced_workflow_and_its_tasks_are_one_trace(self) -> None:
        bill = self.bill(tracing=True)
        self.assertEqual({("", "xray traces"): 0.05, ("Other", "xray traces"): 0.05},
                         {entry: amount for entry, amount in bill.items() if entry[1] == "xray traces"})

    def test_tasks_of_another_workflow_are_traced_by_themselves(self) -> None:
        self.assertEqual(0.05, self.bill(tracing=False)["Task", "xray traces"])


class Dollars(unittest.TestCase):
    ledger = Ledger(Load("", 1, 1, with_mail=False), Counter({
        ("Checkout", "dynamodb write units"): 9.0, ("ConfirmOrder", "dynamodb write units"): 1.0,
        ("", "states Express executions"): 1.0, ("", "states Standard transitions"): 4.0}))

    def test_a_workflow_is_of_one_type(self) -> None:
        prices = {"dynamodb write units": 0.5, "states Express executions": 1.0, "states Standard transitions": 25.0}
        self.assertEqual({"dynamodb": 5.0, "states": 1.0}, self.ledger.dollars(prices, "Express"))
        self.assertEqual({"dynamodb": 5.0, "states": 100.0}, self.ledger.dollars(prices, "Standard"))

    def test_an_order_that_has_become_dearer_is_refused(self) -> None:
        with patch.object(ledger.Path, "read_text", return_value='{"dynamodb write units": 10}'):
            ledger.check_budget(self.ledger)
        with patch.object(ledger.Path, "read_text", return_value='{"dynamodb write units": 9.5}'):
            with self.assertRaisesRegex(Problem, r"write units: 10 of 9.5 \(Checkout 9, ConfirmOrder 1\)"):
                ledger.check_budget(self.ledger)

    def test_everything_in_the_budget_has_a_price(self) -> None:
        budget = json.loads(ledger.BUDGET.read_text(encoding="utf-8"))
        self.assertLessEqual(set(budget), set(ledger.prices()))


if __name__ == "__main__":
    unittest.main()
