"""Finds dead letters, which are messages that consumers could not consume, with the reasons, and redrives or drops them.

The queue of unpublished events, which no consumer reads, is a dead-letter queue as well: SNS did not accept these events, or could not
deliver them. All operations work on the local engine and on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from engine.aws import Aws
from engine.deploy import resources_of
from engine.problem import Problem
from operations import reasons
from operations.reasons import Message, event_in, sent_at

# The visibility timeout of messages that are read or redriven. If the program is killed, they stay hidden until the timeout ends.
HIDDEN_SECONDS = 300
# Only long polling queries all servers of SQS. The engine has a single one.
WAIT_SECONDS = 1
BATCH = 10
AT_ONCE = 8
# Below the size limit of SQS, which is the same for a call and for a message.
BATCH_BYTES = 240_000


@dataclass(frozen=True)
class DeadLetters:
    """A dead-letter queue. `source_url` is the queue that the messages came from, None for unpublished events."""

    consumer: str
    url: str
    source_url: str | None
    count: int
    topics: dict[str, str] = field(repr=False)
    log_group: str = field(repr=False)


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter. `received` counts its deliveries, those to this program included; `sent` is when it was first sent."""

    message_id: str
    body: str
    event_type: str | None
    correlation_id: str | None
    subject: str | None
    received: int
    sent: datetime
    reason: str


def find(aws: Aws, stack: str) -> list[DeadLetters]:
    """Finds the dead-letter queues of a stack, sorted by consumer. Hidden messages count too."""
    resources = _resources(aws, stack)
    queues = resources.get("AWS::SQS::Queue", {})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = partial(_attributes, aws.sqs)
        attributes = dict(zip(queues, pool.map(read, queues.values()), strict=True))
    names = {of["QueueArn"]: name for name, of in attributes.items()}
    # The dead-letter queue of each source. A queue is named after its consumer.
    sources = {names[json.loads(of["RedrivePolicy"])["deadLetterTargetArn"]]: name
               for name, of in attributes.items() if "RedrivePolicy" in of}
    topics = {name.removesuffix("Topic").lower(): arn for name, arn in resources.get("AWS::SNS::Topic", {}).items()}
    found = []
    for name in queues.keys() - set(sources.values()):
        source = sources.get(name)
        found.append(DeadLetters(
            consumer=(source or name).removesuffix("Queue"), url=queues[name], source_url=queues[source] if source else None,
            count=_count(attributes[name]), topics=topics, log_group=resources["AWS::Logs::LogGroup"]["Logs"]))
    return sorted(found, key=lambda queue: queue.consumer)


def read(aws: Aws, queue: DeadLetters) -> list[DeadLetter]:
    """Reads all messages of a queue, the oldest first, each with the reason of its failure. They stay visible in the queue."""
    with _taken(aws, queue) as messages:
        why = reasons.logged(aws, queue.log_group, messages) if queue.source_url else reasons.unpublished(messages)
    letters = [_letter(message, why[message["MessageId"]]) for message in messages]
    return sorted(letters, key=lambda letter: (letter.sent, letter.message_id))


def oldest(aws: Aws, queue: DeadLetters) -> datetime | None:
    """Returns the time at which the oldest message was first sent; None if the queue is empty."""
    with _taken(aws, queue) as messages:
        return min(map(sent_at, messages), default=None)


def redrive(aws: Aws, queue: DeadLetters, message_ids: list[str] | None = None) -> int:
    """Sends all or the named messages back to their source, and returns their number. Messages that cannot be redriven stay.

    Messages are sent first and deleted afterwards. A failure in between duplicates a message, which consumers tolerate, and never loses it.
    """
    send = _send_back(aws, queue.source_url) if queue.source_url else _publish(aws, queue.topics)
    with _taken(aws, queue, message_ids) as messages:
        going = [message for message in messages if why_not_redrivable(queue, message["Body"]) is None]
        for batch in _batches(going):
            sent = send(batch)
            _delete(aws, queue.url, sent)
            if len(sent) < len(batch):
                raise Problem(f"{queue.consumer}: {len(batch) - len(sent)} messages were not accepted by the source and stay")
    return len(going)


def drop(aws: Aws, queue: DeadLetters, message_ids: list[str] | None) -> int:
    """Deletes all messages (None) or the named ones, and returns their number."""
    with _taken(aws, queue, message_ids) as messages:
        for batch in _batches(messages):
            _delete(aws, queue.url, batch)
    return len(messages)


def why_not_redrivable(queue: DeadLetters, body: str) -> str | None:
    """Returns why a message cannot be redriven, or None. A message of a consumer always can, because the consumer may have been fixed."""
    if queue.source_url:
        return None
    event = event_in(body)
    if "DDBStreamBatchInfo" in event:
        return "it refers to records of a table's stream, and is not an event"
    if _text(event.get("event_type")) is None or _text(event.get("source")) not in queue.topics:
        return "it is not an event of any of the contexts"
    return None


