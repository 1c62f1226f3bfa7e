"""The sums of the cost report are correct."""

import json
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

from cost import cost_report
from cost.cost_report import Load, OrderCost
from engine.problem import Problem


class Traces(unittest.TestCase):
    def bill(self, tracing: bool) -> cost_report.Usage:
        """Returns the bill of an execution of a workflow, its task and another function."""
        function: dict[str, Any] = {"Type": "AWS::Serverless::Function", "Properties": {}}
        workflow = {"Tracing": {"Enabled": tracing}, "DefinitionSubstitutions": {"Task": {"Fn::GetAtt": ["Task", "Arn"]}}}
        template = {"Globals": {"Function": {"MemorySize": 256}}, "Resources": {
            "Task": function, "Other": function, "Workflow": {"Type": "AWS::Serverless::StateMachine", "Properties": workflow}}}
        meter, bill = cost_report.Meter(Mock(), {}, Path(), template), cost_report.Bill(float)
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
    cost = OrderCost(Load("", 1, 1, with_mail=False), {
        ("Checkout", "dynamodb write units"): 9.0, ("ConfirmOrder", "dynamodb write units"): 1.0,
        ("", "states Express executions"): 1.0, ("", "states Standard transitions"): 4.0})

    def test_only_one_type_of_workflow_is_billed(self) -> None:
        prices = {"dynamodb write units": 0.5, "states Express executions": 1.0, "states Standard transitions": 25.0}
        self.assertEqual({"dynamodb": 5.0, "states": 1.0}, self.cost.dollars(prices, "Express"))
        self.assertEqual({"dynamodb": 5.0, "states": 100.0}, self.cost.dollars(prices, "Standard"))

    def test_an_order_that_exceeds_the_budget_is_refused(self) -> None:
        with patch.object(Path, "read_text", return_value='{"dynamodb write units": 10}'):
            cost_report.check_budget(self.cost)
        with (patch.object(Path, "read_text", return_value='{"dynamodb write units": 9.5}'),
              self.assertRaisesRegex(Problem, r"write units: 10 of 9.5 \(Checkout 9, ConfirmOrder 1\)")):
            cost_report.check_budget(self.cost)

    def test_everything_in_the_budget_has_a_price(self) -> None:
        budget = json.loads(cost_report.BUDGET.read_text(encoding="utf-8"))
        self.assertLessEqual(set(budget), set(cost_report.prices()))


if __name__ == "__main__":
    unittest.main()
