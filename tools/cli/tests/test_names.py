"""The names of functions and journeys in the tools exist in the templates and in the tests."""

import re
import unittest

from benchmarks import cold_starts
from checks import grants
from cli import lanes
from engine import fault_plan, templates
from engine.stack import ROOT

SHOP = templates.read(ROOT)
FUNCTIONS = set(SHOP.of_type(templates.FUNCTION))


def journeys() -> set[str]:
    """Returns the full names of all journeys, such as `orders::checkout::paid_at_once`."""
    found = set()
    for path in (ROOT / "tests").glob("*/*.rs"):
        for name in re.findall(r"^(?:pub )?(?:async )?fn (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.add(f"{path.parent.name}::{path.stem}::{name}")
    return found


@unittest.skipIf(set(SHOP.contexts) < {path.name for path in (ROOT / "events").iterdir()} - {"contracts", "schemas"},
                 "a context and its functions were removed")
class Functions(unittest.TestCase):
    def test_reasons_for_unused_grants_name_functions(self) -> None:
        self.assertEqual(set(), {owner for owner, _ in grants.REASONS} - FUNCTIONS)

    def test_poisoned_consumers_are_functions(self) -> None:
        self.assertEqual(set(), set(fault_plan.POISONED) - FUNCTIONS)

    def test_measured_cold_starts_are_those_of_functions(self) -> None:
        self.assertEqual(set(), set(cold_starts.FUNCTIONS.values()) - FUNCTIONS)


class Journeys(unittest.TestCase):
    def test_each_filter_of_the_lanes_matches_a_journey(self) -> None:
        """Cargo passes if a filter matches no test, so a lane without journeys would not fail."""
        names = journeys()
        self.assertGreater(len(names), 100)
        for part in (*lanes.EXCLUSIVE, lanes.RUN_LAST, *lanes.CORE_JOURNEYS, *lanes.PAYMENT_JOURNEYS, *lanes.SKIPPED_WITH_STRIPE):
            with self.subTest(part):
                self.assertTrue(any(part in name for name in names))


if __name__ == "__main__":
    unittest.main()
