"""Holds what the functions' roles grant against what the functions really did: a grant that nothing used is one too many.

`GET /_waybill/grants` of the engine says what was allowed to each role; the parts of a transaction count by themselves, as in IAM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from api import Api
from deploy import Aws, Resources
from problem import Problem

# Lambda does these in the function's name, to read its queue or its stream; the engine asks nobody for it. test_iam.py holds them to
# their queue or stream.
BY_THE_MAPPING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "dynamodb:DescribeStream", "dynamodb:GetRecords",
                  "dynamodb:GetShardIterator", "dynamodb:ListStreams"}

Say = Callable[[str], None]


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource, which may have wildcards, that a function's role grants."""

    function: str
    action: str
    resource: str


def check(api: Api, aws: Aws, resources: Resources, expected: dict[tuple[str, str], str], say: Say) -> None:
    """Fails for each grant that nothing used, if it is not expected to be so: (function, action) to the reason."""
    found = list(unused(granted(aws, resources), used(api, resources)))
    surprising = [grant for grant in found if (grant.function, grant.action) not in expected]
    for grant in found:
        say(f"{grant.function:<22}{grant.action:<28}{expected.get((grant.function, grant.action), 'NEVER USED')}")
    if surprising:
        raise Problem(f"{len(surprising)} grants were never used: take them away, or say in grants_unused.py what they are for")


def granted(aws: Aws, resources: Resources) -> Iterator[Grant]:
    """What the roles of the functions grant by themselves, as the engine has it."""
    for function, role in roles(resources):
        for policy in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = aws.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            # An URL-encoded text on the wire; boto3 makes an object of it, if it can.
            document = json.loads(unquote(document)) if isinstance(document, str) else document
            yield from (grant for grant in of(function, document) if grant.action not in BY_THE_MAPPING)


def roles(resources: Resources) -> Iterator[tuple[str, str]]:
    """Each function by its logical name, and the name of its role."""
    for logical, role in resources["AWS::IAM::Role"].items():
        if (function := logical.removesuffix("Role")) in resources["AWS::Lambda::Function"]:
            yield function, role


def of(function: str, document: dict[str, Any]) -> Iterator[Grant]:
    """The grants of one policy."""
    for statement in _list(document["Statement"]):
        if statement["Effect"] == "Allow":
            yield from (Grant(function, action, resource)
                        for action in _list(statement["Action"]) for resource in _list(statement["Resource"]))


def used(api: Api, resources: Resources) -> set[Grant]:
    """What each function did."""
    names = {role: function for function, role in roles(resources)}
    rows = api.call("GET", "/_waybill/grants").expect(200)
    if not rows:
        raise Problem("the engine was asked for nothing: it runs without IAM")
    return {Grant(names[role], action, resource) for role, action, resource, _ in rows if role in names}


def unused(grants: Iterator[Grant], done: set[Grant]) -> Iterator[Grant]:
    """The grants that allowed nothing that was done."""
    for grant in sorted(grants):
        pattern = re.compile(".*".join(map(re.escape, grant.resource.split("*"))))
        if not any(each.function == grant.function and each.action == grant.action and pattern.fullmatch(each.resource) for each in done):
            yield grant


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
