"""What the template promises and the engine does not carry out, so that no journey can show it."""

import unittest
from pathlib import Path
from typing import Any

import lower

TEMPLATE = lower.read(Path(__file__).resolve().parent.parent / "template.yaml")


def stage() -> dict[str, Any]:
    """The API's stage, as the transform makes it."""
    packaged = lower.package(TEMPLATE, Path(__file__).resolve().parent.parent, lambda context: {"Bucket": "b", "Key": context})
    resources = lower.lower(lower.expand(packaged, {}, "eu-central-1"))["Resources"]
    [stage] = [resource for resource in resources.values() if resource["Type"] == "AWS::ApiGatewayV2::Stage"]
    return stage["Properties"]


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


if __name__ == "__main__":
    unittest.main()
