"""Fixes of the processes of functions: no waits that AWS does not have, and no polling while a function is idle."""

from __future__ import annotations

import queue
import socket
import socketserver
from contextlib import suppress
from typing import Any

from ministack_engine.patching import Engine


def disable_nagle(engine: Engine) -> None:
    """Sends each answer of a Runtime API server in one packet without Nagle's algorithm. MiniStack writes headers and
    body separately, and the second write waits 40 ms for the acknowledgement of the first."""
    worker = engine.module("core.lambda_runtime").ProvidedWorker
    build = worker._build_handler_class

    def build_handler_class(self: Any, *arguments: Any) -> Any:
        handler = build(self, *arguments)
        engine.replace(handler, "disable_nagle_algorithm", True)
        engine.replace(handler, "wbufsize", -1)
        return handler

    engine.replace(worker, "_build_handler_class", build_handler_class)


def skip_log_wait(engine: Engine) -> None:
    """Takes the wait for log lines out of every invocation: 50 ms for a function that prints none. The lines arrive in
    functions.log and in CloudWatch Logs by another way."""
    engine.replace(engine.module("core.lambda_runtime").Worker._drain_stderr_bounded, "__defaults__", (0.0, 0.0, 0.25))


def stop_idle_polling(engine: Engine) -> None:
    """Lets the threads of an idle function sleep until there is an event or the function ends. MiniStack wakes each of
    them ten times a second; with the hundreds of environments that a burst of requests leaves behind, that takes all of
    the engine's time."""
    worker, server = engine.module("core.lambda_runtime").ProvidedWorker, socketserver.ThreadingTCPServer
    build, end = worker._build_handler_class, worker._shutdown_server

    def build_handler_class(self: Any, generation: int, pending: Any) -> Any:
        get = pending.get

        def wait(*_: Any, **__: Any) -> Any:
            event = get()
            if event is None:
                raise queue.Empty  # the handler checks then whether the function has ended
            return event

        pending.get = wait
        return build(self, generation, pending)

    def shutdown_server(self: Any) -> None:
        with suppress(queue.Full):
            self._pending.put_nowait(None)
        end(self)

    def serve_forever(self: Any, poll_interval: float = 0.5) -> None:
        socketserver.TCPServer.serve_forever(self, 3600.0)

    def shutdown(self: Any) -> None:
        self._BaseServer__shutdown_request = True
        with suppress(OSError):  # a connection ends the wait of serve_forever
            socket.create_connection(self.server_address, timeout=1).close()
        socketserver.TCPServer.shutdown(self)

    engine.replace(worker, "_build_handler_class", build_handler_class)
    engine.replace(worker, "_shutdown_server", shutdown_server)
    engine.replace(server, "serve_forever", serve_forever)
    engine.replace(server, "shutdown", shutdown)