def _resources(aws: Aws, stack: str) -> dict[str, dict[str, str]]:
    """Returns the physical names by resource type and logical id."""
    try:
        resources = resources_of(aws, stack)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise Problem(f"there is no stack {stack} in {aws.cloudformation.meta.region_name}") from None
        raise
    if "AWS::SQS::Queue" not in resources:
        raise Problem(f"the stack {stack} has no queues")
    if "Logs" not in resources.get("AWS::Logs::LogGroup", {}):
        raise Problem(f"the stack {stack} has no log group Logs, so it is not a stack of Waybill")
    return resources


def _attributes(sqs: Any, url: str) -> dict[str, str]:
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes


def _count(attributes: dict[str, str]) -> int:
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


@contextmanager
def _taken(aws: Aws, queue: DeadLetters, wanted: list[str] | None = None) -> Iterator[list[Message]]:
    """Receives all or the named messages in batches. Messages that are not deleted become visible again afterwards.

    All are received before the first is redriven, so that a message that fails again meanwhile is not received twice.
    """
    taken: dict[str, Message] = {}
    named = None if wanted is None else set(wanted)
    try:
        while named is None or not named <= taken.keys():
            messages = _receive(aws, queue.url)
            if not messages:
                break
            taken |= {message["MessageId"]: message for message in messages}
        if named is not None and (missing := sorted(named - taken.keys())):
            raise Problem(f"{queue.consumer} has no message {missing[0]}, or another client has received it")
        yield [message for identity, message in taken.items() if named is None or identity in named]
    finally:
        _show_again(aws, queue.url, list(taken.values()))


def _receive(aws: Aws, url: str) -> list[Message]:
    try:
        messages: list[Message] = aws.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=0 if aws.endpoint else WAIT_SECONDS,
            MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]).get("Messages", [])
        return messages
    except ClientError as error:
        if error.response["Error"]["Code"].endswith("OverLimit"):  # 120,000 messages are in flight, which is the maximum
            return []
        raise


def _show_again(aws: Aws, url: str, messages: list[Message]) -> None:
    """Makes messages visible again. SQS refuses those that were deleted."""
    for start in range(0, len(messages), BATCH):
        entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                   for index, message in enumerate(messages[start:start + BATCH])]
        aws.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _delete(aws: Aws, url: str, messages: list[Message]) -> None:
    if not messages:
        return
    entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)]
    if failed := aws.sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed"):
        raise Problem(f"{len(failed)} messages could not be deleted: {failed[0].get('Message', failed[0]['Code'])}")


def _batches(messages: list[Message]) -> Iterator[list[Message]]:
    """Splits messages into batches within the limits of SQS."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message["Body"].encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


def _send_back(aws: Aws, url: str) -> Callable[[list[Message]], list[Message]]:
    """Returns a function that sends messages to a queue, unchanged, and returns those that SQS accepted."""
    def send(messages: list[Message]) -> list[Message]:
        entries: list[dict[str, Any]] = []
        for index, message in enumerate(messages):
            entry = {"Id": str(index), "MessageBody": message["Body"], "MessageAttributes": _values(message)}
            if trace := message.get("Attributes", {}).get("AWSTraceHeader"):
                entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
            entries.append(entry)
        taken = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Successful", [])
        return [messages[int(entry["Id"])] for entry in taken]

    return send


def _publish(aws: Aws, topics: dict[str, str]) -> Callable[[list[Message]], list[Message]]:
    """Returns a function that publishes events on the topics of their contexts, and returns those that SNS accepted.

    The messages have the attributes that the filters of subscriptions read.
    """
    def send(messages: list[Message]) -> list[Message]:
        sent = []
        for message in messages:
            event = event_in(message["Body"])
            attributes = {name: {"DataType": "String", "StringValue": event[name]} for name in ("event_type", "source")}
            aws.sns.publish(TopicArn=topics[event["source"]], Message=message["Body"], MessageAttributes=attributes)
            sent.append(message)
        return sent

    return send


def _values(message: Message) -> dict[str, Any]:
    """Returns the attributes of a received message in the form that SendMessage requires."""
    kept = ("DataType", "StringValue", "BinaryValue")
    return {name: {key: value[key] for key in kept if key in value} for name, value in message.get("MessageAttributes", {}).items()}


def _letter(message: Message, reason: str) -> DeadLetter:
    event = event_in(message["Body"])
    event_type, correlation_id, subject = (_text(event.get(name)) for name in ("event_type", "correlation_id", "subject"))
    return DeadLetter(
        message["MessageId"], message["Body"], event_type, correlation_id, subject,
        int(message["Attributes"]["ApproximateReceiveCount"]), sent_at(message), reason)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
