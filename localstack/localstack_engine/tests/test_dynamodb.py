"""Transactions of moto."""

from __future__ import annotations

import unittest
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodbstreams.models import dynamodbstreams_backends

from localstack_engine import dynamodb

dynamodb.undo_transactions()
dynamodb.forget_iterators()


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

    def test_an_iterator_is_forgotten_when_its_successor_is_used(self) -> None:
        streams = dynamodbstreams_backends["123456789012"]["eu-central-1"]
        arn = self.dynamodb.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
        iterator = streams.get_shard_iterator(arn, self.orders.stream_shard.id, "TRIM_HORIZON").arn
        before = len(streams.shard_iterators)
        slow = streams.get_shard_iterator(arn, self.orders.stream_shard.id, "TRIM_HORIZON").arn
        for _ in range(1000):
            iterator = streams.get_records(iterator, 100)["NextShardIterator"]
        self.assertEqual(len(streams.shard_iterators), before + 2)
        for _ in range(2):  # the poller may repeat its request, even much later
            following = streams.get_records(slow, 100)["NextShardIterator"]
        streams.get_records(following, 100)


class Tokens(unittest.TestCase):
    def test_a_repeated_transaction_is_answered_and_not_written_again(self) -> None:
        context = SimpleNamespace(operation=SimpleNamespace(name="TransactWriteItems"))
        with patch.object(dynamodb, "call_moto", return_value={"written": True}) as moto:
            self.assertEqual(dynamodb._answer(context, {"ClientRequestToken": "1"}), {"written": True})
            self.assertEqual(dynamodb._answer(context, {"ClientRequestToken": "1"}), {})
            dynamodb._answer(context, {"ClientRequestToken": "2"})
            self.assertEqual(moto.call_count, 2)

    def test_a_transaction_that_failed_is_tried_again(self) -> None:
        context = SimpleNamespace(operation=SimpleNamespace(name="TransactWriteItems"))
        with patch.object(dynamodb, "call_moto", side_effect=[KeyError, {}]) as moto:
            self.assertRaises(KeyError, dynamodb._answer, context, {"ClientRequestToken": "3"})
            dynamodb._answer(context, {"ClientRequestToken": "3"})
            self.assertEqual(moto.call_count, 2)


if __name__ == "__main__":
    unittest.main()
