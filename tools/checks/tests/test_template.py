"""Properties of the templates that the engine does not support, so that no journey can test them."""

import json
import unittest
from functools import cache
from pathlib import Path
from typing import Any

from checks.one_folder import REMOVABLE
from engine import sam, templates
from engine.stack import ROOT
from scaffold.sam_text import MAY_BE_EMPTY

SHOP = templates.read(ROOT)
TEMPLATE = SHOP.merged

# CloudFormation allows 500 resources and 1 MB per stack. These limits leave room for growth.
MAX_RESOURCES, MAX_RESOURCES_OF_ROOT, MAX_BYTES = 300, 100, 400_000

# The functions that do not report which of their records failed, and why. They read the stream of a table and return nothing or an error
# (`outbox.rs` and `stream.rs` in shared/lambda/src). After an error, Lambda delivers the whole batch again, in halves.
WHOLE_BATCHES = {
    "UsersPublish": "the calls to SNS fail together; an event that SNS rejects moves to UnpublishedQueue and fails nothing",
    "CatalogPublish": "as before", "InventoryPublish": "as before", "OrdersPublish": "as before", "PaymentsPublish": "as before",
    "NotificationsPublish": "as before",
    "IndexProducts": "it reads the products of all events, and updates the index to their current state in one go",
    "PublishAnalyticsUpdates": "all events of a batch are one live message",
}


def transformed(template: templates.Template, base: Path) -> templates.Template:
    """Returns a template after the SAM transform."""
    urls = {context: f"https://b.s3.amazonaws.com/{context}" for context in SHOP.contexts}
    packaged = sam.package(template, base, lambda context: {"Bucket": "b", "Key": context}, urls)
    return sam.transform(packaged, {}, "eu-central-1")


def expanded() -> dict[str, Any]:
    """Returns the merged template after the SAM transform."""
    return transformed(TEMPLATE, ROOT)


@cache
def stacks() -> dict[str, templates.Template]:
    """Returns the stacks as CloudFormation receives them, by context. The root stack is called `root`."""
    return {"root": transformed(SHOP.root, ROOT),
            **{context: transformed(template, ROOT / "functions" / context) for context, template in SHOP.contexts.items()}}


def stage() -> dict[str, Any]:
    """Returns the stage of the HTTP API."""
    resources = sam.adapt(expanded(), "http://localhost:1")["Resources"].values()
    [stage] = [r for r in resources if r["Type"] == "AWS::ApiGatewayV2::Stage" and r["Properties"]["ApiId"] == {"Ref": "HttpApi"}]
    return stage["Properties"]


class Size(unittest.TestCase):
    def test_each_stack_has_room_for_more_resources(self) -> None:
        for name, stack in stacks().items():
            with self.subTest(name):
                self.assertLessEqual(len(stack["Resources"]), MAX_RESOURCES_OF_ROOT if name == "root" else MAX_RESOURCES)

    def test_each_template_has_room_for_more_text(self) -> None:
        for name, stack in stacks().items():
            with self.subTest(name):
                self.assertLess(len(json.dumps(stack, default=str)), MAX_BYTES)


