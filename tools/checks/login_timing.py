"""Measures on a running stack whether the time of a failed login reveals that the account exists."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Callable

from engine.api import Api

PEOPLE = 40
TRIES = 5  # per account; further logins are slowed down, for known and unknown names alike

Say = Callable[[str], None]


def measure(api: Api, say: Say) -> None:
    """Sends wrong passwords for known and for unknown names, in random order, and prints both medians and their ratio."""
    known = [api.customer().email for _ in range(PEOPLE)]
    unknown = [f"nobody-{uuid.uuid4().hex[:16]}@example.com" for _ in range(PEOPLE)]
    logins = [(kind, email) for kind, emails in (("known", known), ("unknown", unknown)) for email in emails] * TRIES
    random.shuffle(logins)
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    for kind, email in logins:
        started = time.perf_counter()
        api.call("POST", "/api/v1/auth/login", {"email": email, "password": "a wrong password"}).expect(401)
        taken[kind].append((time.perf_counter() - started) * 1000)
    medians = {kind: statistics.median(times) for kind, times in taken.items()}
    for kind, times in taken.items():
        low, _, high = statistics.quantiles(times, n=4)
        say(f"{kind:<8} {len(times)} failed logins: median {medians[kind]:.2f} ms, quartiles {low:.2f} and {high:.2f} ms")
    say(f"unknown / known: {medians['unknown'] / medians['known']:.3f}")
