"""Compares what the functions' roles grant with what the functions did: fails for a grant that nothing used.

`GET /_waybill/grants` of the engine lists what was allowed to each role. The parts of a transaction count by themselves, as in IAM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.api import Api
from engine.aws import Aws
from engine.deploy import Resources
from engine.problem import Problem

# Lambda does these in the function's name: it reads its queue or its stream, writes its log, sends its traces. The engine does not check
# them. test_iam.py checks that each function has its own.
BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "dynamodb:DescribeStream", "dynamodb:GetRecords",
             "dynamodb:GetShardIterator", "dynamodb:ListStreams", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments",
             "xray:PutTelemetryRecords"}

# Grants that only rare cases need: the action, the reason, and the functions.
FOR_LATER = (
    ("dynamodb:Query", "an order whose view is gone is made of its events again",
     "CancelOrder ConfirmOrder DeleteOrder EndExpired EndUnpaid OrdersReplicatePayment OrdersSeed PayOrder SetOrderStatus"),
    ("sqs:SendMessage", "an event that SNS refuses is parked; and Lambda parks what it gives up",
     "CatalogPublish IndexProducts InventoryPublish NotificationsPublish OrdersPublish PaymentsPublish UsersPublish"),
    ("secretsmanager:GetSecretValue", "Stripe's key; the simulator has none",
     "AuthorizePayment CaptureConfirmed CapturePayment Refund SettleRefunds UndoCancelled VoidPayment"),
    ("dynamodb:DeleteItem", "a refund that was to go is done", "PaymentWebhook VoidPayment"),
    ("dynamodb:UpdateItem", "money that was taken already is given back, and counted", "VoidPayment"),
    ("dynamodb:UpdateItem", "a reservation that was refused in part is given back", "SweepReservations"),
    ("dynamodb:DeleteItem", "a connection that is gone is forgotten", "PublishAnalyticsUpdates"),
    ("execute-api:ManageConnections", "a connection that must end is closed", "PublishAnalyticsUpdates"),
    ("dynamodb:DeleteItem", "a figure that nothing counts is taken away", "RebuildAnalytics"),
    ("dynamodb:GetItem", "an idempotency key has its answer already", "CreateUser"),
    ("dynamodb:GetItem", "an operator's command, which no journey gives", "GrantRole"),
    ("dynamodb:PutItem", "as before", "GrantRole"),
    ("dynamodb:UpdateItem", "as before", "GrantRole"),
    ("sns:DeleteEndpoint", "a device that could not become anybody's is forgotten", "RegisterDevice"),
)
REASONS = {(owner, action): reason for action, reason, owners in FOR_LATER for owner in owners.split()}

Say = Callable[[str], None]


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource, which may have wildcards; its owner is a function, or a policy that several have."""

    owner: str
    action: str
    resource: str


def check(api: Api, aws: Aws, resources: Resources, say: Say) -> None:
    """Fails if there are grants that nothing used and FOR_LATER gives no reason for."""
    own, shared = dict(roles(resources)), resources["AWS::IAM::ManagedPolicy"]
    done = used(api, {role: function for function, role in own.items()})
    _require_that_all_are_asked(api, resources, done)
    grants = [grant for function, role in own.items() for grant in _inline(aws, function, role)]
    for name, arn in shared.items():
        grants += of(name, aws.iam.get_policy_version(PolicyArn=arn, VersionId=_version(aws, arn))["PolicyVersion"]["Document"])
        holders = {function for function, role in own.items() if arn in _attached(aws, role)}
        done |= {Grant(name, each.action, each.resource) for each in done if each.owner in holders}
    found = list(unused([grant for grant in grants if grant.action not in BY_LAMBDA], done))
    for grant in found:
        say(f"{grant.owner:<22} {grant.action:<28} {REASONS.get((grant.owner, grant.action), 'NEVER USED')}")
    if surprising := [grant for grant in found if (grant.owner, grant.action) not in REASONS]:
        raise Problem(f"{len(surprising)} of {len(grants)} grants were never used: remove them, or give the reason in FOR_LATER")
    say(f"{len(grants)} grants, of which {len(found)} are unused for a known reason")


def roles(resources: Resources) -> Iterator[tuple[str, str]]:
    """Each function by its logical name, and the name of its role."""
    for logical, role in resources["AWS::IAM::Role"].items():
        if (function := logical.removesuffix("Role")) in resources["AWS::Lambda::Function"]:
            yield function, role


def of(owner: str, document: dict[str, Any]) -> Iterator[Grant]:
    """The grants of one policy."""
    for statement in _list(document["Statement"]):
        if statement["Effect"] == "Allow":
            # A statement with NotResource allows all others, so that any use of the action is one of this grant.
            resources = _list(statement.get("Resource", "*"))
            yield from (Grant(owner, action, resource) for action in _list(statement["Action"]) for resource in resources)


def used(api: Api, functions: dict[str, str]) -> set[Grant]:
    """What each function did; by its role's name."""
    rows = api.call("GET", "/_waybill/grants").expect(200)
    if not rows:
        raise Problem("the engine has checked no call: it runs without IAM")
    return {Grant(functions[role], action, resource) for role, action, resource, _ in rows if role in functions}


def unused(grants: list[Grant], done: set[Grant]) -> Iterator[Grant]:
    """The grants that allowed nothing that was done."""
    for grant in sorted(set(grants)):
        pattern = re.compile(".*".join(map(re.escape, grant.resource.split("*"))))
        if not any(each.owner == grant.owner and each.action == grant.action and pattern.fullmatch(each.resource) for each in done):
            yield grant


def _require_that_all_are_asked(api: Api, resources: Resources, done: set[Grant]) -> None:
    """Fails if a function called AWS and its role was not checked."""
    functions = {physical: logical for logical, physical in resources["AWS::Lambda::Function"].items()}
    callers = {functions[name] for name, *_ in api.call("GET", "/_waybill/calls").expect(200) if name in functions}
    if free := sorted(callers - {grant.owner for grant in done}):
        raise Problem(f"{', '.join(free)} called AWS, and their roles were not checked")


def _inline(aws: Aws, function: str, role: str) -> Iterator[Grant]:
    for policy in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from of(function, aws.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])


def _attached(aws: Aws, role: str) -> set[str]:
    return {policy["PolicyArn"] for policy in aws.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}


def _version(aws: Aws, arn: str) -> str:
    return str(aws.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
