"""Follows the logs of the engine and of the functions, and formats JSON lines."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.stack import Stack

POLL_SECONDS = 0.2
SHOWN_AT_START = 40
SHOWN_AT_ONCE = 10_000
HIDDEN_FIELDS = {"function", "target"}


def follow(stack: Stack) -> None:
    """Prints the last lines and then each new one until Ctrl-C."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends without an error in `| head`
    sources: list[tuple[Iterator[list[str]], Callable[[str], str]]] = [
        (_lines(stack.function_log), function_line), (_lines(stack.engine_log), str)]
    shown = SHOWN_AT_START
    while True:
        for lines, readable in sources:
            for text in filter(None, map(readable, next(lines)[-shown:])):
                print(text, flush=True)
        shown = SHOWN_AT_ONCE
        time.sleep(POLL_SECONDS)


def _lines(path: Path) -> Iterator[list[str]]:
    """Yields the complete lines since the last iteration. A restarted engine truncates its log."""
    position, rest = 0, b""
    while True:
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            position, rest = 0, b""
        added = b""
        if size > position:
            with open(path, "rb") as file:
                file.seek(position)
                added = file.read()
            position += len(added)
        *complete, rest = (rest + added).split(b"\n")
        yield [line.decode("utf-8", "replace") for line in complete]


def function_line(line: str) -> str:
    """Formats `PlaceOrder<tab>{json}` as time, level, function, message and fields. A line of metrics becomes an empty string."""
    function, _, text = line.partition("\t")
    try:
        entry = json.loads(text)
    except ValueError:
        return f"{function} {text}"
    if not isinstance(entry, dict):
        return f"{function} {text}"
    if "_aws" in entry:
        return ""
    at, level, message = (str(entry.pop(field, "")) for field in ("timestamp", "level", "message"))
    fields = " ".join(f"{key}={_value(value)}" for key, value in entry.items() if key not in HIDDEN_FIELDS)
    return " ".join(part for part in (at[11:23], f"{level:<5}", function, message, fields) if part)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
