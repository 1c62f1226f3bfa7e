"""Checks on a running stack that dead letters are listed with the reason of their failure, and can be redriven or dropped."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from engine.api import Account, Api
from engine.aws import Aws
from engine.deploy import STACK, resources_of
from engine.problem import Problem
from engine.wait import wait_until
from operations import dead_letters, dead_letters_cli, tail
from operations.dead_letters import DeadLetters

UNREADABLE = "this is no event"

Say = Callable[[str], None]


def check(api: Api, aws: Aws, customer: dict[str, str], product: str, say: Say) -> None:
    """Creates dead letters of two consumers: an unreadable message, and two orders whose checkouts temporarily cannot be started.

    The orders also show that IAM is enforced, because only the role of the function is changed.
    """
    buyer = api.log_in(customer["email"], customer["password"])
    # Earlier checks may have left dead letters of other consumers, but none of these.
    before = _counts(aws)
    _require("list", {"UpdateAvailability", "StartCheckout", "Unpublished"} & before.keys(), set())
    unreadable, orders = _queue(aws, "UpdateAvailability"), _queue(aws, "StartCheckout")
    with _with_few_deliveries(aws, unreadable), _with_few_deliveries(aws, orders):
        aws.sqs.send_message(QueueUrl=unreadable.source_url, MessageBody=UNREADABLE)
        with _without(aws, "StartCheckout", "states:StartExecution"):
            placed = [_check_out(api, buyer, product) for _ in range(2)]
            _wait("dead letters of both consumers", lambda: (_count(aws, unreadable), _count(aws, orders)), (1, 2))
    say("an unreadable message and two orders are dead letters")

    _wait("the health endpoints to count them", lambda: _both_healths(api), (("degraded", 2), ("degraded", 1)))
    _require("list", _counts(aws), {**before, "UpdateAvailability": 1, "StartCheckout": 2})
    [letter] = _json(aws, "show", "updateavailability")
    _require("show of the unreadable message", (letter["body"], letter["correlation_id"]), (UNREADABLE, None))
    _require_part("its reason", "a message could not be read", letter["reason"])
    letters = {letter["subject"]: letter for letter in _json(aws, "show", "StartCheckout")}
    _require("show of the orders", set(letters), set(placed))
    for order, letter in letters.items():
        _require_part("the reason of an order", "an event could not be consumed", letter["reason"])
        _require_part("the reason of an order", "AccessDenied", letter["reason"])
        _require(f"the correlation of {order}", letter["correlation_id"], json.loads(letter["body"])["correlation_id"])
    text = _run(aws, "show", "StartCheckout", "--id", letters[placed[0]]["message_id"])
    _require_part("show for people", letters[placed[0]]["correlation_id"], text)

    _run(aws, "redrive", "--all", "--dry-run")
    _run(aws, "drop", "UpdateAvailability", "--all", "--dry-run")
    _require("after the dry runs", (_count(aws, unreadable), _count(aws, orders)), (1, 2))
    _run(aws, "redrive", "StartCheckout", "--id", letters[placed[0]]["message_id"])
    _wait_until_paid(api, buyer, placed[0])
    _require("the other order", (_count(aws, orders), _status(api, buyer, placed[1])), (1, "pending"))
    _run(aws, "redrive", "StartCheckout")
    _wait_until_paid(api, buyer, placed[1])
    say("the orders were redriven and are paid")

    _run(aws, "drop", "UpdateAvailability", "--id", _json(aws, "show", "UpdateAvailability")[0]["message_id"], "--yes")
    _publish_again(aws, letters[placed[0]]["body"])
    _require("list", _counts(aws), before)
    _wait("the health endpoints to be up", lambda: _both_healths(api), (("up", 0), ("up", 0)))
    say("no dead letters are left, and the health endpoints are up")


def _publish_again(aws: Aws, event: str) -> None:
    """Redrives an unpublished event and checks that it is published. A message that is not an event is not redriven, and is dropped."""
    parked = _queue(aws, "Unpublished")
    with tail.listening(aws, [parked.topics["orders"]]) as queue:
        for body in (event, UNREADABLE):
            aws.sqs.send_message(QueueUrl=parked.url, MessageBody=body)
        _run(aws, "redrive", "Unpublished", expected=dead_letters_cli.WRONG)
        wanted = json.loads(event)["event_id"]
        tail.wait_for_events(aws, queue, None, "the redriven event", lambda events: wanted in {each["event_id"] for each in events})
    _require("the unpublished message that is not an event", [letter["body"] for letter in _json(aws, "show", "Unpublished")], [UNREADABLE])
    _run(aws, "drop", "Unpublished", "--all", "--yes")


@contextmanager
def _with_few_deliveries(aws: Aws, queue: DeadLetters) -> Iterator[None]:
    """Sets the queue to deliver each message at most twice, one second apart, instead of five times."""
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = aws.sqs.get_queue_attributes(QueueUrl=queue.source_url, AttributeNames=names)["Attributes"]
    policy = {**json.loads(before["RedrivePolicy"]), "maxReceiveCount": 2}
    aws.sqs.set_queue_attributes(QueueUrl=queue.source_url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy)})
    try:
        yield
    finally:
        aws.sqs.set_queue_attributes(QueueUrl=queue.source_url, Attributes=before)


@contextmanager
def _without(aws: Aws, function: str, action: str) -> Iterator[None]:
    """Removes an action from a function's role until the context ends."""
    role = resources_of(aws)["AWS::IAM::Role"][f"{function}Role"]
    policy = aws.iam.get_role_policy(RoleName=role, PolicyName="own")["PolicyDocument"]
    less = {**policy, "Statement": [statement for statement in policy["Statement"] if action not in statement["Action"]]}
    aws.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        aws.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy))


