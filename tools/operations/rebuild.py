"""Has a deployed command build again, call after call, what follows from the events."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.aws import Aws, invoke


def search(aws: Aws, function: str) -> dict[str, int]:
    """Builds the index of a stack anew; what the function answers."""
    return invoke(aws, function, {}, "the index was not rebuilt")


def orders(aws: Aws, function: str) -> str:
    """Builds the views of all orders again; what was done."""
    done = _rebuild(aws, function, "the views were not rebuilt")
    return f"{done['rebuilt']} orders rebuilt; {done['newer']} changed meanwhile, and were left as they are"


def analytics(aws: Aws, function: str) -> str:
    """Counts every day again; what was done."""
    done = _rebuild(aws, function, "the figures were not rebuilt")
    busy = f"; {done['busy']} changed all the time, and were left: call it again" if done["busy"] else ""
    return f"{done['counted']} days of a shard counted again; {done['corrected']} rollups corrected{busy}"


def _rebuild(aws: Aws, function: str, otherwise: str) -> Counter[str]:
    """Calls the function until it has nothing left to do; its numbers, added up. `otherwise` is said where it fails."""
    payload: dict[str, Any] = {}
    done: Counter[str] = Counter()
    while True:
        answer = invoke(aws, function, payload, otherwise)
        following = answer.pop("next")
        done.update(answer)
        if following is None:
            return done
        payload = {"from": following}
