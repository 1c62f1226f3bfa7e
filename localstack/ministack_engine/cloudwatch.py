"""The functions' lines in the engine's CloudWatch Logs, as AWS has them: what looks there for a line works on both.

The engine writes what it finds in the pipe when a call ends, a new stream for each call: a line that comes a moment later
stands under another call or nowhere, and a busy stack has hundreds of thousands of streams.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import IO, Any

# Of one function; the older half goes when there are more. functions.log has them all.
MOST_LINES = 20_000


def keep_function_logs(runtime: Any, lambdas: Any, logs: Any) -> None:
    """Puts each line of a function into its log group the moment it is printed, in one stream for each function, where patterns with
    alternatives find it."""
    pump = runtime.ProvidedWorker._pump_output

    class Kept:
        def __init__(self, stream: IO[bytes], config: dict[str, Any]) -> None:
            self.stream = stream
            self.group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
            self.name = config["FunctionName"]

        def readline(self) -> bytes:
            line = self.stream.readline()
            if line:
                keep(logs, self.group, self.name, line.decode("utf-8", "replace").rstrip("\r\n"))
            return line

        def close(self) -> None:
            self.stream.close()

    runtime.ProvidedWorker._pump_output = lambda self, stream, queue: pump(self, Kept(stream, self.config), queue)
    lambdas._emit_lambda_logs = lambda *_, **__: None
    understand_alternatives(logs)


def keep(logs: Any, group: str, name: str, line: str) -> None:
    """Adds a line to the stream `name` of a log group that exists."""
    now = int(time.time() * 1000)
    known = logs._log_groups.get(group)
    if known is None:  # the stack that had it is gone
        return
    empty = {"events": [], "uploadSequenceToken": "1", "creationTime": now, "firstEventTimestamp": None,
             "lastEventTimestamp": None, "lastIngestionTime": None}
    stream = known["streams"].setdefault(name, empty)
    logs._append_log_events(stream, [{"timestamp": now, "message": line, "ingestionTime": now}])
    with logs._log_events_lock:
        if len(stream["events"]) > MOST_LINES:
            stream["events"] = stream["events"][MOST_LINES // 2:]  # another list: who reads the old one reads on


def understand_alternatives(logs: Any) -> None:
    """Has filter patterns of the form `?"one" ?"other"` mean one or the other, as on AWS; the engine knows only all of them."""
    compile_pattern = logs._compile_filter_pattern

    def compile_with_alternatives(pattern: str) -> Callable[[str], bool]:
        wanted = alternatives(pattern or "")
        return (lambda line: any(each in line for each in wanted)) if wanted else compile_pattern(pattern)

    logs._compile_filter_pattern = compile_with_alternatives


def alternatives(pattern: str) -> list[str]:
    """The phrases of a pattern that consists of alternatives alone; none, if it is another."""
    phrases = re.findall(r'\?"([^"]*)"', pattern)
    return phrases if re.fullmatch(r'\s*(\?"[^"]*"\s*)+', pattern) else []
