"""Has a deployed command build again, call after call, what follows from the events."""

from __future__ import annotations

from typing import Any

from deploy import Aws, invoke


def rebuild(aws: Aws, function: str) -> str:
    """Calls the function until it has nothing left to do; what it has done."""
    payload: dict[str, Any] = {}
    rebuilt = newer = 0
    while True:
        answer = invoke(aws, function, payload, "the views were not rebuilt")
        rebuilt, newer = rebuilt + answer["rebuilt"], newer + answer["newer"]
        if answer["next"] is None:
            return f"{rebuilt} orders rebuilt; {newer} changed meanwhile, and were left as they are"
        payload = {"from": answer["next"]}
