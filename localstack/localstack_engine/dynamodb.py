"""DynamoDB by moto, which is part of LocalStack. LocalStack's own choice is DynamoDB Local, a download that needs Java."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend

# Moto checks a condition and writes the item in two steps, and answers requests in several threads.
_one_request_at_a_time = threading.RLock()

# How long DynamoDB remembers the token of a transaction, and the times at which those with a token succeeded.
TOKEN_SECONDS = 600.0
MAX_TOKENS = 100_000
_succeeded: dict[str, float] = {}


def _answer(context: RequestContext, request: dict[str, Any]) -> Any:
    with _one_request_at_a_time:
        token = request.get("ClientRequestToken") if context.operation.name == "TransactWriteItems" else None
        if token is not None and time.monotonic() - _succeeded.get(token, -TOKEN_SECONDS) < TOKEN_SECONDS:
            return {}  # the client repeats a transaction whose answer was lost; moto ignores the token
        answer = call_moto(context)
        if token is not None:
            _succeeded[token] = time.monotonic()
            while len(_succeeded) > MAX_TOKENS:
                del _succeeded[next(iter(_succeeded))]
        return answer


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator] # LocalStack is untyped
def dynamodb() -> Service:
    """Serves DynamoDB; chosen by PROVIDER_OVERRIDE_DYNAMODB=moto."""
    undo_transactions()
    return Service.for_provider(DynamodbApi(), dispatch_table_factory=_dispatcher)


@aws_provider(api="dynamodbstreams", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_streams() -> Service:
    """Serves DynamoDB Streams; chosen by PROVIDER_OVERRIDE_DYNAMODBSTREAMS=moto."""
    forget_iterators()
    return Service.for_provider(DynamodbstreamsApi(), dispatch_table_factory=_dispatcher)


def forget_iterators() -> None:
    """Has moto forget an iterator of a stream when its successor is used. Moto keeps all of them for ever, and makes one for each poll. A
    poller may use one again until it has got the next one, however long it takes to process the records."""
    get_records = DynamoDBStreamsBackend.get_records
    predecessors: dict[str, str] = {}

    def get_and_forget(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> Any:
        records = get_records(self, iterator_arn, limit)
        self.shard_iterators.pop(predecessors.pop(iterator_arn, ""), None)
        predecessors[records["NextShardIterator"]] = iterator_arn
        return records

    DynamoDBStreamsBackend.get_records = get_and_forget


def _dispatcher(provider: object) -> Any:
    return ForwardingFallbackDispatcher(provider, _answer)


def undo_transactions() -> None:
    """Has a transaction that fails undo its own writes, and nothing else.

    Moto copies each table of a transaction, with all items and the whole stream, and replaces the table by the copy when the
    transaction fails. That takes long, and readers of the stream keep reading that of the replaced table, so that events are lost.
    """
    write = DynamoDBBackend.transact_write_items

    def write_or_undo(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        undo = [_undo(self, self.tables[name], key) for name, key in _written(self, transact_items)]
        try:
            write(self, transact_items)
        except Exception:
            for undo_one in undo:
                undo_one()
            raise

    DynamoDBBackend.transact_write_items = write_or_undo
    Table.__deepcopy__ = lambda table, _: table  # moto's copy of the table, which it puts in the table's place


def _written(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Returns the table and the key of each item of a transaction. Moto itself refuses those of unknown tables and without keys."""
    return [(operation["TableName"], key) for operations in transact_items for operation in operations.values()
            if operation.get("TableName") in backend.tables and (key := operation.get("Key") or operation.get("Item"))]


def _undo(backend: DynamoDBBackend, table: Table, key: dict[str, Any]) -> Callable[[], None]:
    """Returns a function that restores an item as it is now, and the length of its table's stream."""
    hash_key, range_key = backend.get_keys_value(table, key)
    shard, before = table.stream_shard, deepcopy(table.get_item(hash_key, range_key))
    length = len(shard.items) if shard else 0

    def undo() -> None:
        if before is None:
            table.delete_item(hash_key, range_key)
        elif range_key is None:
            table.items[hash_key] = before
        else:
            table.items[hash_key][range_key] = before
        if shard:
            del shard.items[length:]

    return undo
