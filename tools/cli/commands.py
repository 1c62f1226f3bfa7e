"""The commands about a stack and the code."""

from __future__ import annotations

import json
import os
import shutil

from checks import fuzz, steps
from cli.progress import detail, say
from cli.stacks import bring_up, parameters_of_environment, welcome
from engine import build, seed
from engine import stack as engines
from engine.aws import Aws
from engine.problem import Problem
from engine.stack import ROOT, running_stack, stack_of_environment
from operations import logs, rebuild, tail


def up() -> None:
    """Build, start or update, seed, and say where everything is."""
    stack, parameters = stack_of_environment(), parameters_of_environment()
    build.check_tools()
    if engines.running_pid(stack) is None:
        engines.require_free_ports(stack)  # told before minutes of compiling, not after
    say("building the functions")
    build.build(ROOT)
    bring_up(stack, parameters)
    shutil.copyfile(stack.outputs, ROOT / ".local" / "outputs.json")
    print(welcome(json.loads(stack.outputs.read_text(encoding="utf-8"))))


def down() -> None:
    """Stop the stack; what it held is gone."""
    stack = stack_of_environment()
    print(f"stopped the stack on port {stack.port}" if engines.stop(stack) else f"no stack runs on port {stack.port}")


def status() -> None:
    """Say whether the stack runs, and where."""
    print(welcome(json.loads(running_stack().outputs.read_text(encoding="utf-8"))))


def follow_logs() -> None:
    """Follow the engine's and the functions' logs."""
    stack = stack_of_environment()
    if not stack.engine_log.exists():
        raise Problem(f"there is no log for port {stack.port} yet; `make up` starts a stack")
    logs.follow(stack)


def check() -> None:
    """Format, clippy and template lint: the quick checks."""
    build.check_tools()
    steps.run(steps.static(ROOT))


def fuzz_running() -> None:
    """Throw generated requests at the running stack, which changes what is in it."""
    stack = running_stack()
    fuzz.fuzz(stack, ROOT, seed.read(seed.FILE), fuzz.settings_of_environment(), detail)


def rebuild_search() -> None:
    """Build the search index of the running stack anew."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(rebuild.search(Aws(stack.engine_url), functions["RebuildSearch"]))


def rebuild_orders() -> None:
    """Build the views of all orders of the running stack again, from their events."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(rebuild.orders(Aws(stack.engine_url), functions["RebuildOrders"]))


def rebuild_analytics() -> None:
    """Count the figures of the running stack again, from analytics' log."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(rebuild.analytics(Aws(stack.engine_url), functions["RebuildAnalytics"]))


def tail_events() -> None:
    """Show the events of the running stack as they happen, a line each; those of one order, if ORDER names it."""
    stack = running_stack()
    topics = list(json.loads(stack.outputs.read_text(encoding="utf-8"))["topics"].values())
    tail.follow(Aws(stack.engine_url), topics, os.environ.get("ORDER") or None)


def asyncapi() -> None:
    """Write asyncapi.json and the events' JSON Schemas from the code."""
    build.check_tools()
    build.asyncapi(ROOT)


def openapi() -> None:
    """Write openapi.json from the code."""
    build.check_tools()
    build.openapi(ROOT)


def preview_mails() -> None:
    """Write all that customers are told, with sample data, to look at."""
    build.check_tools()
    folder = build.preview(ROOT)
    print(f"look at {folder / 'index.html'}")


def explore_model() -> None:
    """Look at all that can happen to one order, and to two: nothing is sold or charged twice, and all comes to an end."""
    build.check_tools()
    build.model(ROOT)


def fuzz_parsers() -> None:
    """Give generated input to all that reads what comes from outside, PROPTEST_CASES times each."""
    build.check_tools()
    cases = os.environ.get("PROPTEST_CASES", "20000")
    build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--lib", PROPTEST_CASES=cases)


def dist() -> None:
    """The archives that ship, and their sizes."""
    build.check_tools()
    build.dist(ROOT)