class Contexts(unittest.TestCase):
    def test_each_folder_is_a_nested_stack(self) -> None:
        self.assertEqual({path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}, set(SHOP.contexts))

    def test_functions_have_the_same_globals_but_for_their_code(self) -> None:
        shared = [{**template["Globals"]["Function"], "CodeUri": None} for template in SHOP.contexts.values()]
        for context, own in zip(SHOP.contexts, shared, strict=True):
            with self.subTest(context):
                self.assertEqual(shared[0], own)

    def test_a_parameter_that_may_be_empty_has_a_default(self) -> None:
        """LocalStack takes an empty value of a parameter without a default for a missing one."""
        empty = {name for name, parameter in SHOP.root["Parameters"].items() if parameter.get("Default") == ""}
        self.assertEqual(empty, set(MAY_BE_EMPTY))
        for context, template in SHOP.contexts.items():
            for name in empty & set(template["Parameters"]):
                with self.subTest(context, parameter=name):
                    self.assertEqual(template["Parameters"][name].get("Default"), "")

    def test_the_root_gives_each_parameter(self) -> None:
        """Otherwise a context with a default would not notice that, for example, its alarms have no topic."""
        for name, application in templates.applications(SHOP.root):
            declared = SHOP.contexts[templates.context_of(name, application)]["Parameters"]
            with self.subTest(name):
                self.assertEqual(set(declared), set(application["Properties"]["Parameters"]))

    def test_metrics_carry_the_name_of_the_root_stack(self) -> None:
        """The name of a nested stack changes when it is created again, and dashboards would no longer find its metrics."""
        for context, template in SHOP.contexts.items():
            with self.subTest(context):
                self.assertNotIn("AWS::StackName", json.dumps(template))
                self.assertEqual({"Ref": "RootStackName"}, template["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"])
        for name, _ in templates.applications(SHOP.root):
            self.assertEqual({"Ref": "AWS::StackName"}, SHOP.root["Resources"][name]["Properties"]["Parameters"]["RootStackName"])

    def test_the_root_refers_to_a_removable_context_only_in_its_entry(self) -> None:
        for context in REMOVABLE:
            name = context.capitalize()
            others = {key: resource for key, resource in SHOP.root["Resources"].items() if key != name}
            with self.subTest(context):
                depends = [resource.get("DependsOn", []) for resource in others.values()]
                self.assertNotIn(name, [*templates.references([others, SHOP.root["Outputs"]]), *depends])

    def test_no_physical_name_is_given_that_a_stack_name_could_make_too_long(self) -> None:
        """CloudFormation cuts generated names at the length that the service allows, but it does not cut given names."""
        for name, resource in expanded()["Resources"].items():
            _, service, kind = resource["Type"].split("::")
            given = {"Name", f"{kind}Name"} & set(resource.get("Properties", {}))
            with self.subTest(name):
                self.assertTrue(not given or service == "ApiGatewayV2", given)  # names within an API are short


