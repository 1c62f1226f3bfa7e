"""The grants that count as used."""

import unittest

from checks import grants
from checks.grants import Grant

POLICY = {"Statement": [
    {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"], "Resource": ["arn:table/t", "arn:table/t/index/*"]},
    {"Effect": "Allow", "Action": "sns:DeleteEndpoint", "Resource": "*"},
    {"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"},
]}


class Unused(unittest.TestCase):
    def left(self, *done: Grant) -> set[tuple[str, str]]:
        return {(grant.action, grant.resource) for grant in grants.unused(list(grants.of("Get", POLICY)), set(done))}

    def test_grants_without_an_action_are_unused(self) -> None:
        self.assertEqual({("dynamodb:GetItem", "arn:table/t"), ("dynamodb:GetItem", "arn:table/t/index/*"),
                          ("dynamodb:Query", "arn:table/t"), ("dynamodb:Query", "arn:table/t/index/*"),
                          ("sns:DeleteEndpoint", "*")}, self.left())

    def test_an_action_uses_the_grant_that_names_it(self) -> None:
        done = [Grant("Get", "dynamodb:GetItem", "arn:table/t"), Grant("Get", "dynamodb:Query", "arn:table/t/index/gsi1"),
                Grant("Get", "sns:DeleteEndpoint", "arn:anything")]
        self.assertEqual({("dynamodb:GetItem", "arn:table/t/index/*"), ("dynamodb:Query", "arn:table/t")}, self.left(*done))

    def test_an_action_of_another_function_or_on_a_longer_name_does_not_count(self) -> None:
        others = [Grant("Put", "dynamodb:GetItem", "arn:table/t"), Grant("Get", "dynamodb:GetItem", "arn:table/t2")]
        self.assertEqual(self.left(), self.left(*others))


if __name__ == "__main__":
    unittest.main()
