"""The processes of functions: no waits where AWS has none, idle ones asleep, each line of a log at once."""

from __future__ import annotations

import queue
import socket
import socketserver
import threading
from contextlib import suppress
from typing import IO, Any


def answer_at_once(runtime: Any) -> None:
    """Takes two waits out of every invocation, 96 ms to 1 ms: the Runtime API servers write headers and body apart
    with Nagle's algorithm on, and each call waits 50 ms for log lines that `tee_function_logs` sees anyway."""
    build = runtime.ProvidedWorker._build_handler_class

    def build_handler_class(self: Any, *arguments: Any) -> type:
        handler = build(self, *arguments)
        handler.disable_nagle_algorithm = True
        handler.wbufsize = -1
        return handler

    runtime.ProvidedWorker._build_handler_class = build_handler_class
    runtime.Worker._drain_stderr_bounded.__defaults__ = (0.0, 0.0, 0.25)


def let_idle_functions_sleep(runtime: Any) -> None:
    """Lets the threads of an idle function sleep until there is an event or the function ends. The engine wakes each ten times a second to
    look: with some hundred environments, as a burst of requests leaves them behind, it had no time for anything else."""
    build, end = runtime.ProvidedWorker._build_handler_class, runtime.ProvidedWorker._shutdown_server

    def build_handler_class(self: Any, generation: int, pending: Any) -> type:
        get = pending.get

        def wait(*_: Any, **__: Any) -> Any:
            event = get()
            if event is None:
                raise queue.Empty  # who waits looks whether the function has ended
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
        with suppress(OSError):  # a connection wakes it
            socket.create_connection(self.server_address, timeout=1).close()
        socketserver.TCPServer.shutdown(self)

    runtime.ProvidedWorker._build_handler_class, runtime.ProvidedWorker._shutdown_server = build_handler_class, shutdown_server
    socketserver.ThreadingTCPServer.serve_forever, socketserver.ThreadingTCPServer.shutdown = serve_forever, shutdown


def tee_function_logs(runtime: Any, log: IO[bytes]) -> None:
    """Copies each line a function prints to `functions.log` the moment it is printed, under the function's name."""
    pump = runtime.ProvidedWorker._pump_output
    lock = threading.Lock()

    class Tee:
        def __init__(self, stream: IO[bytes], name: str) -> None:
            self.stream, self.prefix = stream, name.encode() + b"\t"

        def readline(self) -> bytes:
            line = self.stream.readline()
            if line:
                with lock:
                    log.write(self.prefix + line.rstrip(b"\n") + b"\n")
            return line

        def close(self) -> None:
            self.stream.close()

    runtime.ProvidedWorker._pump_output = lambda self, stream, queue: pump(self, Tee(stream, self.func_name), queue)
