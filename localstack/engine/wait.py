"""Waiting for a condition. A limit ends a wait in which nothing happens any more, never one that is only slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from engine.problem import Problem

# Many times longer than a slow machine needs from one change to the next.
STALLED_SECONDS = 300.0
POLL_SECONDS = 0.1

# Ends a wait for quiet if something repeats itself forever. It counts changes and not seconds, so that a slow machine has more time.
MAX_CHANGES = 5_000

T = TypeVar("T")


class Progress:
    """Records the state of something that should make progress, and since when the state has been the same."""

    def __init__(self) -> None:
        self._last: object = object()
        self._since = time.monotonic()
        self.changes = 0

    def see(self, state: object) -> float:
        """Records the present state, and returns for how many seconds it has not changed."""
        now = time.monotonic()
        if state != self._last:
            self._last, self._since = state, now
            self.changes += 1
        return now - self._since


def wait_until(
    look: Callable[[], T],
    what: str,
    *,
    done: Callable[[T], object] = bool,
    progress: Callable[[T], object] | None = None,
    stalled_seconds: float = STALLED_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> T:
    """Calls `look` until `done` holds for what it returns, and returns that.

    Fails once what `look` returns, or what `progress` takes from it, has been the same for `stalled_seconds`. `what` completes the
    sentence "waited for …".
    """
    seen = Progress()
    while not done(found := look()):
        unchanged = seen.see(found if progress is None else progress(found))
        if unchanged >= stalled_seconds:
            raise Problem(f"waited for {what}, and nothing changed for {stalled_seconds:g} s; last seen: {found!r}")
        time.sleep(poll_seconds)
    return found


def wait_until_still(
    look: Callable[[], T],
    what: str,
    *,
    still_seconds: float,
    max_changes: int = MAX_CHANGES,
    poll_seconds: float = 2 * POLL_SECONDS,
) -> T:
    """Calls `look` until it has returned the same for `still_seconds`, and returns that.

    Fails after `max_changes` changes. `what` completes the sentence "waited for …".
    """
    seen = Progress()
    while seen.see(found := look()) < still_seconds:
        if seen.changes > max_changes:
            raise Problem(f"waited for {what}, and it changed {max_changes} times; last seen: {found!r}")
        time.sleep(poll_seconds)
    return found
