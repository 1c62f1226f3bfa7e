"""The licence of every dependency is one that `deny.toml` allows. `cargo deny` checks the same in CI, and more."""

import json
import re
import subprocess
import unittest
from collections.abc import Iterable
from typing import Any

import tomli

from engine.stack import ROOT

GPL_FAMILY = ("AGPL-", "GPL-", "LGPL-")


def alternatives(expression: str) -> set[frozenset[str]]:
    """Returns the sets of licences of which one has to be accepted as a whole. Old manifests write `/` instead of `OR`."""
    tokens = re.findall(r"[()/]|[^\s()/]+", expression)
    found = _any_of(tokens)
    if tokens:
        raise ValueError(f"{expression!r}: {tokens[0]!r} is not expected")
    return found


def _any_of(tokens: list[str]) -> set[frozenset[str]]:
    found = _all_of(tokens)
    while tokens[:1] in (["OR"], ["/"]):
        tokens.pop(0)
        found |= _all_of(tokens)
    return found


def _all_of(tokens: list[str]) -> set[frozenset[str]]:
    found = _one(tokens)
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        others = _one(tokens)
        found = {left | right for left in found for right in others}
    return found


def _one(tokens: list[str]) -> set[frozenset[str]]:
    if not tokens or tokens[0] in (")", "/", "AND", "OR", "WITH"):
        raise ValueError(f"a licence is missing before {tokens}")
    licence = tokens.pop(0)
    if licence == "(":
        found = _any_of(tokens)
        if tokens[:1] != [")"]:
            raise ValueError(f"a parenthesis is not closed before {tokens}")
        tokens.pop(0)
        return found
    if tokens[:1] == ["WITH"]:
        licence = " ".join([licence, *tokens[:2]])
        del tokens[:2]
    return {frozenset([licence])}


def is_allowed(expression: str, allowed: Iterable[str]) -> bool:
    """Returns whether the allowed licences satisfy an expression."""
    return any(licences <= set(allowed) for licences in alternatives(expression))


def needs_gpl(expression: str) -> bool:
    """Returns whether an expression leaves no choice without a licence of the GPL family."""
    return all(any(licence.startswith(GPL_FAMILY) for licence in licences) for licences in alternatives(expression))


def packages() -> list[dict[str, Any]]:
    """Returns the packages of `Cargo.lock`, also those for other platforms. Cargo downloads what no build has needed so far."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)["packages"]
    return found


class Expressions(unittest.TestCase):
    """What licence expressions demand."""

    def test_one_of_a_choice_is_enough(self) -> None:
        for expression in ("MIT OR Apache-2.0", "MIT/Apache-2.0", "Apache-2.0 / MIT", "(MIT OR ISC) AND (MIT OR Zlib)"):
            with self.subTest(expression):
                self.assertTrue(is_allowed(expression, ["MIT"]))
                self.assertFalse(is_allowed(expression, ["BSD-3-Clause"]))

    def test_every_part_of_a_combination_is_needed(self) -> None:
        for expression in ("MIT AND ISC", "MIT AND (ISC OR Zlib)", "Zlib AND Unicode-3.0 OR MIT AND ISC"):
            with self.subTest(expression):
                self.assertTrue(is_allowed(expression, ["MIT", "ISC"]))
                self.assertFalse(is_allowed(expression, ["MIT"]))

    def test_a_licence_with_an_exception_is_a_licence_of_its_own(self) -> None:
        expression = "Apache-2.0 WITH LLVM-exception"
        self.assertFalse(is_allowed(expression, ["Apache-2.0"]))
        self.assertTrue(is_allowed(expression, [expression]))
        self.assertTrue(is_allowed(f"{expression} OR Apache-2.0", ["Apache-2.0"]))

    def test_a_choice_without_the_gpl_is_free_of_it(self) -> None:
        self.assertFalse(needs_gpl("MIT OR LGPL-2.1-or-later"))
        self.assertFalse(needs_gpl("MIT"))
        for expression in ("GPL-3.0-only", "AGPL-3.0-or-later OR GPL-2.0", "MIT AND LGPL-3.0", "GPL-2.0 WITH Classpath-exception-2.0"):
            with self.subTest(expression):
                self.assertTrue(needs_gpl(expression))

    def test_a_malformed_expression_is_an_error(self) -> None:
        for expression in ("", "MIT OR", "(MIT", "MIT ISC", "MIT)", "AND MIT"):
            with self.subTest(expression), self.assertRaises(ValueError):
                alternatives(expression)


class Dependencies(unittest.TestCase):
    """The licences of the packages in `Cargo.lock`."""

    allowed: list[str]
    expressions: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.allowed = tomli.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"]
        # A package without an expression has an empty one, which is malformed.
        cls.expressions = {f"{package['name']} {package['version']}": package["license"] or "" for package in packages()}

    def test_every_package_has_an_allowed_licence(self) -> None:
        self.assertGreater(len(self.expressions), 100)
        for package, expression in self.expressions.items():
            with self.subTest(package):
                self.assertTrue(is_allowed(expression, self.allowed), f"deny.toml does not allow {expression}")

    def test_no_package_needs_the_gpl(self) -> None:
        for package, expression in self.expressions.items():
            with self.subTest(package):
                self.assertFalse(needs_gpl(expression), expression)

    def test_every_allowed_licence_is_needed(self) -> None:
        for licence in self.allowed:
            others = [other for other in self.allowed if other != licence]
            with self.subTest(licence):
                self.assertFalse(all(is_allowed(expression, others) for expression in self.expressions.values()))


if __name__ == "__main__":
    unittest.main()