class Routes(unittest.TestCase):
    def setUp(self) -> None:
        self.routes = {name: route["Properties"] for name, route in SHOP.of_type(templates.ROUTE).items()
                       if route["Properties"]["ApiId"] == {"Ref": "HttpApi"}}
        self.integrations = {name: each["Properties"] for name, each in SHOP.of_type("AWS::ApiGatewayV2::Integration").items()}

    def test_each_invokes_a_function_of_its_own_context(self) -> None:
        for name, route in self.routes.items():
            with self.subTest(route["RouteKey"]):
                [integration] = templates.references(route["Target"])
                properties = self.integrations[integration]
                [function] = templates.references(properties["IntegrationUri"])
                self.assertEqual("AWS::Serverless::Function", TEMPLATE["Resources"][function]["Type"])
                self.assertEqual({SHOP.context_of[name]}, {SHOP.context_of[integration], SHOP.context_of[function]})
                self.assertEqual(("AWS_PROXY", "2.0"), (properties["IntegrationType"], properties["PayloadFormatVersion"]))

    def test_the_default_route_has_no_method_and_is_the_only_one_of_its_kind(self) -> None:
        methods = ("GET ", "POST ", "PUT ", "PATCH ", "DELETE ")
        bare = [route["RouteKey"] for route in self.routes.values() if not route["RouteKey"].startswith(methods)]
        self.assertEqual(["$default"], bare)

    def test_each_is_unique(self) -> None:
        keys = [route["RouteKey"] for route in self.routes.values()]
        self.assertEqual(sorted(set(keys)), sorted(keys))

    def test_the_authorizer_guards_its_routes_only(self) -> None:
        for route in self.routes.values():
            with self.subTest(route["RouteKey"]):
                guarded = {name: route.get(name) for name in ("AuthorizationType", "AuthorizerId")}
                self.assertIn(guarded, [{"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "AccessTokens"}},
                                        {"AuthorizationType": None, "AuthorizerId": None}])


class DeadLetters(unittest.TestCase):
    def test_an_alarm_monitors_every_dead_letter_queue(self) -> None:
        alarms = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"]
        metrics = [m["MetricStat"]["Metric"] for alarm in alarms for m in alarm.get("Metrics", []) if "MetricStat" in m]
        watched = sorted(target for metric in metrics for target in templates.references(metric["Dimensions"]))
        queues = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::SQS::Queue"]
        redriven = [templates.references(queue["RedrivePolicy"])[0] for queue in queues if "RedrivePolicy" in queue]
        self.assertEqual(sorted(redriven), watched)


class EventSources(unittest.TestCase):
    def test_a_function_reports_the_messages_that_failed(self) -> None:
        """Without the response type, Lambda ignores the report: messages that failed are lost."""
        mappings = [r["Properties"] for r in expanded()["Resources"].values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]
        self.assertTrue(mappings)
        for mapping in mappings:
            [function] = templates.references(mapping["FunctionName"])
            with self.subTest(function):
                self.assertEqual(None if function in WHOLE_BATCHES else ["ReportBatchItemFailures"], mapping.get("FunctionResponseTypes"))
                if function in WHOLE_BATCHES:
                    self.assertEqual((True, None), (mapping.get("BisectBatchOnFunctionError"), mapping.get("MaximumRetryAttempts")))


class LastTries(unittest.TestCase):
    def test_a_function_that_counts_attempts_has_the_limit_of_its_queue(self) -> None:
        resources, counted = TEMPLATE["Resources"], 0
        for name, function in resources.items():
            variables = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
            if "MAX_RECEIVE_COUNT" in variables:
                [source] = function["Properties"]["Events"].values()
                queue = resources[templates.references(source["Properties"]["Queue"])[0]]
                with self.subTest(name):
                    self.assertEqual(queue["Properties"]["RedrivePolicy"]["maxReceiveCount"], int(variables["MAX_RECEIVE_COUNT"]))
                counted += 1
        self.assertEqual("notifications" in SHOP.contexts, counted > 0)


class Throttling(unittest.TestCase):
    def test_the_stage_limits_requests_per_second(self) -> None:
        self.assertEqual({"ThrottlingBurstLimit": 2000, "ThrottlingRateLimit": 1000}, stage()["DefaultRouteSettings"])

    def test_expensive_routes_have_lower_limits(self) -> None:
        fewer, few = ({"ThrottlingBurstLimit": burst, "ThrottlingRateLimit": rate} for burst, rate in ((500, 300), (50, 25)))
        self.assertEqual({"POST /api/v1/auth/login": fewer, "POST /api/v1/auth/register": fewer, "GET /health": few,
                          "GET /api/v1/health": few}, stage()["RouteSettings"])

    def test_its_routes_exist_before_it_throttles_them(self) -> None:
        settings = SHOP.root["Resources"]["HttpStage"]
        self.assertEqual({"users", "gateway"}, {SHOP.routes()[key] for key in settings["Properties"]["RouteSettings"]})
        self.assertEqual(["Users", "Gateway"], settings["DependsOn"])
        self.assertIs(True, settings["Properties"]["AutoDeploy"])


class Authorizer(unittest.TestCase):
    def test_its_result_is_cached_for_five_seconds(self) -> None:
        """A session that has ended may stay valid for as long, according to docs, README and authorizer.rs."""
        authorizer = TEMPLATE["Resources"]["AccessTokens"]["Properties"]
        self.assertEqual((5, ["$request.header.Authorization"], True, "2.0"), tuple(authorizer[key] for key in (
            "AuthorizerResultTtlInSeconds", "IdentitySource", "EnableSimpleResponses", "AuthorizerPayloadFormatVersion")))


class Socket(unittest.TestCase):
    def test_request_urls_are_not_logged(self) -> None:
        """They contain the tokens of browsers."""
        stage = TEMPLATE["Resources"]["SocketStage"]["Properties"]
        self.assertNotIn("AccessLogSettings", stage)
        self.assertEqual(("OFF", False), (stage["DefaultRouteSettings"]["LoggingLevel"], stage["DefaultRouteSettings"]["DataTraceEnabled"]))

    def test_a_change_of_a_route_is_deployed(self) -> None:
        self.assertIs(True, TEMPLATE["Resources"]["SocketStage"]["Properties"]["AutoDeploy"])

    def test_a_connection_requires_a_token(self) -> None:
        routes = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
        guards = [(route["AuthorizationType"], route["AuthorizerId"]) for route in routes if route["RouteKey"] == "$connect"]
        self.assertEqual([("CUSTOM", {"Ref": "SocketTokens"})] if "analytics" in SHOP.contexts else [], guards)


class Production(unittest.TestCase):
    def test_it_has_no_seed_data(self) -> None:
        rule = SHOP.root["Rules"]["ProductionHasNoSeedData"]
        self.assertEqual({"Fn::Equals": [{"Ref": "Stage"}, "production"]}, rule["RuleCondition"])
        self.assertEqual([{"Fn::Equals": [{"Ref": "SeedData"}, "false"]}], [each["Assert"] for each in rule["Assertions"]])


if __name__ == "__main__":
    unittest.main()
