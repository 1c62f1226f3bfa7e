"""The format of an event in `make tail`."""

import json
import unittest
from typing import Any

from engine.stack import ROOT
from operations import tail

CONTRACTS = ROOT / "events" / "contracts"


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((CONTRACTS / f"{name}.v1.0.json").read_text(encoding="utf-8"))
    return event


class Line(unittest.TestCase):
    def test_a_line_has_the_time_the_type_and_the_fields(self) -> None:
        event = sample("OrderPlaced")
        self.assertEqual(
            "06:30:31.533 OrderPlaced        01a1fccc-a173-74e6-9164-f8f1f5a56d18 #1"
            " user_id=01a1fccc-a0b3-76ce-9e2c-6127bb7cc749 lines=1x01a1fccc-a115-7188-86c3-aea6b4b629a0 total=129.90USD"
            " correlation=01a1fccc-a16d-728d-96e7-55c60081eb2b", tail.line(event))

    def test_every_type_is_one_line_without_personal_data(self) -> None:
        for path in CONTRACTS.glob("*.json"):
            with self.subTest(path.name):
                event = json.loads(path.read_text(encoding="utf-8"))
                line = tail.line(event)
                self.assertEqual(1, len(line.splitlines()))
                self.assertIn(event["subject"], line)
                for personal in ("email", "username", "full_name", "payment_method", "method", "recipient"):
                    if personal in event["data"]:
                        self.assertNotIn(event["data"][personal], line)

    def test_an_unknown_field_is_not_shown(self) -> None:
        event = sample("OrderPlaced")
        before = tail.line(event)
        event["data"] |= {"phone_number": "+491511234567", "address": {"street": "Main Street 1"}}
        self.assertEqual(before, tail.line(event))

    def test_every_shown_field_is_one_of_an_event(self) -> None:
        said = {name for path in CONTRACTS.glob("*.json") for name in json.loads(path.read_text(encoding="utf-8"))["data"]}
        self.assertEqual(set(), tail.SHOWN - said)


if __name__ == "__main__":
    unittest.main()
