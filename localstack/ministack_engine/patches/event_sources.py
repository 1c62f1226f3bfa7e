"""Fixes of event source mappings: each stream is polled by itself, and the messages of queues are batched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ministack_engine.patching import Engine

BATCH_SECONDS = 0.002  # changes that are written at about the same time come in one batch


def poll_streams_apart(engine: Engine) -> None:
    """Polls each table's stream for each of its functions in a thread of its own, as AWS does. MiniStack polls all of
    them and the queues in one thread, in which a slow function delays all others."""
    lambdas, dynamodb = engine.module("services.lambda_svc"), engine.module("services.dynamodb")
    poll, all_mappings = lambdas._poll_dynamodb_streams, lambdas._iter_all_esms
    thread = threading.local()
    changed: dict[str, threading.Event] = {}

    def mappings() -> Iterator[Any]:
        own = getattr(thread, "mapping", None)
        return (entry for entry in all_mappings() if own is None or entry[2]["UUID"] == own)

    def follow(mapping: str, window: float) -> None:
        thread.mapping = mapping
        while any(mappings()):  # until the mapping is deleted
            if changed[mapping].wait(1.0):
                time.sleep(window or BATCH_SECONDS)
            changed[mapping].clear()
            try:
                while poll():
                    pass
            except Exception as error:  # an error of one batch must not end the polling, as in MiniStack
                lambdas.logger.error("a stream could not be polled: %s", error)

    def start_followers() -> bool:
        for _, _, mapping in all_mappings():
            uuid = mapping["UUID"]
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and uuid not in changed:
                changed[uuid] = threading.Event()
                window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
                threading.Thread(target=follow, args=(uuid, window), name=f"stream-{uuid}", daemon=True).start()
        return False

    def wake_followers() -> None:
        for each in list(changed.values()):
            each.set()

    engine.replace(lambdas, "_iter_all_esms", mappings)
    engine.replace(lambdas, "_poll_dynamodb_streams", start_followers)
    engine.replace(dynamodb, "esm_wake", SimpleNamespace(set=wake_followers))


def honor_batching_window(engine: Engine) -> None:
    """Has a queue's function wait for its batching window or a full batch, as AWS does. MiniStack delivers
    available messages immediately."""
    lambdas, sqs = engine.module("services.lambda_svc"), engine.module("services.sqs")
    receive, wake_poller = sqs._receive_messages_for_esm, lambdas._esm_wake.set
    woken: dict[str, float] = {}  # when the poller is to look at a queue again

    def window_of(arn: str) -> float:
        return max((float(mapping.get("MaximumBatchingWindowInSeconds") or 0) for _, _, mapping in lambdas._iter_all_esms()
                    if mapping.get("EventSourceArn") == arn), default=0.0)

    def receive_batch(url: str, batch_size: int) -> Any:
        queue, now = sqs._queues[url], time.time()
        waiting = [message["visible_at"] for message in queue["messages"] if message.get("visible_at", now) <= now]
        if not waiting or len(waiting) >= batch_size:
            return receive(url, batch_size)
        left = min(waiting) + window_of(queue["attributes"]["QueueArn"]) - now
        if left <= 0:
            return receive(url, batch_size)
        if woken.get(url, 0) <= now:
            woken[url] = now + left
            wake = threading.Timer(left, wake_poller)
            wake.daemon = True
            wake.start()
        return []

    engine.replace(sqs, "_receive_messages_for_esm", receive_batch)
