"""Measures Waybill beside bare Lambdas, on stacks of its own: requests, orders, starts, growth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bench_growth
import bench_orders
import bench_report
import bench_requests
import bench_starts
import lower
import stack as engine
from api import Api
from bench_load import Load, Say, until_quiet
from bench_report import Results
from bench_rivals import Rivals, customers
from deploy import Aws
from ledger import Ledger
from stack import Stack


@dataclass(frozen=True)
class Settings:
    """How much is measured. A cell asks each of its targets for `slice_ms` in each of `rounds`."""

    rounds: int
    slice_ms: int
    alone_seconds: float
    at_once_seconds: float
    starts: int
    sizes: tuple[int, ...]


FULL = Settings(rounds=12, slice_ms=400, alone_seconds=15, at_once_seconds=60, starts=50, sizes=(1_000, 100_000, 1_000_000))
QUICK = Settings(rounds=4, slice_ms=200, alone_seconds=4, at_once_seconds=10, starts=10, sizes=(1_000, 10_000))


@dataclass(frozen=True)
class Bench:
    """Where the code is, the binaries of its tools, the profile they are built with, how a stack is brought up, and what orders use."""

    root: Path
    tools: Path
    profile: str
    bring_up: Callable[[Stack], None]
    price_orders: Callable[[], list[Ledger]]
    say: Say
    detail: Say

    def run(self, settings: Settings) -> None:
        """Measures everything, prints the tables, and writes the figures down."""
        begun = time.monotonic()
        load = Load(self.tools / "bench-load")
        stack = Stack(engine.free_port(), self.root / ".local" / "bench")
        try:
            results = self._on_a_stack(load, stack, settings)
        finally:
            engine.stop(stack)
        for line in bench_report.lines(results, lower.read(self.root / "template.yaml")):
            print(line)
        path = bench_report.write(results, self.root, self.profile)
        print(f"\n{bench_report.machine(self.root, self.profile)['cpu']}, profile {self.profile}, "
              f"{time.monotonic() - begun:.0f} s; all figures: {path.relative_to(self.root)}", flush=True)
        bench_report.require_right([*bench_requests.errors([*results.cells, results.many]), *results.orders.errors,
                                    *bench_growth.errors(results.growth)])

    def _on_a_stack(self, load: Load, stack: Stack, settings: Settings) -> Results:
        self.bring_up(stack)
        outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        api, aws = Api(stack.origin), Aws(stack.engine_url)

        self.say("from checkout to paid")
        orders = bench_orders.measure(load, api, aws, outputs, settings.alone_seconds, settings.at_once_seconds, self.detail)

        self.say("requests, beside bare Lambdas")
        admin = api.log_in(outputs["admin"]["email"], outputs["admin"]["password"])
        mug = bench_orders.product(api, admin)
        shoppers = customers(api, mug, bench_requests.MANY_CLIENTS)
        until_quiet(api, "the customers were made", bench_orders.DRAIN_SECONDS)
        bench_orders.stop_publishing(aws, outputs["tables"])
        page = api.call("GET", "/api/v1/products").text
        rivals = Rivals(aws, outputs["functions"], self.tools, self.root / "tools/bench/python/checkout.py", len(page))
        rivals.put_up()
        counted = bench_requests.count(api, rivals, shoppers[0], mug, self.detail)
        cells = bench_requests.measure(load, stack.origin, shoppers, mug, settings.rounds, settings.slice_ms, self.detail)
        many = bench_requests.measure_many(load, stack.origin, shoppers, mug, settings.rounds, settings.slice_ms)

        self.say("starts")
        starts = bench_starts.measure(load, aws, stack, self.root, outputs["functions"], self.tools, settings.starts)
        engine.stop(stack)

        self.say("growth, on an engine of its own")
        self.bring_up(stack)
        outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        growth = bench_growth.measure(load, stack, outputs, settings.sizes, settings.rounds, settings.slice_ms, self.detail)
        engine.stop(stack)

        self.say("what orders cost")
        return Results(counted, cells, many, orders, starts, growth, self.price_orders())
