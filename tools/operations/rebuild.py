"""Invokes the deployed commands that rebuild read models from events."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.aws import Aws, invoke


def search(aws: Aws, function: str) -> dict[str, int]:
    """Rebuilds the search index, and returns the function's response."""
    return invoke(aws, function, {}, "the index was not rebuilt")


def orders(aws: Aws, function: str) -> str:
    """Rebuilds the views of all orders, and returns a summary."""
    done = _rebuild(aws, function, "the views were not rebuilt")
    return f"{done['rebuilt']} orders were rebuilt; {done['newer']} have changed meanwhile and were not rebuilt"


def analytics(aws: Aws, function: str) -> str:
    """Rebuilds the figures of all days, and returns a summary."""
    done = _rebuild(aws, function, "the figures were not rebuilt")
    busy = f"; {done['busy']} kept changing and were not counted: run the command again" if done["busy"] else ""
    return f"{done['counted']} days of shards were counted again, {done['corrected']} figures corrected{busy}"


def _rebuild(aws: Aws, function: str, otherwise: str) -> Counter[str]:
    """Invokes the function until no work is left, and returns the sums of its counts. `otherwise` is the prefix of the error message."""
    payload: dict[str, Any] = {}
    done: Counter[str] = Counter()
    while True:
        answer = invoke(aws, function, payload, otherwise)
        following = answer.pop("next")
        done.update(answer)
        if following is None:
            return done
        payload = {"from": following}
