"""Compares the permissions of the functions' roles with the actions of the functions, and fails for a grant that was never used.

`GET /_waybill/grants` of the engine lists the allowed actions of each role. Each part of a transaction counts by itself, as in IAM.
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

# Lambda performs these actions with the function's role: it reads the queue or the stream, writes the log, and sends traces. The engine
# does not check them. test_iam.py checks that each function has those that it needs.
BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "dynamodb:DescribeStream", "dynamodb:GetRecords",
             "dynamodb:GetShardIterator", "dynamodb:ListStreams", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments",
             "xray:PutTelemetryRecords"}

# Grants that only rare cases need, which the journeys do not cause: the action, the reason, and the functions.
FOR_LATER = (
    ("dynamodb:Query", "a missing view of an order is rebuilt from its events",
     "CancelOrder ConfirmOrder DeleteOrder EndExpired EndUnpaid OrdersReplicatePayment OrdersSeed PayOrder SetOrderStatus"),
    ("sqs:SendMessage", "events that SNS refuses, and batches that Lambda gives up, go to a dead-letter queue",
     "CatalogPublish IndexProducts InventoryPublish NotificationsPublish OrdersPublish PaymentsPublish UsersPublish"),
    ("secretsmanager:GetSecretValue", "reads Stripe's key; the simulator has none",
     "AuthorizePayment CaptureConfirmed CapturePayment Refund SettleRefunds UndoCancelled VoidPayment"),
    ("dynamodb:DeleteItem", "a pending refund is deleted when it is done", "PaymentWebhook VoidPayment"),
    ("dynamodb:UpdateItem", "a payment that was captured already is refunded, and the refund is counted", "VoidPayment"),
    ("dynamodb:UpdateItem", "a reservation that was rejected in part is released", "SweepReservations"),
    ("dynamodb:DeleteItem", "a closed connection is deleted", "PublishAnalyticsUpdates"),
    ("execute-api:ManageConnections", "a connection that has to end is closed", "PublishAnalyticsUpdates"),
    ("dynamodb:DeleteItem", "a figure without events is deleted", "RebuildAnalytics"),
    ("dynamodb:GetItem", "an idempotency key has a stored response already", "CreateUser"),
    ("dynamodb:GetItem", "an operator's command that no journey runs", "GrantRole"),
    ("dynamodb:PutItem", "as before", "GrantRole"),
    ("dynamodb:UpdateItem", "as before", "GrantRole"),
    ("sns:DeleteEndpoint", "the endpoint of a device that could not be registered is deleted", "RegisterDevice"),
)
REASONS = {(owner, action): reason for action, reason, owners in FOR_LATER for owner in owners.split()}

Say = Callable[[str], None]


@dataclass(frozen=True, order=True)
class Grant:
    """An action on a resource, which may have wildcards. The owner is a function, or a policy that several functions share."""

    owner: str
    action: str
    resource: str


def check(api: Api, aws: Aws, resources: Resources, say: Say) -> None:
    """Fails if there are unused grants for which FOR_LATER has no reason."""
    own, shared = dict(roles(resources)), resources["AWS::IAM::ManagedPolicy"]
    done = used(api, {role: function for function, role in own.items()})
    _require_checked_roles(api, resources, done)
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
    """Yields the logical id of each function with the name of its role."""
    for logical, role in resources["AWS::IAM::Role"].items():
        if (function := logical.removesuffix("Role")) in resources["AWS::Lambda::Function"]:
            yield function, role


def of(owner: str, document: dict[str, Any]) -> Iterator[Grant]:
    """Yields the grants of one policy."""
    for statement in _list(document["Statement"]):
        if statement["Effect"] == "Allow":
            # A statement with NotResource allows all other resources, so that any use of the action counts.
            resources = _list(statement.get("Resource", "*"))
            yield from (Grant(owner, action, resource) for action in _list(statement["Action"]) for resource in resources)


def used(api: Api, functions: dict[str, str]) -> set[Grant]:
    """Returns the actions of each function on resources. The engine reports them by role."""
    rows = api.call("GET", "/_waybill/grants").expect(200)
    if not rows:
        raise Problem("the engine has not checked any call, so it runs without IAM")
    return {Grant(functions[role], action, resource) for role, action, resource, _ in rows if role in functions}


def unused(grants: list[Grant], done: set[Grant]) -> Iterator[Grant]:
    """Yields the grants that no action used."""
    for grant in sorted(set(grants)):
        pattern = re.compile(".*".join(map(re.escape, grant.resource.split("*"))))
        if not any(each.owner == grant.owner and each.action == grant.action and pattern.fullmatch(each.resource) for each in done):
            yield grant


def _require_checked_roles(api: Api, resources: Resources, done: set[Grant]) -> None:
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
