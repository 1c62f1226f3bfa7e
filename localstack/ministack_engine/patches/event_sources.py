"""What brings events to functions: each stream for itself, the batches of queues gathered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any


def follow_each_stream_by_itself(lambdas: Any, dynamodb: Any) -> None:
    """Polls each table's stream for each of its functions in a thread of its own, as AWS does; the engine has one for all of
    them and for the queues, where a function that takes long holds up all the others."""
    poll, all_mappings = lambdas._poll_dynamodb_streams, lambdas._iter_all_esms
    thread = threading.local()
    news: dict[str, threading.Event] = {}

    def mappings() -> Iterator[Any]:
        own = getattr(thread, "mapping", None)
        return (entry for entry in all_mappings() if own is None or entry[2]["UUID"] == own)

    def follow(mapping: str, window: float) -> None:
        thread.mapping = mapping
        while True:
            if news[mapping].wait(1.0):
                time.sleep(window or 0.002)  # what is written at about the same time comes in one batch
            news[mapping].clear()
            try:
                while poll():
                    pass
            except Exception as error:  # whatever it is, the stream is followed on, as the engine would
                lambdas.logger.error("a stream could not be polled: %s", error)

    def start_followers() -> bool:
        for _, _, mapping in all_mappings():
            uuid = mapping["UUID"]
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and uuid not in news:
                news[uuid] = threading.Event()
                window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
                threading.Thread(target=follow, args=(uuid, window), daemon=True).start()
        return False

    def wake_followers() -> None:
        for each in list(news.values()):
            each.set()

    lambdas._iter_all_esms, lambdas._poll_dynamodb_streams = mappings, start_followers
    dynamodb.esm_wake = SimpleNamespace(set=wake_followers)


def gather_batches(lambdas: Any, sqs: Any) -> None:
    """Has a queue's function wait for its batching window, or a full batch, as AWS does; the engine hands out what there is at once."""
    receive = sqs._receive_messages_for_esm
    woken: dict[str, float] = {}  # when the poller is to look at a queue again

    def window_of(arn: str) -> float:
        return max((float(mapping.get("MaximumBatchingWindowInSeconds") or 0) for _, _, mapping in lambdas._iter_all_esms()
                    if mapping.get("EventSourceArn") == arn), default=0.0)

    def receive_gathered(url: str, most: int) -> list[dict[str, Any]]:
        queue, now = sqs._queues[url], time.time()
        waiting = [message["visible_at"] for message in queue["messages"] if message.get("visible_at", now) <= now]
        if not waiting or len(waiting) >= most:
            return receive(url, most)
        left = min(waiting) + window_of(queue["attributes"]["QueueArn"]) - now
        if left <= 0:
            return receive(url, most)
        if woken.get(url, 0) <= now:
            woken[url] = now + left
            wake = threading.Timer(left, lambdas._esm_wake.set)
            wake.daemon = True
            wake.start()
        return []

    sqs._receive_messages_for_esm = receive_gathered
