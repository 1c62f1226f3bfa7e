"""What the template promises and the engine does not carry out, so that no journey can show it."""

import unittest
from pathlib import Path
from typing import Any

from engine import sam
from engine.stack import ROOT

TEMPLATE = sam.read(ROOT / "template.yaml")


MOST_RESOURCES = 500  # of a stack, says CloudFormation


def expanded() -> dict[str, Any]:
    """The template as the transform makes it."""
    packaged = sam.package(TEMPLATE, ROOT, lambda context: {"Bucket": "b", "Key": context})
    return sam.transform(packaged, {}, "eu-central-1")


def stage() -> dict[str, Any]:
    """The HTTP API's stage."""
    resources = sam.adapt(expanded(), "http://localhost:1")["Resources"].values()
    [stage] = [r for r in resources if r["Type"] == "AWS::ApiGatewayV2::Stage" and r["Properties"]["ApiId"] == {"Ref": "Api"}]
    return stage["Properties"]


class Size(unittest.TestCase):
    def test_it_has_no_more_resources_than_a_stack_may_have(self) -> None:
        self.assertLessEqual(len(expanded()["Resources"]), MOST_RESOURCES)


class DeadLetters(unittest.TestCase):
    def test_an_alarm_watches_every_queue_of_them(self) -> None:
        alarms = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"]
        metrics = [m["MetricStat"]["Metric"] for alarm in alarms for m in alarm.get("Metrics", []) if "MetricStat" in m]
        watched = sorted(target for metric in metrics for target in sam._references(metric["Dimensions"]))
        queues = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::SQS::Queue"]
        redriven = [sam._references(queue["RedrivePolicy"])[0] for queue in queues if "RedrivePolicy" in queue]
        self.assertEqual(sorted(redriven), watched)


class LastTries(unittest.TestCase):
    def test_who_counts_tries_counts_those_of_its_queue(self) -> None:
        resources, counted = TEMPLATE["Resources"], 0
        for name, function in resources.items():
            variables = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
            if "MAX_RECEIVE_COUNT" in variables:
                [source] = function["Properties"]["Events"].values()
                queue = resources[sam._references(source["Properties"]["Queue"])[0]]
                with self.subTest(name):
                    self.assertEqual(queue["Properties"]["RedrivePolicy"]["maxReceiveCount"], int(variables["MAX_RECEIVE_COUNT"]))
                counted += 1
        self.assertGreater(counted, 0)


class Throttling(unittest.TestCase):
    def test_the_stage_takes_so_many_requests_a_second(self) -> None:
        self.assertEqual({"ThrottlingBurstLimit": 2000, "ThrottlingRateLimit": 1000}, stage()["DefaultRouteSettings"])

    def test_what_hashes_passwords_takes_fewer(self) -> None:
        fewer = {"ThrottlingBurstLimit": 500, "ThrottlingRateLimit": 300}
        self.assertEqual({"POST /api/v1/auth/login": fewer, "POST /api/v1/auth/register": fewer}, stage()["RouteSettings"])

    def test_its_routes_exist(self) -> None:
        functions = [r for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
        events = [event["Properties"] for f in functions for event in f["Properties"].get("Events", {}).values()
                  if event["Type"] == "HttpApi"]
        routes = {f"{event['Method']} {event['Path']}" for event in events}
        self.assertLessEqual(set(TEMPLATE["Resources"]["Api"]["Properties"]["RouteSettings"]), routes)


class Authorizer(unittest.TestCase):
    def test_what_it_said_is_kept_for_five_seconds(self) -> None:
        """As docs, README and authorizer.rs say: for so long may a session that ended go on."""
        authorizer = TEMPLATE["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["AccessTokens"]
        self.assertEqual(5, authorizer["Identity"]["ReauthorizeEvery"])


class Socket(unittest.TestCase):
    def test_nothing_writes_down_its_addresses(self) -> None:
        """A browser's token is in them."""
        stage = TEMPLATE["Resources"]["SocketStage"]["Properties"]
        self.assertNotIn("AccessLogSettings", stage)
        self.assertEqual(("OFF", False), (stage["DefaultRouteSettings"]["LoggingLevel"], stage["DefaultRouteSettings"]["DataTraceEnabled"]))

    def test_nobody_connects_without_a_token(self) -> None:
        routes = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
        [connect] = [route for route in routes if route["RouteKey"] == "$connect"]
        self.assertEqual(("CUSTOM", {"Ref": "SocketTokens"}), (connect["AuthorizationType"], connect["AuthorizerId"]))


if __name__ == "__main__":
    unittest.main()
