"""The patches of event source mappings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from ministack_engine.patches.event_sources import honor_batching_window, poll_streams_apart
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

LIMIT_SECONDS = 300  # detects hangs; the tests take milliseconds
WINDOW_SECONDS = 60


@dataclass
class Consumers:
    """Two functions that consume the stream of one table, and the threads in which MiniStack has invoked them."""

    engine: Engine
    invoked_in: dict[str, threading.Thread] = field(default_factory=dict)
    both_run: threading.Barrier | None = None

    def write(self, item: str) -> None:
        """Writes an item, so that there is a change to consume."""
        answer = self.engine.module("services.dynamodb")._put_item({"TableName": "changes", "Item": {"pk": {"S": item}}})
        assert answer[0] == 200

    def execute(self, function: dict[str, Any], _event: Any) -> dict[str, Any]:
        """Replaces the function of MiniStack that invokes a function."""
        if self.both_run is not None:
            self.both_run.wait(LIMIT_SECONDS)
        self.invoked_in[function["name"]] = threading.current_thread()
        return {"body": None}


@pytest.fixture
def consumers(engine: Engine) -> Iterator[Consumers]:
    dynamodb, lambdas = engine.module("services.dynamodb"), engine.module("services.lambda_svc")
    both = Consumers(engine)
    engine.replace(lambdas, "_execute_function", both.execute)
    engine.replace(lambdas, "_get_func_record_for_qualifier", lambda name, _qualifier: ({"name": name}, {}))
    created = dynamodb._create_table({
        "TableName": "changes", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}})
    assert created[0] == 200
    for name in ("orders", "search"):
        lambdas._esms[name] = {"UUID": name, "FunctionName": name, "StartingPosition": "TRIM_HORIZON",
                               "EventSourceArn": dynamodb._tables["changes"]["LatestStreamArn"]}
    yield both
    for name in ("orders", "search"):
        lambdas._esms.pop(name)
    followers = [thread for thread in threading.enumerate() if thread.name.startswith("stream-")]
    dynamodb.esm_wake.set()
    for thread in followers:
        thread.join(LIMIT_SECONDS)
    assert not any(thread.is_alive() for thread in followers), "a deleted mapping is still polled"
    for store in (dynamodb._tables, dynamodb._stream_records):
        store.pop("changes")
    for name in ("orders", "search"):
        lambdas._dynamodb_stream_positions.pop(name, None)


def test_poll_streams_apart_fits(consumers: Consumers) -> None:
    lambdas = consumers.engine.module("services.lambda_svc")
    poll_loop = lambdas._poll_loop.__code__.co_names
    assert {"_poll_sqs", "_poll_dynamodb_streams"} <= set(poll_loop), "the loop calls what the patch replaces"
    poll_streams_apart(consumers.engine)
    consumers.both_run = threading.Barrier(3)
    assert lambdas._poll_dynamodb_streams() is False
    consumers.write("one")
    consumers.both_run.wait(LIMIT_SECONDS)  # each function runs while the other does
    assert [mapping["UUID"] for _, _, mapping in lambdas._iter_all_esms()] == ["orders", "search"], "other threads see all mappings"


def test_poll_streams_apart_is_needed(consumers: Consumers) -> None:
    consumers.write("one")
    consumers.engine.module("services.lambda_svc")._poll_dynamodb_streams()
    threads = [consumers.invoked_in.get(name) for name in ("orders", "search")]
    assert_needed("poll_streams_apart", threads == [threading.current_thread()] * 2)


@pytest.fixture
def queue(engine: Engine) -> Iterator[str]:
    """The URL of a queue with one message, whose function has a batching window of a minute."""
    sqs, lambdas = engine.module("services.sqs"), engine.module("services.lambda_svc")
    url: str = sqs._act_create_queue({"QueueName": "window"}, "")["QueueUrl"]
    lambdas._esms["window"] = {"UUID": "window", "FunctionName": "window", "MaximumBatchingWindowInSeconds": WINDOW_SECONDS,
                               "EventSourceArn": sqs._queues[url]["attributes"]["QueueArn"]}
    sqs._act_send_message({"QueueUrl": url, "MessageBody": "one"}, url)
    yield url
    lambdas._esms.pop("window")
    sqs._queues.pop(url)


def test_honor_batching_window_fits(engine: Engine, queue: str) -> None:
    sqs, lambdas = engine.module("services.sqs"), engine.module("services.lambda_svc")
    assert "_receive_messages_for_esm" in lambdas._poll_sqs.__code__.co_names, "the poller calls what the patch replaces"
    honor_batching_window(engine)
    with mock.patch("threading.Timer") as timer:
        assert sqs._receive_messages_for_esm(queue, 10) == []
    seconds, wake = timer.call_args.args
    assert (0 < seconds <= WINDOW_SECONDS, wake) == (True, lambdas._esm_wake.set), "the poller looks again when the window ends"

    assert len(sqs._receive_messages_for_esm(queue, 1)) == 1, "a full batch does not wait"
    sqs._act_send_message({"QueueUrl": queue, "MessageBody": "two"}, queue)
    sqs._queues[queue]["messages"][-1]["visible_at"] = time.time() - WINDOW_SECONDS
    assert [message["body"] for message in sqs._receive_messages_for_esm(queue, 10)] == ["two"], "nor does one whose window is over"


def test_honor_batching_window_is_needed(engine: Engine, queue: str) -> None:
    assert_needed("honor_batching_window", len(engine.module("services.sqs")._receive_messages_for_esm(queue, 10)) == 1)
