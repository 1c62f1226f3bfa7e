"""Records all events of a stack while something else runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from engine.aws import Aws
from operations import tail


class EventRecorder:
    """Receives the events of a queue in a thread, and stores them by id."""

    def __init__(self, aws: Aws, queue: str) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.messages = 0
        self._aws, self._queue = aws, queue
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                events = tail.receive(self._aws, self._queue, None)
            except (BotoCoreError, ClientError):  # a message that was not deleted is delivered again
                continue
            self.messages += len(events)
            self.events.update({event["event_id"]: event for event in events})

    @contextmanager
    def recording(self) -> Iterator[EventRecorder]:
        """Records events until the context ends."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._thread.join()
