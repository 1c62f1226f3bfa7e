"""The patches of CloudWatch Logs, and the copy of the functions' logs in a file."""

from __future__ import annotations

import io
import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from ministack_engine import cloudwatch
from ministack_engine.cloudwatch import log_lines_at_once, match_alternatives
from ministack_engine.function_log import copy_function_logs
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

GROUP = "/aws/lambda/function"
CONFIG = {"FunctionName": "function"}
PRINTED = b"first\nsecond \xc3\xa9\n"


@pytest.fixture
def streams(engine: Engine) -> Iterator[dict[str, Any]]:
    """The streams in the log group of a function."""
    logs = engine.module("services.cloudwatch_logs")
    answer = logs._create_log_group({"logGroupName": GROUP})
    assert answer[0] == 200
    yield logs._log_groups[GROUP]["streams"]
    logs._log_groups.pop(GROUP)


def print_lines(engine: Engine, printed: bytes) -> list[str]:
    """Has a function print, and returns the lines that MiniStack itself receives."""
    lines: queue.Queue[str] = queue.Queue()
    worker = engine.module("core.lambda_runtime").ProvidedWorker("function", CONFIG, b"")
    worker._pump_output(io.BytesIO(printed), lines)
    return list(lines.queue)


def emit_logs_of_calls(engine: Engine, calls: int) -> None:
    for number in range(calls):
        engine.module("services.lambda_svc")._emit_lambda_logs({"config": CONFIG}, f"request-{number}", "a line", False, 1)


def test_log_lines_at_once_fits(engine: Engine, streams: dict[str, Any]) -> None:
    log_lines_at_once(engine)
    assert print_lines(engine, PRINTED) == ["first", "second é"]
    emit_logs_of_calls(engine, 2)
    assert {name: [event["message"] for event in stream["events"]] for name, stream in streams.items()} == {
        "function": ["first", "second é"]}
    found = engine.module("services.cloudwatch_logs")._filter_log_events({"logGroupName": GROUP, "filterPattern": '"second"'})
    assert [event["message"] for event in json.loads(found[2])["events"]] == ["second é"]


def test_the_older_half_of_too_many_lines_is_dropped(
        engine: Engine, streams: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "MAX_LINES", 4)
    log_lines_at_once(engine)
    print_lines(engine, b"1\n2\n3\n4\n5\n")
    assert [event["message"] for event in streams["function"]["events"]] == ["3", "4", "5"]


def test_log_lines_at_once_is_needed(engine: Engine, streams: dict[str, Any]) -> None:
    print_lines(engine, PRINTED)
    emit_logs_of_calls(engine, 2)
    assert_needed("log_lines_at_once", len(streams) == 2)


def matches(engine: Engine, pattern: str, line: str) -> bool:
    return bool(engine.module("services.cloudwatch_logs")._compile_filter_pattern(pattern)(line))


def test_match_alternatives_fits(engine: Engine) -> None:
    match_alternatives(engine)
    assert [matches(engine, '?"one" ?"other"', line) for line in ("a one", "the other", "neither")] == [True, True, False]
    assert matches(engine, "one other", "other, one") and not matches(engine, "one other", "one"), "other patterns stay"
    assert matches(engine, "", "anything")


def test_match_alternatives_is_needed(engine: Engine) -> None:
    assert_needed("match_alternatives", not matches(engine, '?"one" ?"other"', "a one"))


def test_a_pattern_of_alternatives_has_phrases() -> None:
    assert cloudwatch.alternatives('?"a-b" ?"c d"') == ["a-b", "c d"]


@pytest.mark.parametrize("pattern", ["", '"a"', 'ERROR ?"a"', "?a", "{ $.level = ERROR }"])
def test_any_other_pattern_has_none(pattern: str) -> None:
    assert cloudwatch.alternatives(pattern) == []


def test_copy_function_logs_fits(engine: Engine) -> None:
    engine.function_log = io.BytesIO()
    copy_function_logs(engine)
    assert print_lines(engine, PRINTED) == ["first", "second é"]
    assert engine.function_log.getvalue() == b"function\tfirst\nfunction\tsecond \xc3\xa9\n"


def test_copy_function_logs_is_needed(engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    print_lines(engine, PRINTED)
    assert_needed("copy_function_logs", "second" not in "".join(capfd.readouterr()))