def _check_out(api: Api, buyer: Account, product: str) -> str:
    body = {"items": [{"product_id": product, "quantity": 1}], "payment_method": "pm_card_visa"}
    return str(api.call("POST", "/api/v1/checkout", body, token=buyer.token).expect(201)["id"])


def _status(api: Api, buyer: Account, order: str) -> str:
    return str(api.call("GET", f"/api/v1/orders/{order}", token=buyer.token).expect(200)["status"])


def _wait_until_paid(api: Api, buyer: Account, order: str) -> None:
    _wait(f"order {order} to be paid", lambda: _status(api, buyer, order), "paid")


def _queue(aws: Aws, consumer: str) -> DeadLetters:
    found = next((queue for queue in dead_letters.find(aws, STACK) if queue.consumer == consumer), None)
    if found is None:
        raise Problem(f"the stack has no consumer {consumer}")
    return found


def _count(aws: Aws, queue: DeadLetters) -> int:
    attributes = aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def _counts(aws: Aws) -> dict[str, int]:
    """Returns the number of dead letters of each consumer that has any, as `list` reports it."""
    return {row["consumer"]: row["count"] for row in _json(aws, "list") if row["count"]}


def _both_healths(api: Api) -> tuple[tuple[str, int], tuple[str, int]]:
    return _health(api, "orders", "StartCheckout"), _health(api, "catalog", "UpdateAvailability")


def _health(api: Api, context: str, consumer: str) -> tuple[str, int]:
    """Returns the status of a consumer's queue and the number of its dead letters, according to its context's health endpoint."""
    queues = api.call("GET", f"/api/v1/health/{context}").expect(200)["queues"]
    return next((queue["status"], queue["dead_letters"]) for queue in queues if queue["name"] == consumer)


def _json(aws: Aws, *arguments: str) -> Any:
    return json.loads(_run(aws, *arguments, "--json"))


def _run(aws: Aws, *arguments: str, expected: int = dead_letters_cli.NOTHING_WRONG) -> str:
    """Runs a subcommand of `dead-letters` and returns what it prints."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        status = dead_letters_cli.main(list(arguments), aws)
    _require(f"dead-letters {' '.join(arguments)}: its exit code", status, expected)
    return printed.getvalue()


def _require(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Problem(f"{what}: {found}, where {expected} was expected")


def _require_part(what: str, part: str, text: str) -> None:
    if part not in text:
        raise Problem(f"{what} does not contain {part!r}: {text}")


def _wait(what: str, look: Callable[[], Any], expected: Any) -> None:
    wait_until(look, f"{what}: {expected}", done=lambda found: found == expected)
