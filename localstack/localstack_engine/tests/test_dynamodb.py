"""Transactions of moto."""

from __future__ import annotations

import unittest
from typing import Any

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from localstack_engine.dynamodb import undo_transactions

undo_transactions()


def put(key: str, value: str, condition: str | None = None, table: str = "orders") -> dict[str, Any]:
    """Returns the write of an item with a sort key."""
    written = {"TableName": table, "Item": {"pk": {"S": key}, "sk": {"S": "log"}, "value": {"S": value}}}
    return {"Put": written | ({"ConditionExpression": condition} if condition else {})}


NEW = "attribute_not_exists(pk)"


@mock_aws
class Transactions(unittest.TestCase):
    def setUp(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        for name in ("orders", "payments"):
            self.dynamodb.create_table(
                TableName=name, BillingMode="PAY_PER_REQUEST", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")])
        self.write(put("1", "first"))
        self.tables = dynamodb_backends["123456789012"]["eu-central-1"].tables
        self.orders = self.tables["orders"]
        self.streamed = len(self.orders.stream_shard.items)

    def write(self, *writes: dict[str, Any]) -> None:
        self.dynamodb.transact_write_items(TransactItems=list(writes))

    def items(self, table: str = "orders") -> dict[str, str]:
        return {item["pk"]["S"]: item["value"]["S"] for item in self.dynamodb.scan(TableName=table)["Items"]}

    def test_a_transaction_that_fails_changes_nothing(self) -> None:
        update = {"Update": {"TableName": "orders", "Key": {"pk": {"S": "1"}, "sk": {"S": "log"}}, "UpdateExpression": "SET #v = :v",
                             "ExpressionAttributeNames": {"#v": "value"}, "ExpressionAttributeValues": {":v": {"S": "changed"}}}}
        self.write(put("2", "second"))
        for failing in (put("2", "again", NEW), {"ConditionCheck": {"TableName": "orders", "ConditionExpression": NEW,
                                                                    "Key": {"pk": {"S": "2"}, "sk": {"S": "log"}}}}):
            with self.assertRaises(self.dynamodb.exceptions.TransactionCanceledException):
                self.write(update, put("3", "third"), put("3", "elsewhere", table="payments"), failing)
        self.assertEqual(self.items(), {"1": "first", "2": "second"})
        self.assertEqual(self.items("payments"), {})
        self.assertEqual(len(self.orders.stream_shard.items), self.streamed + 1, "the stream has only what was written")

    def test_a_deleted_item_is_restored(self) -> None:
        delete = {"Delete": {"TableName": "orders", "Key": {"pk": {"S": "1"}, "sk": {"S": "log"}}}}
        with self.assertRaises(self.dynamodb.exceptions.TransactionCanceledException):
            self.write(delete, put("2", "second", "attribute_exists(pk)"))
        self.assertEqual(self.items(), {"1": "first"})

    def test_the_stream_continues_after_a_transaction_that_failed(self) -> None:
        shard = self.orders.stream_shard
        with self.assertRaises(self.dynamodb.exceptions.TransactionCanceledException):
            self.write(put("2", "second"), put("1", "again", NEW))
        self.write(put("4", "fourth"))
        self.assertIs(self.tables["orders"].stream_shard, shard)
        self.assertEqual(shard.items[-1].to_json()["dynamodb"]["NewImage"]["value"], {"S": "fourth"})


if __name__ == "__main__":
    unittest.main()
