"""The checks of `make check` and `make test`, each a named step with its duration."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from build import cargo
from problem import Problem


@dataclass(frozen=True)
class Step:
    """One check; it raises when it fails."""

    name: str
    check: Callable[[], None]


def run(steps: list[Step]) -> None:
    """Runs the steps until one fails, and prints what each took."""
    durations: list[tuple[str, float]] = []
    try:
        for step in steps:
            print(f"\n== {step.name}", flush=True)
            started = time.monotonic()
            try:
                step.check()
            finally:
                durations.append((step.name, time.monotonic() - started))
    finally:
        print()
        for name, seconds in durations:
            print(f"{name:<12}{seconds:8.1f} s", flush=True)


def static(root: Path) -> list[Step]:
    """What needs no test run."""
    return [
        Step("format", lambda: cargo(root, "fmt", "--all", "--check")),
        Step("template", lambda: _run(root, Path(sys.executable).with_name("cfn-lint"), "template.yaml")),
        Step("clippy", lambda: cargo(
            root, "clippy", "--release", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings")),
    ]


def units(root: Path) -> list[Step]:
    """The tests that need no stack."""
    return [
        Step("tools", lambda: _run(root, sys.executable, "-m", "unittest", "discover", "-s", "localstack")),
        # A snapshot that differs fails, and is not written.
        Step("units", lambda: cargo(root, "test", "--release", "--locked", "--workspace", "--lib", "--bins", INSTA_UPDATE="no")),
    ]


def _run(root: Path, program: str | Path, *arguments: str) -> None:
    if subprocess.run([program, *arguments], cwd=root).returncode:
        raise Problem(f"{Path(program).name} {' '.join(arguments)} failed, the reason is above")
