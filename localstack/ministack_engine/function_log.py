"""Copies what functions print to `functions.log`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import IO, Any

from ministack_engine.patching import Engine


class ObservedStream:
    """The output of a function's process, each line of which is also given to `observe`."""

    def __init__(self, stream: IO[bytes], observe: Callable[[bytes], None]) -> None:
        self._stream, self._observe = stream, observe

    def readline(self) -> bytes:
        line = self._stream.readline()
        if line:
            self._observe(line.rstrip(b"\r\n"))
        return line

    def close(self) -> None:
        self._stream.close()


def observe_output(engine: Engine, observe: Callable[[Any, bytes], None]) -> None:
    """Calls `observe` with the worker and the line as soon as a function prints a line."""
    worker = engine.module("core.lambda_runtime").ProvidedWorker
    pump = worker._pump_output

    def pump_output(self: Any, stream: IO[bytes], log_queue: Any) -> None:
        pump(self, ObservedStream(stream, lambda line: observe(self, line)), log_queue)

    engine.replace(worker, "_pump_output", pump_output)


def copy_function_logs(engine: Engine) -> None:
    """Copies each line to `engine.function_log` behind the function's logical id and a tab."""
    lock = threading.Lock()

    def write(worker: Any, line: bytes) -> None:
        if engine.function_log is not None:
            name = engine.logical_name(worker.func_name).encode()
            with lock:
                engine.function_log.write(name + b"\t" + line + b"\n")

    observe_output(engine, write)
