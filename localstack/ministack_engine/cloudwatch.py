"""The log lines of functions in CloudWatch Logs as on AWS, so that a search for a line works on both."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from ministack_engine.function_log import observe_output
from ministack_engine.patching import Engine

# The maximum number of lines of a function. When there are more, the older half is dropped; functions.log has all lines.
MAX_LINES = 20_000


def log_lines_at_once(engine: Engine) -> None:
    """Appends each line of a function to its log group as soon as it is printed, in one stream for each function.
    MiniStack writes the lines that it finds when a call ends, in a new stream for each call: a line that comes a moment
    later is in the stream of another call or lost, and a busy stack has hundreds of thousands of streams."""
    lambdas, logs = engine.module("services.lambda_svc"), engine.module("services.cloudwatch_logs")

    def append(worker: Any, line: bytes) -> None:
        function = worker.config["FunctionName"]
        group = (worker.config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{function}"
        append_line(logs, group, function, line.decode("utf-8", "replace"))

    observe_output(engine, append)
    engine.replace(lambdas, "_emit_lambda_logs", lambda *_, **__: None)


def append_line(logs: Any, group: str, name: str, line: str) -> None:
    """Appends a line to the stream `name` of a log group, if the group exists."""
    now = int(time.time() * 1000)
    known = logs._log_groups.get(group)
    if known is None:  # its CloudFormation stack was deleted
        return
    empty = {"events": [], "uploadSequenceToken": "1", "creationTime": now, "firstEventTimestamp": None,
             "lastEventTimestamp": None, "lastIngestionTime": None}
    stream = known["streams"].setdefault(name, empty)
    logs._append_log_events(stream, [{"timestamp": now, "message": line, "ingestionTime": now}])
    with logs._log_events_lock:
        if len(stream["events"]) > MAX_LINES:
            stream["events"] = stream["events"][MAX_LINES // 2:]  # a new list, because a reader may hold the old one


def match_alternatives(engine: Engine) -> None:
    """Lets filter patterns of the form `?"one" ?"other"` match lines with either phrase, as on AWS. MiniStack requires
    all phrases."""
    logs = engine.module("services.cloudwatch_logs")
    compile_pattern = logs._compile_filter_pattern

    def compile_with_alternatives(pattern: str) -> Callable[[str], bool]:
        wanted = alternatives(pattern or "")
        if not wanted:
            matcher: Callable[[str], bool] = compile_pattern(pattern)
            return matcher
        return lambda line: any(each in line for each in wanted)

    engine.replace(logs, "_compile_filter_pattern", compile_with_alternatives)


def alternatives(pattern: str) -> list[str]:
    """Returns the phrases of a pattern that consists of alternatives alone; none for any other pattern."""
    phrases = re.findall(r'\?"([^"]*)"', pattern)
    return phrases if re.fullmatch(r'\s*(\?"[^"]*"\s*)+', pattern) else []
