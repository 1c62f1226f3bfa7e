"""Shows the events of a stack as they are published, one per line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.api import Api
from engine.aws import Aws
from engine.problem import Problem
from engine.wait import wait_until

# If the program is killed before it deletes the queue, its messages expire; SQS never deletes a queue by itself.
KEPT_SECONDS = 300
WAIT_SECONDS = 1

# The fields of events that are shown. A new field is not shown until it is listed here.
SHOWN = {"amount", "available", "category", "changed", "channel", "level", "level_changed", "lines", "name", "notification_id", "on_hand",
         "payment_id", "price", "product_id", "reason", "reserved", "role", "short", "status", "threshold", "total", "type", "user_id"}

Event = dict[str, Any]


@contextmanager
def listening(aws: Aws, topics: list[str]) -> Iterator[str]:
    """Subscribes a queue to all topics, and yields its URL. The queue is deleted at the end."""
    queue = aws.sqs.create_queue(
        QueueName=f"waybill-tail-{uuid.uuid4().hex[:12]}", Attributes={"MessageRetentionPeriod": str(KEPT_SECONDS)})["QueueUrl"]
    subscriptions: list[str] = []
    try:
        arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                     "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topics}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        for topic in topics:
            subscribed = aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True,
                                           Attributes={"RawMessageDelivery": "true"})
            subscriptions.append(subscribed["SubscriptionArn"])
        yield queue
    finally:
        for subscription in subscriptions:
            aws.sns.unsubscribe(SubscriptionArn=subscription)
        aws.sqs.delete_queue(QueueUrl=queue)


def receive(aws: Aws, queue: str, order: str | None) -> list[Event]:
    """Receives events for a second, and returns them in the order of their timestamps. With `order`, returns only those of that order."""
    messages = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS).get("Messages", [])
    if messages:
        entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)]
        aws.sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    events = [json.loads(message["Body"]) for message in messages if order is None or order in message["Body"]]
    return sorted(events, key=lambda event: (event["timestamp"], event["sequence"]))


def wait_for_events(aws: Aws, queue: str, order: str | None, what: str, complete: Callable[[list[Event]], bool]) -> list[Event]:
    """Receives events until they are complete, and fails if no more of them arrive."""
    events: list[Event] = []

    def receive_more() -> list[Event]:
        events.extend(receive(aws, queue, order))
        return events

    wait_until(receive_more, what, done=complete, progress=len, poll_seconds=0.0)
    return events


def line(event: Event) -> str:
    """Formats an event: time, type, subject, sequence number, fields, and the correlation id of the request that caused it."""
    said = [f"{name}={_short(value)}" for name, value in event["data"].items()
            if name in SHOWN and value != event["subject"]]
    head = f"{event['timestamp'][11:23]} {event['event_type']:<18} {event['subject']} #{event['sequence']}"
    return " ".join([head, *said, f"correlation={event['correlation_id']}"])


def _short(value: Any) -> str:
    """Shortens money and order lines; leaves other values as they are."""
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']}{value['currency']}"
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "+".join(f"{part.get('quantity', '')}x{part.get('product_id', '')}" for part in value)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def follow(aws: Aws, topics: list[str], order: str | None) -> None:
    """Prints each event until Ctrl-C."""
    with listening(aws, topics) as queue:
        print(f"listening to {len(topics)} topics" + (f", for order {order}" if order else "") + "; stop with Ctrl-C", flush=True)
        while True:
            for event in receive(aws, queue, order):
                print(line(event), flush=True)


def check(api: Api, aws: Aws, topics: list[str], customer: dict[str, str], product: str, say: Callable[[str], None]) -> None:
    """Fails unless the events of one order are shown, and those of another order are not."""
    token = api.log_in(customer["email"], customer["password"]).token
    body = {"items": [{"product_id": product, "quantity": 1}], "payment_method": "pm_card_visa"}
    wanted = {"OrderPlaced", "CheckoutStarted", "StockReserved", "OrderConfirmed", "PaymentProcessed"}
    with listening(aws, topics) as queue:
        orders = [api.call("POST", "/api/v1/checkout", body, token=token).expect(201)["id"] for _ in range(2)]
        events = wait_for_events(aws, queue, orders[1], f"{sorted(wanted)} of an order",
                                 lambda events: wanted <= {event["event_type"] for event in events})
    if unexpected := [line(event) for event in events if orders[0] in json.dumps(event) or orders[1] not in json.dumps(event)]:
        raise Problem(f"events of another order were shown: {unexpected}")
    for event in events:
        say(line(event))
