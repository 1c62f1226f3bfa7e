"""MiniStack in the process of the tests, and one engine with all patches in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import engines, stack
from ministack_engine.__main__ import engine_environment
from ministack_engine.patches import PATCHES
from ministack_engine.patching import Engine


@pytest.fixture(scope="session")
def _imported_ministack(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Imports MiniStack with the environment of an engine, which it reads while it is imported."""
    environment = engine_environment(stack.free_port(), tmp_path_factory.mktemp("state"), enforce_iam=False, functions_endpoint=None)
    with pytest.MonkeyPatch.context() as patched:
        for name in os.environ.keys() - environment.keys():
            patched.delenv(name)
        for name, value in environment.items():
            patched.setenv(name, value)
        unpatched = Engine()
        for part in ("app", *(patch.part for patch in PATCHES), "services.ses", "core.responses"):
            unpatched.module(part)


@pytest.fixture
def engine(_imported_ministack: None, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """MiniStack without any patch. What a test applies to it is undone when the test ends."""
    return Engine(replace=monkeypatch.setattr)


@pytest.fixture(scope="session")
def patched_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """A running engine with all patches, which enforces IAM and could inject faults."""
    running = stack.Stack(stack.free_port(), Path(tmp_path_factory.mktemp("engine")), fault_seed=1)
    with pytest.MonkeyPatch.context() as patched:  # the user's own AWS configuration has no part in this
        patched.delenv("AWS_PROFILE", raising=False)
        patched.setenv("AWS_CONFIG_FILE", os.devnull)
        patched.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        engines.start(running)
        yield running
        engines.stop(running)
