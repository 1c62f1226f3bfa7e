"""The checks of `make check` and `make test`, each a named step with its duration."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, NoReturn

from checks import sam_templates
from engine.build import cargo
from engine.problem import Problem


@dataclass(frozen=True)
class Step:
    """One check; it raises when it fails."""

    name: str
    check: Callable[[], None]


@dataclass(frozen=True)
class Lane:
    """Steps that run one after the other, in parallel to other lanes. `end` is called after the last step or the first that fails."""

    name: str
    steps: list[Step]
    end: Callable[[], object] = lambda: None


def run(steps: list[Step], report: Callable[[str], None] = lambda _: None) -> None:
    """Runs the steps until one fails, and prints how long each took. `report` is called with each line when its step has ended."""
    durations: list[str] = []
    try:
        for step in steps:
            print(f"\n== {step.name}", flush=True)
            started = time.monotonic()
            try:
                step.check()
            finally:
                durations.append(f"{step.name:<12}{time.monotonic() - started:8.1f} s")
                report(durations[-1])
    finally:
        print("", *durations, sep="\n", flush=True)


def side_by_side(lanes: list[Lane], logs: Path, at_once: int) -> None:
    """Runs the lanes in their order, at most `at_once` at the same time, each in a process of its own. A failure does not stop other lanes.
    Prints the output of each lane when it has ended."""
    logs.mkdir(parents=True, exist_ok=True)
    fork = multiprocessing.get_context("fork")
    waiting, failed = list(lanes), list[str]()
    running: dict[object, tuple[Lane, ForkProcess, Path]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                lane = waiting.pop(0)
                log = logs / f"{lane.name}.log"
                process = fork.Process(target=_run_lane, args=(lane, log))
                process.start()
                running[process.sentinel] = (lane, process, log)
                print(f"{lane.name}: {', '.join(step.name for step in lane.steps)}; follow it in {log}", flush=True)
            for ended in wait([process.sentinel for _, process, _ in running.values()]):
                lane, process, log = running.pop(ended)
                process.join()
                print(f"\n==== {lane.name}\n{log.read_text(encoding='utf-8', errors='replace')}", flush=True)
                if process.exitcode:
                    failed.append(lane.name)
    finally:
        for _, process, _ in running.values():
            process.terminate()
            process.join()
    if failed:
        raise Problem(f"failed: {', '.join(failed)}; the reasons are above")


def _run_lane(lane: Lane, log: Path) -> None:
    """Runs a lane with its output in the log; the duration of each step is also printed to the terminal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with open(log, "wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        run(lane.steps, lambda duration: print(f"{lane.name}: {duration}", file=terminal, flush=True))
    except Problem as problem:
        sys.exit(f"error: {problem}")
    finally:
        lane.end()


def _end(number: int, _: Any) -> NoReturn:
    """Ends this process so that its `finally` blocks run, which stop engines. A second signal does not interrupt them."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def static(root: Path) -> list[Step]:
    """Returns the steps that run no tests, the quick ones first."""
    return [
        Step("ruff", lambda: _run(root, Path(sys.executable).with_name("ruff"), "check", "--quiet")),
        Step("workflows", lambda: _check_workflows(root)),
        Step("format", lambda: cargo(root, "fmt", "--all", "--check")),
        Step("templates", lambda: sam_templates.validate(root)),
        Step("mypy", lambda: _run(root, Path(sys.executable).with_name("mypy"), "--no-error-summary")),
        Step("clippy", lambda: cargo(
            root, "clippy", "--release", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings")),
        # In the profile of clippy, whose checks of the dependencies cargo uses again.
        Step("docs", lambda: cargo(
            root, "doc", "--release", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet",
            RUSTDOCFLAGS="-D warnings")),
    ]


def units(root: Path) -> list[Step]:
    """Returns the steps with the tests that need no stack."""
    return [
        Step("tools", lambda: _run(root, sys.executable, "-m", "pytest", "-q")),
        # A snapshot that differs fails the test, and is not written.
        Step("units", lambda: cargo(root, "test", "--release", "--locked", "--workspace", "--lib", "--bins", INSTA_UPDATE="no")),
        Step("doc tests", lambda: cargo(root, "test", "--release", "--locked", "--workspace", "--doc")),
    ]


def _check_workflows(root: Path) -> None:
    """Checks the files of GitHub Actions and Dependabot against their schemas."""
    workflows = [str(path.relative_to(root)) for path in sorted((root / ".github" / "workflows").glob("*.yml"))]
    for schema, files in (("vendor.github-workflows", workflows), ("vendor.dependabot", [".github/dependabot.yml"])):
        _run(root, Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", schema, *files)


def _run(root: Path, program: str | Path, *arguments: str) -> None:
    if subprocess.run([program, *arguments], cwd=root, check=False).returncode:
        raise Problem(f"{Path(program).name} {' '.join(arguments)} failed, the reason is above")
