"""Nested stacks are merged into one template. Each test uses minimal templates."""

import unittest
from typing import Any

from engine import templates
from engine.problem import Problem
from engine.templates import Templates


def root(parameters: dict[str, Any], **resources: Any) -> dict[str, Any]:
    """Returns a root template with one nested stack."""
    nested = {"Type": templates.APPLICATION, "Properties": {"Location": "functions/orders/template.yaml", "Parameters": parameters}}
    return {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, "Orders": nested, **resources}}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def merged(parent: dict[str, Any], nested: dict[str, Any]) -> dict[str, Any]:
    return templates.merge(Templates(parent, {"orders": nested}))


class Parameters(unittest.TestCase):
    def setUp(self) -> None:
        self.declared = {"TopicArn": {"Type": "String"}, "TopicName": {"Type": "String"}, "Label": {"Type": "String", "Default": "blue"}}
        self.given = {"TopicArn": {"Ref": "Topic"}, "TopicName": {"Fn::GetAtt": ["Topic", "TopicName"]}}

    def value(self, value: Any) -> Any:
        nested = {"Parameters": self.declared, "Resources": {"Queue": queue(QueueName=value)}}
        return merged(root(self.given), nested)["Resources"]["Queue"]["Properties"]["QueueName"]

    def test_a_reference_becomes_the_value_that_the_root_passes(self) -> None:
        self.assertEqual({"Ref": "Topic"}, self.value({"Ref": "TopicArn"}))
        self.assertEqual({"Fn::GetAtt": ["Topic", "TopicName"]}, self.value({"Ref": "TopicName"}))
        self.assertEqual("blue", self.value({"Ref": "Label"}))

    def test_a_reference_in_a_text_is_replaced_too(self) -> None:
        self.assertEqual({"Fn::Sub": "${Topic}/${Topic.TopicName}/blue/${AWS::Region}"},
                         self.value({"Fn::Sub": "${TopicArn}/${TopicName}/${Label}/${AWS::Region}"}))

    def test_a_variable_that_a_text_declares_itself_stays(self) -> None:
        self.assertEqual({"Fn::Sub": ["${Label}", {"Label": {"Ref": "Topic"}}]},
                         self.value({"Fn::Sub": ["${Label}", {"Label": {"Ref": "TopicArn"}}]}))

    def test_a_value_that_is_no_reference_becomes_a_variable_of_the_text(self) -> None:
        self.given["Label"] = {"Fn::If": ["Big", "a", "b"]}
        self.assertEqual({"Fn::Sub": ["${Label}-x", {"Label": {"Fn::If": ["Big", "a", "b"]}}]}, self.value({"Fn::Sub": "${Label}-x"}))

    def test_a_missing_parameter_is_named(self) -> None:
        del self.given["TopicArn"]
        with self.assertRaisesRegex(Problem, "does not give orders its parameter TopicArn"):
            self.value("x")

    def test_an_undeclared_parameter_is_named(self) -> None:
        self.given["Colour"] = "red"
        with self.assertRaisesRegex(Problem, "gives orders Colour, which functions/orders/template.yaml does not declare"):
            self.value("x")


class Outputs(unittest.TestCase):
    def test_a_reference_to_an_output_becomes_its_value(self) -> None:
        nested = {"Resources": {"Queue": queue()}, "Outputs": {"QueueArn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}}}
        policy = {"Type": "AWS::SQS::Queue", "Properties": {"Arn": {"Fn::GetAtt": ["Orders", "Outputs.QueueArn"]}}}
        other = merged(root({}, Other=policy), nested)["Resources"]["Other"]
        self.assertEqual({"Fn::GetAtt": ["Queue", "Arn"]}, other["Properties"]["Arn"])

    def test_a_missing_output_is_named(self) -> None:
        policy = {"Type": "AWS::SQS::Queue", "Properties": {"Arn": {"Fn::GetAtt": ["Orders", "Outputs.QueueArn"]}}}
        with self.assertRaisesRegex(Problem, "Orders.Outputs.QueueArn"):
            merged(root({}, Other=policy), {"Resources": {"Queue": queue()}})


class Resources(unittest.TestCase):
    def test_a_logical_id_is_unique(self) -> None:
        with self.assertRaisesRegex(Problem, "orders: another template has a resource Topic"):
            merged(root({}), {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})

    def test_conditions_with_the_same_name_are_equal(self) -> None:
        parent = {**root({}), "Conditions": {"Big": {"Fn::Equals": ["a", "b"]}}}
        with self.assertRaisesRegex(Problem, "orders: Conditions Big differs"):
            merged(parent, {"Conditions": {"Big": {"Fn::Equals": ["a", "c"]}}, "Resources": {"Queue": queue()}})

    def test_each_function_has_its_own_code_uri(self) -> None:
        nested = {"Globals": {"Function": {"CodeUri": "../../build/orders.zip", "Timeout": 3}},
                  "Resources": {"Place": {"Type": templates.FUNCTION, "Properties": {"Handler": "place"}}}}
        found = merged(root({}), nested)
        self.assertEqual({"Handler": "place", "CodeUri": "build/orders.zip"}, found["Resources"]["Place"]["Properties"])
        self.assertEqual({"Function": {"Timeout": 3}}, found["Globals"])

    def test_code_of_another_context_is_refused(self) -> None:
        nested = {"Resources": {"Place": {"Type": templates.FUNCTION, "Properties": {"CodeUri": "../../build/users.zip"}}}}
        with self.assertRaisesRegex(Problem, "the CodeUri of Place has to be ../../build/orders.zip"):
            merged(root({}), nested)

    def test_a_dependency_on_a_nested_stack_becomes_one_on_its_routes(self) -> None:
        stage = {"Type": "AWS::ApiGatewayV2::Stage", "DependsOn": "Orders", "Properties": {}}
        nested = {"Resources": {"Queue": queue(), "PlaceRoute": {"Type": templates.ROUTE, "Properties": {}}}}
        self.assertEqual(["PlaceRoute"], merged(root({}, Stage=stage), nested)["Resources"]["Stage"]["DependsOn"])


if __name__ == "__main__":
    unittest.main()
