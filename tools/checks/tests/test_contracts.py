"""The schemas of events and asyncapi.json agree with the golden samples. Cargo tests check that both files are up to date."""

import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from engine.stack import ROOT

SCHEMAS = sorted((ROOT / "events" / "schemas").glob("*.json"))
DOCUMENT = json.loads((ROOT / "asyncapi.json").read_text(encoding="utf-8"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for below in part.values():
            yield from references(below)
    elif isinstance(part, list):
        for below in part:
            yield from references(below)


def at(reference: str) -> Any:
    """Returns the target of a reference within the document."""
    part = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


class Schemas(unittest.TestCase):
    def test_every_golden_sample_is_valid_under_its_schema(self) -> None:
        self.assertGreater(len(SCHEMAS), 20)
        for path in SCHEMAS:
            with self.subTest(path.name):
                Draft202012Validator.check_schema(load(path))
                self.assertEqual([], errors(load(path), load(ROOT / "events" / "contracts" / path.name)))

    def test_an_invalid_event_is_refused(self) -> None:
        schema = load(ROOT / "events" / "schemas" / "OrderPlaced.v1.0.json")
        event = load(ROOT / "events" / "contracts" / "OrderPlaced.v1.0.json")
        self.assertEqual(1, len(errors(schema, {**event, "event_type": "OrderShipped"})))
        self.assertEqual(1, len(errors(schema, {**event, "data": {**event["data"], "total": {"amount": 12.5, "currency": "USD"}}})))
        self.assertEqual([], errors(schema, {**event, "new": "is passed over"}))


class Document(unittest.TestCase):
    def test_every_reference_has_a_target(self) -> None:
        found = set(references(DOCUMENT))
        self.assertGreater(len(found), 50)
        for reference in found:
            with self.subTest(reference):
                at(reference)

    def test_every_message_has_a_channel_and_an_example(self) -> None:
        used = {reference for channel in DOCUMENT["channels"].values() for reference in references(channel["messages"])}
        self.assertEqual({f"#/components/messages/{name}" for name in DOCUMENT["components"]["messages"]}, used)
        for name, message in DOCUMENT["components"]["messages"].items():
            with self.subTest(name):
                schema = {"components": DOCUMENT["components"], **message["payload"]}
                self.assertTrue(message["examples"])
                for example in message["examples"]:
                    self.assertEqual([], errors(schema, example["payload"]))


if __name__ == "__main__":
    unittest.main()
