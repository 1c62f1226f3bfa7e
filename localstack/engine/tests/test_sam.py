"""The adapted template has the form that the engine needs. Each test uses a minimal template."""

import json
import unittest
from pathlib import Path
from typing import Any

from engine import sam
from engine.problem import Problem
from engine.stack import ROOT

FUNCTION: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"CodeUri": "build/orders.zip", "Handler": "place-order"},
}


def adapted(resources: dict[str, Any], parameters: dict[str, Any] | None = None, **values: str) -> dict[str, Any]:
    """Returns the resources that are deployed to the engine."""
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Globals": {"Function": {"Runtime": "provided.al2023"}},
        "Parameters": parameters or {},
        "Resources": resources,
    }
    packaged = sam.package(template, Path(), lambda context: {"Bucket": "b", "Key": f"{context}.zip"})
    return sam.adapt(sam.transform(packaged, values, "eu-central-1"), "http://localhost:1")["Resources"]


class Api(unittest.TestCase):
    def test_it_is_served_at_the_engines_root(self) -> None:
        resources = adapted({"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP"}}})
        self.assertEqual({"DomainName": {"Ref": "ApiDomain"}, "ApiId": {"Ref": "Api"}, "Stage": "$default"},
                         resources["ApiMapping"]["Properties"])
        self.assertEqual(sam.API_DOMAIN, resources["ApiDomain"]["Properties"]["DomainName"])

    def test_its_cors_keys_are_in_the_engines_spelling(self) -> None:
        cors = {"AllowOrigins": {"Ref": "Origins"}, "AllowMethods": ["GET"]}
        api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP", "CorsConfiguration": cors}}
        resources = adapted({"Api": api}, {"Origins": {"Type": "CommaDelimitedList"}}, Origins="http://a.example, http://b.example")
        self.assertEqual({"allowOrigins": {"Ref": "Origins"}, "allowMethods": ["GET"]}, resources["Api"]["Properties"]["CorsConfiguration"])

    def test_an_authorizer_without_an_identity_source_has_none(self) -> None:
        authorizer = {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {"AuthorizerType": "REQUEST"}}
        self.assertEqual([], adapted({"Tokens": authorizer})["Tokens"]["Properties"]["IdentitySource"])


class Addresses(unittest.TestCase):
    def variables(self, protocol: str, path: str) -> dict[str, Any]:
        address = {"Fn::Sub": f"https://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{path}"}
        caller = {**FUNCTION, "Properties": {**FUNCTION["Properties"], "Environment": {"Variables": {"AT": address}}}}
        api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "api", "ProtocolType": protocol}}
        return adapted({"Api": api, "Caller": caller})["Caller"]["Properties"]["Environment"]["Variables"]

    def test_the_address_of_connections_is_that_of_the_engine(self) -> None:
        self.assertEqual({"AT": {"Fn::Sub": "http://localhost:1/_aws/execute-api/${Api}/live"}}, self.variables("WEBSOCKET", "live"))

    def test_the_address_of_the_websocket_api_is_that_of_the_engine(self) -> None:
        output = {"Value": {"Fn::Sub": "wss://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"}}
        api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "api", "ProtocolType": "WEBSOCKET"}}
        template = sam.adapt({"Resources": {"Api": api}, "Outputs": {"Socket": output}}, "http://localhost:1")
        self.assertEqual({"Fn::Sub": "ws://localhost:1/_aws/execute-api/${Api}/live"}, template["Outputs"]["Socket"]["Value"])

    def test_the_address_of_the_http_api_is_that_of_the_engine(self) -> None:
        self.assertEqual({"AT": {"Fn::Sub": "http://localhost:1/_aws/execute-api/${Api}/api/v1"}}, self.variables("HTTP", "api/v1"))


class Timeouts(unittest.TestCase):
    def test_functions_have_three_times_as_long(self) -> None:
        timed = {**FUNCTION, "Properties": {**FUNCTION["Properties"], "Timeout": 6}}
        resources = adapted({"Place": timed, "Short": FUNCTION})
        self.assertEqual((18, 9), (resources["Place"]["Properties"]["Timeout"], resources["Short"]["Properties"]["Timeout"]))

    def test_tasks_of_a_workflow_have_three_times_as_long(self) -> None:
        task = {"Type": "Task", "Resource": "${Step}", "TimeoutSeconds": 10, "End": True}
        definition = {"StartAt": "Step", "TimeoutSeconds": 300, "States": {"Step": task}}
        machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {
            "Role": "arn:aws:iam::000000000000:role/r", "Definition": definition, "DefinitionSubstitutions": {"Step": "a"}}}
        deployed = json.loads(adapted({"Checkout": machine})["Checkout"]["Properties"]["DefinitionString"])
        self.assertEqual({**definition, "States": {"Step": {**task, "TimeoutSeconds": 30}}}, deployed)

    def test_a_definition_that_was_uploaded_is_read(self) -> None:
        machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {
            "Role": "arn:aws:iam::000000000000:role/r", "DefinitionUri": {"Bucket": "b", "Key": "checkout"}}}
        transformed = sam.transform({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Checkout": machine}}, {}, "eu-central-1")
        objects = {("b", "checkout"): b"{StartAt: Step, States: {Step: {Type: Task, Resource: '${Step}', TimeoutSeconds: 10, End: true}}}"}
        deployed = sam.adapt(transformed, "http://localhost:1", lambda bucket, key: objects[bucket, key])["Resources"]["Checkout"]
        self.assertEqual(30, json.loads(deployed["Properties"]["DefinitionString"])["States"]["Step"]["TimeoutSeconds"])

    def test_the_calls_of_functions_have_as_much_longer(self) -> None:
        code = (ROOT / "shared" / "lambda" / "src" / "https.rs").read_text(encoding="utf-8")
        self.assertIn(f"const LOCAL_FACTOR: u32 = {sam.TIMEOUT_FACTOR};", code)


class Packaging(unittest.TestCase):
    def test_code_comes_from_the_contexts_archive(self) -> None:
        self.assertEqual({"S3Bucket": "b", "S3Key": "orders.zip"}, adapted({"Place": FUNCTION})["Place"]["Properties"]["Code"])

    def test_code_from_elsewhere_is_refused(self) -> None:
        stray = {**FUNCTION, "Properties": {**FUNCTION["Properties"], "CodeUri": "src/"}}
        with self.assertRaisesRegex(Problem, "build/<context>.zip"):
            adapted({"Place": stray})


class Gaps(unittest.TestCase):
    def test_a_dependency_on_a_dropped_resource_is_removed(self) -> None:
        resources = adapted({"Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget"},
                             "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": ["Scaling"], "Properties": {}}})
        self.assertEqual({"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}, resources)

    def test_a_reference_to_a_dropped_type_is_refused(self) -> None:
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Scaling"}}}
        with self.assertRaisesRegex(Problem, "Topic refers to Scaling"):
            adapted({"Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget"}, "Topic": topic})


if __name__ == "__main__":
    unittest.main()
