"""Each function has a sample event in `events/`, for `sam local invoke`, and each sample has a function."""

import json
import unittest
from pathlib import Path

from engine import sam
from engine.stack import ROOT


class Samples(unittest.TestCase):
    """The template and the folder name the same functions."""

    def test_every_function_has_its_sample(self) -> None:
        resources = sam.read(ROOT / "template.yaml")["Resources"]
        functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"}
        samples = {path.stem for path in (ROOT / "events").glob("*.json")}
        self.assertEqual(functions, samples)

    def test_every_sample_is_an_event_of_its_functions_kind(self) -> None:
        resources = sam.read(ROOT / "template.yaml")["Resources"]
        for path in (ROOT / "events").glob("*.json"):
            sample = json.loads(path.read_text(encoding="utf-8"))
            sources = resources[path.stem]["Properties"].get("Events", {}).values()
            for source in sources:
                with self.subTest(path.name):
                    expected = {"HttpApi": "requestContext", "SQS": "Records", "DynamoDB": "Records", "Schedule": "detail-type"}
                    self.assertIn(expected[source["Type"]], sample)
            routes = {f"{s['Properties']['Method']} {s['Properties']['Path']}" for s in sources if s["Type"] == "HttpApi"}
            if routes:
                with self.subTest(path.name):
                    self.assertTrue(any(sample["routeKey"] in route for route in routes))


if __name__ == "__main__":
    unittest.main()
