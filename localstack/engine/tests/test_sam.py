"""What the adapted template promises the engine, each on the smallest template that shows it."""

import unittest
from pathlib import Path
from typing import Any

from engine import sam
from engine.problem import Problem

FUNCTION: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"CodeUri": "build/orders/", "Handler": "place-order"},
}


def adapted(resources: dict[str, Any], parameters: dict[str, Any] | None = None, **values: str) -> dict[str, Any]:
    """The resources that reach the engine."""
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Globals": {"Function": {"Runtime": "provided.al2023"}},
        "Parameters": parameters or {},
        "Resources": resources,
    }
    packaged = sam.package(template, Path("."), lambda context: {"Bucket": "b", "Key": f"{context}.zip"})
    return sam.adapt(sam.transform(packaged, values, "eu-central-1"), "http://localhost:1")["Resources"]


def api(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::HttpApi", "Properties": {"StageName": "$default", **properties}}


def function(*routes: tuple[str, str], **properties: Any) -> dict[str, Any]:
    events = {f"Event{number}": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": method, "Path": path}}
              for number, (method, path) in enumerate(routes)}
    return {**FUNCTION, "Properties": {**FUNCTION["Properties"], "Events": events, **properties}}


class Routes(unittest.TestCase):
    def test_each_event_becomes_a_route_to_its_functions_integration(self) -> None:
        resources = adapted({"Api": api(), "Place": function(("POST", "/orders"), ("GET", "/orders/{id}"))})
        routes = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
        self.assertEqual({"POST /orders", "GET /orders/{id}"}, {route["RouteKey"] for route in routes})
        self.assertEqual([{"Fn::Sub": "integrations/${ApiPlaceIntegration}"}] * 2, [r["Target"] for r in routes])
        self.assertIn("Place.Arn", resources["ApiPlaceIntegration"]["Properties"]["IntegrationUri"]["Fn::Sub"])

    def test_the_default_route_has_no_method(self) -> None:
        resources = adapted({"Api": api(), "Fallback": function(("ANY", "$default"))})
        self.assertEqual(["$default"], [r["Properties"]["RouteKey"] for r in resources.values()
                                        if r["Type"] == "AWS::ApiGatewayV2::Route"])

    def test_the_authorizer_guards_its_routes_only(self) -> None:
        guarded = {"Authorizers": {"Tokens": {
            "FunctionArn": {"Fn::GetAtt": ["Check", "Arn"]}, "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True, "Identity": {"Headers": ["Authorization"], "ReauthorizeEvery": 60}}},
            "DefaultAuthorizer": "Tokens"}
        open_route = function(("GET", "/products"))
        open_route["Properties"]["Events"]["Event0"]["Properties"]["Auth"] = {"Authorizer": "NONE"}
        resources = adapted({"Api": api(Auth=guarded), "Check": FUNCTION, "Browse": open_route,
                             "Place": function(("POST", "/orders"))})
        authorizer = resources["ApiTokensAuthorizer"]["Properties"]
        self.assertEqual((["$request.header.Authorization"], 60, True), (
            authorizer["IdentitySource"], authorizer["AuthorizerResultTtlInSeconds"], authorizer["EnableSimpleResponses"]))
        by_key = {r["Properties"]["RouteKey"]: r["Properties"] for r in resources.values()
                  if r["Type"] == "AWS::ApiGatewayV2::Route"}
        self.assertEqual({"Ref": "ApiTokensAuthorizer"}, by_key["POST /orders"]["AuthorizerId"])
        self.assertNotIn("AuthorizerId", by_key["GET /products"])

    def test_allowed_origins_are_a_list_in_the_engines_spelling(self) -> None:
        cors = {"AllowOrigins": {"Ref": "Origins"}, "AllowMethods": ["GET"]}
        resources = adapted({"Api": api(CorsConfiguration=cors)}, {"Origins": {"Type": "CommaDelimitedList"}},
                            Origins="http://a.example, http://b.example")
        self.assertEqual({"allowOrigins": ["http://a.example", "http://b.example"], "allowMethods": ["GET"]},
                         resources["Api"]["Properties"]["CorsConfiguration"])


class Sockets(unittest.TestCase):
    def test_functions_find_the_connections_at_the_engine(self) -> None:
        address = {"Fn::Sub": "https://${Socket}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"}
        tell = {**FUNCTION, "Properties": {**FUNCTION["Properties"], "Environment": {"Variables": {"AT": address}}}}
        http = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "http", "ProtocolType": "HTTP"}}
        socket = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "socket", "ProtocolType": "WEBSOCKET"}}
        variables = adapted({"Socket": socket, "Tell": tell})["Tell"]["Properties"]["Environment"]["Variables"]
        self.assertEqual({"AT": {"Fn::Sub": "http://localhost:1/_aws/execute-api/${Socket}/live"}}, variables)
        variables = adapted({"Socket": http, "Tell": tell})["Tell"]["Properties"]["Environment"]["Variables"]
        self.assertEqual({"AT": address}, variables)


class Packaging(unittest.TestCase):
    def test_code_comes_from_the_contexts_archive(self) -> None:
        self.assertEqual({"S3Bucket": "b", "S3Key": "orders.zip"}, adapted({"Place": FUNCTION})["Place"]["Properties"]["Code"])

    def test_code_from_elsewhere_is_refused(self) -> None:
        stray = {**FUNCTION, "Properties": {**FUNCTION["Properties"], "CodeUri": "src/"}}
        with self.assertRaisesRegex(Problem, "build/<context>/"):
            adapted({"Place": stray})


class Gaps(unittest.TestCase):
    def test_tables_that_expire_items_are_named(self) -> None:
        table = {"Type": "AWS::DynamoDB::Table",
                 "Properties": {"TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True}}}
        self.assertEqual({"Sessions": "expires_at"}, sam.expiring_tables({"Resources": {"Sessions": table}}))

    def test_a_dropped_type_goes_with_what_waits_for_it(self) -> None:
        resources = adapted({"Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget"},
                             "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": ["Scaling"], "Properties": {}}})
        self.assertEqual({"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}, resources)

    def test_a_reference_to_a_dropped_type_is_refused(self) -> None:
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Scaling"}}}
        with self.assertRaisesRegex(Problem, "Topic refers to Scaling"):
            adapted({"Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget"}, "Topic": topic})


if __name__ == "__main__":
    unittest.main()
