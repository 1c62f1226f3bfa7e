"""The check of the rotation passes if keys are rotated, and fails if they are not."""

import base64
import json
import unittest
from typing import Any
from unittest import mock

from checks import rotation
from engine import templates
from engine.api import Account, Answer
from engine.problem import Problem
from engine.stack import ROOT


def token(kid: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"kid": kid}).encode()).decode().rstrip("=") + ".e30.c2ln"


class Shop:
    """An API whose tokens are signed by the first of its keys and verified by all of them."""

    def __init__(self, *, ignores: str = "") -> None:
        self.keys, self.ignores = ["A"], ignores

    def redeploy(self, keys: str) -> None:
        if keys != self.ignores:
            self.keys = keys.split(",")

    def customer(self) -> Account:
        return self.log_in("c@example.com", "")

    def log_in(self, email: str, password: str) -> Account:
        return Account("1", email, password, token(self.keys[0]))

    def call(self, method: str, path: str, *, token: str = "") -> Answer:
        if path == rotation.KEYS:
            return Answer(200, {}, json.dumps({"keys": [{"kid": key} for key in self.keys]}))
        return Answer(200 if rotation.kid(token) in self.keys else 401, {}, "{}")


def checked(shop: Any) -> None:
    with mock.patch.multiple(rotation, LIMIT_SECONDS=0.05, POLL_SECONDS=0.01):
        rotation.check(shop, shop.redeploy, lambda _: None)


class Rotation(unittest.TestCase):
    """The check with correct and with faulty shops."""

    def test_a_shop_that_rotates_passes(self) -> None:
        checked(Shop())

    def test_a_key_that_does_not_sign_is_found(self) -> None:
        with self.assertRaisesRegex(Problem, "old key"):
            checked(Shop(ignores="B,A"))

    def test_a_key_that_stays_valid_is_found(self) -> None:
        with self.assertRaisesRegex(Problem, "the token of A to be refused"):
            checked(Shop(ignores="B"))


class Template(unittest.TestCase):
    """The keys in template.yaml."""

    def test_every_function_with_keys_has_the_same_keys(self) -> None:
        resources = templates.read(ROOT).merged["Resources"]
        lists = [json.dumps(variables["SIGNING_KEY_IDS"], sort_keys=True)
                 for resource in resources.values()
                 if "SIGNING_KEY_IDS" in (variables := resource.get("Properties", {}).get("Environment", {}).get("Variables", {}))]
        self.assertGreater(len(lists), 2)
        self.assertEqual(1, len(set(lists)))

    def test_the_two_keys_have_the_same_properties(self) -> None:
        resources = templates.read(ROOT).merged["Resources"]
        a, b = resources["SigningKeyA"], resources["SigningKeyB"]
        self.assertEqual({**a, "Condition": ""}, {**b, "Condition": ""})


if __name__ == "__main__":
    unittest.main()
