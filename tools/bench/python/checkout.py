"""The bare checkout in Python: the same AWS calls with the same number of items, which have the same keys and about the same size."""

import json
import os
import time
import uuid
from datetime import datetime, timezone

import boto3

TABLE = os.environ["TABLE_NAME"]
dynamodb = boto3.client("dynamodb")


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def event(order, user, at, sequence, event_type, data):
    correlation = str(uuid.uuid4())
    envelope = {
        "event_id": str(uuid.uuid4()), "version": "1.0", "timestamp": at, "source": "orders",
        "correlation_id": correlation, "traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
        "subject": order, "sequence": sequence, "event_type": event_type, "data": data}
    actor = {"kind": {"S": "user"}, "user_id": {"S": user}, "role": {"S": "customer"}}
    return {**key(f"ORDER#{order}", f"EVENT#{sequence:06}"), "kind": {"S": "event"}, "source": {"S": "orders"},
            "event_type": {"S": event_type}, "correlation_id": {"S": correlation}, "actor": {"M": actor},
            "envelope": {"S": json.dumps(envelope, separators=(",", ":"))}}


def put(item, **condition):
    return {"Put": {"TableName": TABLE, "Item": item, **condition}}


def handler(request, _context):
    user = request["requestContext"]["authorizer"]["lambda"]["user_id"]
    wanted = json.loads(request["body"])
    product_id, quantity = wanted["items"][0]["product_id"], wanted["items"][0]["quantity"]
    bucket = key(f"LIMIT#bare#{user}", "BUCKET")
    keys = [key(f"USER#{user}", "COPY"), bucket, key(f"PRODUCT#{product_id}", "COPY")]
    answer = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": False}})
    product = next(item for item in answer["Responses"][TABLE] if item["pk"]["S"].startswith("PRODUCT#"))
    name, amount = product["name"]["S"], product["price"]["M"]["amount"]["S"]

    order, now = str(uuid.uuid4()), time.time()
    at = datetime.fromtimestamp(now, timezone.utc).isoformat()
    money = {"M": {"amount": {"S": amount}, "currency": {"S": "USD"}}}
    line = {"product_id": {"S": product_id}, "name": {"S": name}, "quantity": {"N": str(quantity)}, "unit_price": money}
    view = {**key(f"USER#{user}", f"ORDER#{order}"), "gsi1pk": {"S": f"STATUS#pending#{uuid.UUID(order).bytes[15] % 4}"},
            "gsi1sk": {"S": order}, "id": {"S": order}, "user_id": {"S": user}, "status": {"S": "pending"},
            "sequence": {"N": "2"}, "lines": {"L": [{"M": line}]}, "total": money, "in_checkout": {"BOOL": True},
            "placed_at": {"S": at}, "updated_at": {"S": at}}
    price = {"amount": amount, "currency": "USD"}
    lines = [{"product_id": product_id, "name": name, "quantity": quantity, "unit_price": price}]
    placed = {"order_id": order, "user_id": user, "lines": lines, "total": price}
    started = {**placed, "payment_method": wanted["payment_method"]}
    absent = {"ConditionExpression": "attribute_not_exists(pk)"}
    charge = {"TableName": TABLE, "Key": bucket, "UpdateExpression": "SET full_at = :next, expires_at = :expires",
              "ConditionExpression": "attribute_not_exists(full_at) OR full_at < :never",
              "ExpressionAttributeValues": {":next": {"N": str(int(now * 1e6) + 600)}, ":never": {"N": str(2**63 - 1)},
                                            ":expires": {"N": str(int(now) + 120)}}}
    count = {"TableName": TABLE, "Key": key(f"STATS#bare#{order[-2:]}", "STATS"),
             "UpdateExpression": "ADD pending_orders :one, pending_USD :amount",
             "ExpressionAttributeValues": {":one": {"N": "1"}, ":amount": {"N": "1250"}}}
    dynamodb.transact_write_items(TransactItems=[
        {"Update": charge}, put(view), {"Update": count},
        put(event(order, user, at, 1, "OrderPlaced", placed), **absent),
        put(event(order, user, at, 2, "CheckoutStarted", started), **absent)])
    body = {"id": order, "user_id": user, "status": "pending",
            "items": [{**lines[0], "unit_price": amount}], "total_amount": amount, "currency": "USD",
            "created_at": at, "updated_at": at}
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
