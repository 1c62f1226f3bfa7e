"""The commands that measure: bench, cost, search, stock, live updates, logins, chaos."""

from __future__ import annotations

import json
import os

from benchmarks import bench, search, stock
from chaos import run as chaos
from checks import login_timing
from cli.progress import detail, say
from cli.stacks import JOURNEY_PARAMETERS, bring_up, parameters_of_environment
from cost import cost_report
from engine import build, engines, templates
from engine.api import Api
from engine.aws import Aws
from engine.deploy import deploy
from engine.engines import running_stack
from engine.stack import ROOT, Stack, free_port


def measure_logins() -> None:
    """Measure on the running stack whether the time of a failed login reveals that the account exists."""
    login_timing.measure(Api(running_stack().origin), detail)


def bench_search() -> None:
    """Measure the search with 1,200 and with 50,000 products, on a stack of its own."""
    build.check_tools()
    stack = Stack(free_port(), ROOT / ".local" / "search")
    try:
        build.build(ROOT)
        bring_up(stack, parameters={})
        aws = Aws(stack.engine_url)
        search.bench(Api(stack.origin), aws, deploy(aws, ROOT, {}, detail), stack.function_log, detail)
    finally:
        engines.stop(stack)


def bench_stock() -> None:
    """Measure reservations of one product per second, by the number of counters that its stock is split into."""
    build.check_tools()
    stock.measure(ROOT)


def show_cost() -> None:
    """Meter the AWS usage of orders and print its cost, on a stack of its own."""
    build.check_tools()
    build.build(ROOT)
    template = templates.read(ROOT).merged
    for line in cost_report.lines(priced_orders(), template):
        print(line)


def priced_orders(loads: tuple[cost_report.Load, ...] = cost_report.LOADS) -> list[cost_report.OrderCost]:
    """Measures the usage of one order of each load, on a stack of its own."""
    stack = Stack(free_port(), ROOT / ".local" / "cost")
    try:
        bring_up(stack, {**JOURNEY_PARAMETERS, **cost_report.PARAMETERS})
        return meter_orders(stack, loads)
    finally:
        engines.stop(stack)


def meter_orders(stack: Stack, loads: tuple[cost_report.Load, ...]) -> list[cost_report.OrderCost]:
    """Measures the usage of one order of each load, on a stack without other activity that has the cost report's parameters."""
    known = json.loads(stack.outputs.read_text(encoding="utf-8"))
    template = templates.read(ROOT).merged
    return cost_report.measure(Api(stack.origin), known["admin"], known["functions"], stack.function_log, template, loads, detail)


def run_bench() -> None:
    """Measure requests, orders, cold starts and growth in comparison with bare Lambdas, on stacks of its own."""
    bench_with(bench.FULL)


def run_quick_bench() -> None:
    """Run a short version of `bench` with fewer orders, which checks that it works but gives no reliable figures."""
    bench_with(bench.QUICK)


def bench_with(settings: bench.Settings) -> None:
    """Builds and measures the release profile, or the one that WAYBILL_BENCH_PROFILE names."""
    build.check_tools()
    profile = os.environ.get("WAYBILL_BENCH_PROFILE") or "dist"
    say(f"building the functions ({profile})")
    build.build(ROOT, profile)
    bench.Bench(ROOT, build.binaries(ROOT, profile), profile, lambda stack: bring_up(stack, {}), priced_orders, say,
                detail).run(settings)


def bench_websocket() -> None:
    """Measure on the running stack the latency of live updates over WebSocket, and the cost of many subscribers."""
    outputs = running_stack().outputs
    build.cargo(ROOT, "bench", "--locked", "--workspace", "--bench", "live", WAYBILL_OUTPUTS=str(outputs), LIVE_BENCH="on")


def run_chaos() -> None:
    """Place orders while faults are injected, then audit all data, on a stack of its own."""
    build.check_tools()
    settings = chaos.settings_of_environment(parameters_of_environment())
    build.build(ROOT)
    chaos.run(ROOT, settings, bring_up, say, detail)
