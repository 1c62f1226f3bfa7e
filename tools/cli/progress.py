"""What a command prints while it works."""

from __future__ import annotations

import time


def say(text: str) -> None:
    """A heading of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def detail(text: str) -> None:
    """A line of progress under the heading."""
    print(f"         {text}", flush=True)
