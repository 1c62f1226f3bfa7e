"""The progress messages of commands."""

from __future__ import annotations

import time


def say(text: str) -> None:
    """Prints a progress message with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def detail(text: str) -> None:
    """Prints a detail of the last progress message."""
    print(f"         {text}", flush=True)
