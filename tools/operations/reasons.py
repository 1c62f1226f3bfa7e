"""Finds the reasons of dead letters. SQS stores no reason: consumers log it with the message's id, unpublished events contain it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from engine.aws import Aws

# A filter pattern has at most 1,024 characters, a message's id has 36.
IDS_AT_ONCE = 24

NOT_LOGGED = "the log has no reason: the function was killed or timed out, or the log has expired"

Message = dict[str, Any]


def logged(aws: Aws, log_group: str, messages: list[Message]) -> dict[str, str]:
    """Returns the reason of each message, which is the last error that a function logged about it."""
    reasons = {message["MessageId"]: NOT_LOGGED for message in messages}
    for start in range(0, len(messages), IDS_AT_ONCE):
        some = messages[start:start + IDS_AT_ONCE]
        ids = [message["MessageId"] for message in some]
        since = min(map(sent_at, some)) - timedelta(minutes=1)
        for line in _lines(aws, log_group, ids, since):
            if (reason := reason_in(line)) is not None:
                reasons |= {identity: reason for identity in ids if identity in line}
    return reasons


def _lines(aws: Aws, group: str, ids: list[str], since: datetime) -> Iterator[str]:
    """Yields the log lines about the messages, the oldest first."""
    pattern = " ".join(f'?"{identity}"' for identity in ids)
    pages = aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern=pattern)
    events = [event for page in pages for event in page["events"]]
    return (event["message"] for event in sorted(events, key=lambda event: event["timestamp"]))


def reason_in(line: str) -> str | None:
    """Returns the error in a log line; None if it has none."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("level") != "ERROR":
        return None
    return ": ".join(str(said[name]) for name in ("message", "error") if name in said)


def unpublished(messages: list[Message]) -> dict[str, str]:
    """Returns why each event was not published, according to the message itself."""
    return {message["MessageId"]: _why_unpublished(message) for message in messages}


def _why_unpublished(message: Message) -> str:
    event, attributes = event_in(message["Body"]), message.get("MessageAttributes", {})
    if "DDBStreamBatchInfo" in event:
        of, why = event["DDBStreamBatchInfo"], event.get("requestContext", {}).get("condition", "unknown")
        return f"a publisher gave up {of.get('batchSize', 'some')} records of {of.get('streamArn', 'a stream')}: {why}"
    if "ErrorMessage" in attributes:
        return f"SNS could not deliver it: {attributes['ErrorMessage'].get('StringValue', '')}"
    return "SNS did not accept it, or could not deliver it"


def event_in(body: str) -> dict[str, Any]:
    """Returns the event in a message, or an empty object if the message is not an event."""
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def sent_at(message: Message) -> datetime:
    """Returns the time at which a message was first sent."""
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, timezone.utc)
