"""Each example in `openapi.json` is valid under its schema. Cargo tests check that the file is up to date."""

import json
import unittest
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from engine.stack import ROOT

DOCUMENT = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))


def examples(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yields each example of the document with its place and its schema."""
    if isinstance(part, dict):
        if "schema" in part:
            if "example" in part:
                yield where, part["schema"], part["example"]
            for name, example in part.get("examples", {}).items():
                yield f"{where} {name}", part["schema"], example["value"]
        for name, below in part.items():
            if name not in ("example", "examples"):
                yield from examples(below, f"{where}/{name}")
    elif isinstance(part, list):
        for index, below in enumerate(part):
            yield from examples(below, f"{where}/{index}")


def errors(schema: dict[str, Any], example: Any) -> list[str]:
    """Returns the errors of an example, formats included. The schema may refer to the document's components."""
    whole = {"components": DOCUMENT["components"], **schema}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(example)]


class Document(unittest.TestCase):
    """The document is consistent."""

    def test_every_example_is_valid_under_its_schema(self) -> None:
        found = list(examples(DOCUMENT))
        self.assertGreater(len(found), 50)
        for where, schema, example in found:
            with self.subTest(where):
                self.assertEqual(errors(schema, example), [])

    def test_every_body_has_an_example(self) -> None:
        for path, operations in DOCUMENT["paths"].items():
            for method, operation in operations.items():
                for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                    with self.subTest(f"{method} {path}"):
                        self.assertTrue(content["examples"], media_type)

    def test_every_schema_is_valid(self) -> None:
        for name, schema in DOCUMENT["components"]["schemas"].items():
            with self.subTest(name):
                Draft202012Validator.check_schema(schema)


if __name__ == "__main__":
    unittest.main()
