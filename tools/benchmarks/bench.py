"""Measures Waybill and bare Lambdas on stacks of their own: requests, orders, cold starts, growth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cold_starts, growth, orders, report, requests
from benchmarks.load import Load, Say, until_quiet
from benchmarks.report import Results
from benchmarks.rivals import Rivals, customers
from cost.cost_report import OrderCost
from engine import engines, templates
from engine.api import Api
from engine.aws import Aws
from engine.stack import Stack, free_port


@dataclass(frozen=True)
class Settings:
    """The extent of a run. A cell calls each of its targets for `slice_ms` in each of `rounds`."""

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
    """One run: the code, the binaries and their profile, and functions that bring up a stack, price orders and print progress."""

    root: Path
    tools: Path
    profile: str
    bring_up: Callable[[Stack], None]
    price_orders: Callable[[], list[OrderCost]]
    say: Say
    detail: Say

    def run(self, settings: Settings) -> None:
        """Measures everything, prints the tables, and writes all figures to a file."""
        begun = time.monotonic()
        load = Load(self.tools / "bench-load")
        stack = Stack(free_port(), self.root / ".local" / "bench")
        try:
            results = self._on_a_stack(load, stack, settings)
        finally:
            engines.stop(stack)
        for line in report.lines(results, templates.read(self.root).merged):
            print(line)
        path = report.write(results, self.root, self.profile)
        print(f"\n{report.machine(self.root, self.profile)['cpu']}, profile {self.profile}, "
              f"{time.monotonic() - begun:.0f} s; all figures: {path.relative_to(self.root)}", flush=True)
        report.require_right([*requests.errors([*results.cells, results.many]), *results.orders.errors,
                              *growth.errors(results.growth)])

    def _on_a_stack(self, load: Load, stack: Stack, settings: Settings) -> Results:
        self.bring_up(stack)
        outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        api, aws = Api(stack.origin), Aws(stack.engine_url)

        self.say("from checkout to paid")
        placed = orders.measure(load, api, aws, outputs, settings.alone_seconds, settings.at_once_seconds, self.detail)

        self.say("requests, with bare Lambdas")
        admin = api.log_in(outputs["admin"]["email"], outputs["admin"]["password"])
        mug = orders.product(api, admin)
        shoppers = customers(api, mug, requests.MANY_CLIENTS)
        until_quiet(api, "the customers were registered")
        orders.stop_publishing(aws, outputs["tables"])
        page = api.call("GET", "/api/v1/products").text
        rivals = Rivals(aws, outputs["functions"], self.tools, self.root / "tools/bench/python/checkout.py", len(page))
        rivals.put_up()
        counted = requests.count(api, rivals, shoppers[0], mug, self.detail)
        cells = requests.measure(load, stack.origin, shoppers, mug, settings.rounds, settings.slice_ms, self.detail)
        many = requests.measure_many(load, stack.origin, shoppers, mug, settings.rounds, settings.slice_ms)

        self.say("cold starts")
        starts = cold_starts.measure(load, aws, stack, self.root, outputs["functions"], self.tools, settings.starts)
        engines.stop(stack)

        self.say("growth, on an engine of its own")
        self.bring_up(stack)
        outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        grown = growth.measure(load, stack, outputs, settings.sizes, settings.rounds, settings.slice_ms, self.detail)
        engines.stop(stack)

        self.say("cost of orders")
        return Results(counted, cells, many, placed, starts, grown, self.price_orders())
