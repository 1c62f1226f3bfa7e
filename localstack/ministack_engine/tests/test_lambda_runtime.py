"""The patches of the processes of functions."""

from __future__ import annotations

import inspect
import queue
import selectors
import socketserver
import threading
from typing import Any

from ministack_engine.patches.lambda_runtime import disable_nagle, skip_log_wait, stop_idle_polling
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

LIMIT_SECONDS = 300  # detects hangs; the tests take milliseconds


def idle_worker(engine: Engine) -> Any:
    """Returns an environment of a function whose process would wait for its first event."""
    worker = engine.module("core.lambda_runtime").ProvidedWorker("function", {}, b"")
    worker._generation, worker._stopping = 1, False
    return worker


class RecordedQueue(queue.Queue[Any]):
    """The events of a function: none, and the function ends while it waits for one."""

    def __init__(self, worker: Any) -> None:
        super().__init__()
        self.worker = worker
        self.timeouts: list[float | None] = []

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        self.timeouts.append(timeout)
        self.worker._stopping = True
        if timeout is not None:
            raise queue.Empty
        return None


def waits_of_an_idle_function(engine: Engine) -> list[float | None]:
    """Returns how long a Runtime API server waits for an event before it checks again; None is forever."""
    worker = idle_worker(engine)
    pending = RecordedQueue(worker)
    handler_class = worker._build_handler_class(1, pending)
    handler = handler_class.__new__(handler_class)
    handler.path, handler._stopped = "/2018-06-01/runtime/invocation/next", lambda: None
    handler.do_GET()
    return pending.timeouts


def waits_of_an_idle_server(engine: Engine) -> list[float | None]:
    """Returns how long a Runtime API server waits for a connection before it checks whether it has to end."""
    waits: list[float | None] = []

    class RecordedSelector(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.append(timeout)
            engine.replace(server, "_BaseServer__shutdown_request", True)
            return []

    engine.replace(socketserver, "_ServerSelector", RecordedSelector)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        server.serve_forever(poll_interval=0.1)
    return waits


def test_disable_nagle_fits(engine: Engine) -> None:
    disable_nagle(engine)
    handler = idle_worker(engine)._build_handler_class(1, queue.Queue())
    assert issubclass(handler, socketserver.StreamRequestHandler)
    assert (handler.disable_nagle_algorithm, handler.wbufsize) == (True, -1)


def test_disable_nagle_is_needed(engine: Engine) -> None:
    handler = idle_worker(engine)._build_handler_class(1, queue.Queue())
    assert_needed("disable_nagle", not handler.disable_nagle_algorithm and handler.wbufsize == 0)


def test_skip_log_wait_fits(engine: Engine) -> None:
    skip_log_wait(engine)
    worker = idle_worker(engine)
    drain = inspect.signature(worker._drain_stderr_bounded)
    assert {name: each.default for name, each in drain.parameters.items()} == {
        "first_line_wait": 0.0, "idle_confirm": 0.0, "hard_cap": 0.25}
    assert worker._drain_stderr_bounded() == ""
    for line in ("one", "two"):
        worker._stderr_queue.put(line)
    assert worker._drain_stderr_bounded() == "one\ntwo"


def test_skip_log_wait_is_needed(engine: Engine) -> None:
    runtime = engine.module("core.lambda_runtime")
    waits = inspect.signature(runtime.Worker._drain_stderr_bounded).parameters["first_line_wait"].default > 0
    assert_needed("skip_log_wait", waits and "_drain_stderr_bounded" in runtime.ProvidedWorker.invoke.__code__.co_names)


def test_stop_idle_polling_fits(engine: Engine) -> None:
    stop_idle_polling(engine)
    assert waits_of_an_idle_function(engine) == [None]
    worker = idle_worker(engine)
    worker._shutdown_server()
    assert worker._pending.get_nowait() is None, "an event that wakes the function's handler"


def test_a_server_that_does_not_poll_ends_at_once(engine: Engine) -> None:
    stop_idle_polling(engine)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True),
                   threading.Thread(target=server.shutdown, daemon=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    assert waits_of_an_idle_server(engine) == [3600.0]


def test_stop_idle_polling_is_needed(engine: Engine) -> None:
    serves = set(engine.module("core.lambda_runtime").ProvidedWorker._spawn.__code__.co_consts)
    server_polls = {"poll_interval", 0.1} <= serves and waits_of_an_idle_server(engine) == [0.1]
    assert_needed("stop_idle_polling", None not in waits_of_an_idle_function(engine) or server_polls)
