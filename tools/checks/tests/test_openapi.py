"""What `openapi.json` shows is what it says: each example is one of its schema. (That the file is up to date, cargo tests.)"""

import json
import unittest
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from engine.stack import ROOT

DOCUMENT = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))


def examples(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Everything with a schema and an example or several: where it stands, its schema, each example."""
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
    """What is wrong with an example, by a schema that may refer to the document's components; formats count."""
    whole = {"components": DOCUMENT["components"], **schema}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(example)]


class Document(unittest.TestCase):
    """The document, held against itself."""

    def test_every_example_is_one_of_its_schema(self) -> None:
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

    def test_every_schema_is_one(self) -> None:
        for name, schema in DOCUMENT["components"]["schemas"].items():
            with self.subTest(name):
                Draft202012Validator.check_schema(schema)


if __name__ == "__main__":
    unittest.main()
