"""Runs the load generator of `tools/bench`, and waits for functions to be idle."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.api import Api
from engine.problem import Problem
from engine.wait import wait_until_still

QUIET_SECONDS = 3.0

Say = Callable[[str], None]
Calls = Counter[tuple[str, str, str]]


@dataclass(frozen=True)
class Load:
    """The load generator, by its binary."""

    binary: Path

    def run(self, what: str, plan: dict[str, Any]) -> Any:
        """Runs a load plan and returns its measurements, in microseconds.

        A run always ends, because each request and each start of a process has a timeout.
        """
        done = subprocess.run([self.binary, what], input=json.dumps(plan).encode(), capture_output=True, check=False)
        if done.returncode:
            raise Problem(f"the load generator failed ({what}): {done.stderr.decode(errors='replace').strip()[-500:]}")
        return json.loads(done.stdout)


def calls(api: Api) -> Calls:
    """Returns the number of calls to AWS so far, by (function, service, operation)."""
    rows: list[Any] = api.call("GET", "/_waybill/calls").expect(200)
    return Counter({(function, service, operation): times for function, service, operation, times in rows})


def until_quiet(api: Api, after: str) -> None:
    """Waits until no function has called AWS for a while."""
    wait_until_still(lambda: calls(api).total(), f"the functions to be idle after {after}", still_seconds=QUIET_SECONDS)
