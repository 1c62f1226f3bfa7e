"""Each function has a sample event in `events/<context>/`, for `sam local invoke`, and each sample has a function."""

import json
import unittest
from pathlib import Path

from checks import sample_events
from engine import templates
from engine.stack import ROOT

SHOP = templates.read(ROOT)
FUNCTIONS = SHOP.of_type(templates.FUNCTION)


def samples() -> dict[str, Path]:
    """Returns the samples of the existing contexts, by function."""
    paths = [path for context in SHOP.contexts for path in (ROOT / "events" / context).glob("*.json")]
    return {path.stem: path for path in paths if not path.stem.endswith(".expected")}


class Samples(unittest.TestCase):
    """The templates and the folders name the same functions."""

    def test_every_function_has_its_sample_in_its_context(self) -> None:
        self.assertEqual({name: SHOP.context_of[name] for name in FUNCTIONS}, {name: path.parent.name for name, path in samples().items()})

    def test_every_sample_has_an_expected_answer(self) -> None:
        self.assertEqual([], [path.name for path in samples().values() if not sample_events.expected_path(path).exists()])

    def test_every_sample_is_an_event_of_its_functions_kind(self) -> None:
        routes = templates.routes_of(SHOP.merged)
        for name, path in samples().items():
            sample = json.loads(path.read_text(encoding="utf-8"))
            for source in FUNCTIONS[name]["Properties"].get("Events", {}).values():
                with self.subTest(path.name):
                    expected = {"SQS": "Records", "DynamoDB": "Records", "Schedule": "detail-type"}
                    self.assertIn(expected[source["Type"]], sample)
            if name in routes:
                with self.subTest(path.name):
                    self.assertIn("requestContext", sample)
                    key = sample.get("routeKey") or sample["requestContext"]["routeKey"]
                    self.assertIn(key, routes[name])


if __name__ == "__main__":
    unittest.main()
