"""Runs the load generator of `tools/bench` and waits for what it measured."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.api import Api
from engine.problem import Problem

LIMIT_SECONDS = 300.0
QUIET_SECONDS = 3.0

Say = Callable[[str], None]
Calls = Counter[tuple[str, str, str]]


@dataclass(frozen=True)
class Load:
    """The load generator, by its binary."""

    binary: Path

    def run(self, what: str, plan: dict[str, Any]) -> Any:
        """Has it carry out a plan; times in the answer are in microseconds."""
        try:
            done = subprocess.run([self.binary, what], input=json.dumps(plan).encode(), capture_output=True,
                                  timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Problem(f"the load generator did not end within {LIMIT_SECONDS:.0f} s ({what})") from None
        if done.returncode:
            raise Problem(f"the load generator failed ({what}): {done.stderr.decode(errors='replace').strip()[-500:]}")
        return json.loads(done.stdout)


def calls(api: Api) -> Calls:
    """What each function has asked of AWS so far: (function, service, operation)."""
    rows: list[Any] = api.call("GET", "/_waybill/calls").expect(200)
    return Counter({(function, service, operation): times for function, service, operation, times in rows})


def until_quiet(api: Api, what: str, limit: float) -> None:
    """Waits until no function has asked anything of AWS for a while."""
    deadline, last, since = time.monotonic() + limit, calls(api), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        if time.monotonic() > deadline:
            raise Problem(f"the functions still work {limit:.0f} s after {what}")
        time.sleep(0.2)
        now = calls(api)
        if now != last:
            last, since = now, time.monotonic()


def until(what: str, limit: float, done: Callable[[], bool]) -> float:
    """Waits until `done`; how long that took."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() > begun + limit:
            raise Problem(f"waited {limit:.0f} s for {what}")
        time.sleep(0.1)
    return time.monotonic() - begun
