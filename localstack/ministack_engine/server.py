"""MiniStack with its patches.

MiniStack reads its environment while it is imported, and this module imports it: `__main__` sets the environment first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import ministack.app as ministack
from ministack.core import lambda_runtime

from ministack_engine.patches import PINNED
from ministack_engine.patching import Engine, Patch, PatchDoesNotFitError, apply_all


def require_pinned_version() -> None:
    """Fails if the installed MiniStack is not the version that the patches are for."""
    if ministack._version() != PINNED:
        raise SystemExit(f"MiniStack {ministack._version()} is installed, ministack_engine patches {PINNED}: run `make .venv/stamp`")


def prepare(engine: Engine, patches: Iterable[Patch]) -> None:
    """Patches MiniStack, or fails with the name of the patch that does not fit."""
    try:
        apply_all(patches, engine)
    except PatchDoesNotFitError as error:
        raise SystemExit(str(error)) from error


def serve() -> None:
    """Serves until the process is ended, and then ends the functions' processes."""
    sys.argv = sys.argv[:1]  # MiniStack has options of its own
    try:
        ministack.main()
    finally:
        lambda_runtime.reset()


def set_function_log_level(level: str) -> None:
    """Sets the functions' level; MiniStack has read its own by now."""
    os.environ["LOG_LEVEL"] = level
