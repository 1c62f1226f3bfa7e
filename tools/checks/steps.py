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
from pathlib import Path
from typing import Any, NoReturn

from engine.build import cargo
from engine.problem import Problem


@dataclass(frozen=True)
class Step:
    """One check; it raises when it fails."""

    name: str
    check: Callable[[], None]


@dataclass(frozen=True)
class Lane:
    """Steps that follow each other, beside those of other lanes; `end` is called after the last of them or the first that fails."""

    name: str
    steps: list[Step]
    end: Callable[[], object] = lambda: None


def run(steps: list[Step], tell: Callable[[str], None] = lambda _: None) -> None:
    """Runs the steps until one fails, and prints what each took; `tell` hears it at once."""
    durations: list[str] = []
    try:
        for step in steps:
            print(f"\n== {step.name}", flush=True)
            started = time.monotonic()
            try:
                step.check()
            finally:
                durations.append(f"{step.name:<12}{time.monotonic() - started:8.1f} s")
                tell(durations[-1])
    finally:
        print("", *durations, sep="\n", flush=True)


def side_by_side(lanes: list[Lane], logs: Path) -> None:
    """Runs the lanes at the same time, each in a process of its own, and each to its own end; shows what one has printed when it is
    through."""
    logs.mkdir(parents=True, exist_ok=True)
    fork = multiprocessing.get_context("fork")
    running, failed = {}, []
    try:
        for lane in lanes:
            log = logs / f"{lane.name}.log"
            process = fork.Process(target=_run_lane, args=(lane, log))
            process.start()
            running[process.sentinel] = (lane, process, log)
            print(f"{lane.name}: {', '.join(step.name for step in lane.steps)}; follow it in {log}", flush=True)
        while running:
            for ended in wait(running):
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
    """Prints into the log from now on, and one line for each step where it printed before."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with open(log, "wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        run(lane.steps, lambda told: print(f"{lane.name}: {told}", file=terminal, flush=True))
    except Problem as problem:
        sys.exit(f"error: {problem}")
    finally:
        lane.end()


def _end(number: int, _: Any) -> NoReturn:
    """Ends this process by its `finally`s, which no second signal breaks off: they stop engines."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


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
        Step("tools", lambda: _run(root, sys.executable, "-m", "pytest", "-q")),
        # A snapshot that differs fails, and is not written.
        Step("units", lambda: cargo(root, "test", "--release", "--locked", "--workspace", "--lib", "--bins", INSTA_UPDATE="no")),
    ]


def _run(root: Path, program: str | Path, *arguments: str) -> None:
    if subprocess.run([program, *arguments], cwd=root).returncode:
        raise Problem(f"{Path(program).name} {' '.join(arguments)} failed, the reason is above")
