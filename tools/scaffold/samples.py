"""Sample events, with which functions are invoked."""

from __future__ import annotations

import json
import re
from typing import Any

USER = "01930000-0000-7001-8000-000000000001"
ADMIN = "01930000-0000-7001-8000-000000000000"

# The ids of the first seeded items. All other examples have an unknown id.
IDS = {"user_id": USER, "product_id": "01930000-0000-7002-8000-000000000001", "order_id": "01930000-0000-7003-8000-000000000001"}
UNKNOWN_ID = "01930000-0000-7009-8000-000000000001"

# Stands for any value in an expected answer.
ANY = "…"


def path_parameters(path: str) -> list[str]:
    """Returns the names of the parameters of a path."""
    return re.findall(r"\{(\w+)\}", path)


def example(parameter: str) -> str:
    """Returns an example value of a path parameter."""
    return IDS.get(parameter, UNKNOWN_ID) if parameter.endswith("_id") else parameter


def request(key: str, access: str) -> str:
    """Returns a request to a route by a caller who has access."""
    method, template = key.split(" ")
    parameters = {name: example(name) for name in path_parameters(template)}
    path = re.sub(r"\{(\w+)\}", lambda found: parameters[found[1]], template)
    headers = {"content-type": "application/json", "x-correlation-id": "sample-event"}
    context: dict[str, Any] = {
        "accountId": "000000000000", "apiId": "local", "stage": "$default", "requestId": "sample-event", "routeKey": key,
        "time": "21/Nov/2026:06:30:31 +0000", "timeEpoch": 1795242631000, "domainName": "localhost", "domainPrefix": "localhost",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "sam-local"},
    }
    if access != "anyone":
        headers["authorization"] = "Bearer the-authorizer-has-checked-it"
        caller = (ADMIN, "admin") if access == "admin" else (USER, "customer")
        context["authorizer"] = {"lambda": {"user_id": caller[0], "role": caller[1], "session_id": "01930000-0000-7004-8000-000000000001"}}
    sample: dict[str, Any] = {"version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "", "headers": headers}
    if parameters:
        sample["pathParameters"] = parameters
    sample["requestContext"] = context
    if method in ("POST", "PUT", "PATCH"):
        sample["body"] = "{}"
    return _text({**sample, "isBase64Encoded": False})


def message(consumer: str, event: str) -> str:
    """Returns a batch of one message for a consumer, with the given event as its body."""
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1795242631000", "SenderId": "sns",
                  "ApproximateFirstReceiveTimestamp": "1795242631000"}
    record = {
        "messageId": "00000000-0000-4000-8000-000000000000", "receiptHandle": "sample", "body": json.dumps(json.loads(event)),
        "attributes": attributes, "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:000000000000:{consumer}Queue", "awsRegion": "eu-central-1",
    }
    return _text({"Records": [record]})


def scheduled_event(function: str) -> str:
    """Returns the event that a schedule sends."""
    return _text({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": "2026-11-21T06:45:00Z", "region": "eu-central-1",
        "resources": [f"arn:aws:events:eu-central-1:000000000000:rule/waybill-{function}Schedule"], "detail": {},
    })


def response(**members: Any) -> str:
    """Returns the expected answer to a request, with members of its body."""
    return _text({"statusCode": 200, "body": members})


def no_failures() -> str:
    """Returns the expected answer of a consumer."""
    return _text({"batchItemFailures": []})


def nothing() -> str:
    """Returns the expected answer of a schedule."""
    return _text(None)


def _text(sample: Any) -> str:
    return json.dumps(sample, indent=2, ensure_ascii=False) + "\n"
