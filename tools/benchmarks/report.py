"""The report of `make bench`: tables, targets, and the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cold_starts import BARE, EMPTY, Start
from benchmarks.growth import Grown
from benchmarks.orders import Orders
from benchmarks.requests import Cell
from cost import cost_report
from cost.cost_report import OrderCost
from engine import templates
from engine.problem import Problem

# Medians whose ratio is at most this count as equal, because the medians of one run vary as much.
SAME = 1.2


@dataclass(frozen=True)
class Results:
    """All measurements of a run."""

    calls: dict[str, dict[str, float]]
    cells: list[Cell]
    many: Cell
    orders: Orders
    starts: list[Start]
    growth: list[Grown]
    cost: list[OrderCost]


@dataclass(frozen=True)
class Target:
    """A target and the measured value; it is met if the value is at most `limit`."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.limit

    def line(self) -> str:
        """Returns a row of the table."""
        value, limit = f"{self.value:.3g} {self.unit}".strip(), f"<= {self.limit:g} {self.unit}".strip()
        return f"{self.name:<62}{value:>12}{limit:>14}  {'met' if self.met else 'MISSED'}"


def targets(results: Results) -> list[Target]:
    """Returns the performance targets with the measured values."""
    checkout = next(cell for cell in results.cells if cell.route == "POST /checkout" and cell.clients == 1)
    empty, ours = start_of(results.starts, EMPTY), [start for start in results.starts if start.name not in (EMPTY, BARE)]
    slowest = max(ours, key=lambda start: start.start["p50"])
    largest, heaviest = max(ours, key=lambda start: start.zip), max(ours, key=lambda start: start.rss)
    paid = results.orders.alone["paid"]
    found = [
        Target("POST /checkout, 1 client, p50 to a bare Lambda's", checkout.ratio("p50"), 1.2, "x"),
        Target(f"POST /checkout, {results.many.clients} clients, errors", results.many.measured["waybill"]["errors"], 0, ""),
        Target("checkout to paid, 1 client, p50", paid["p50"] / 1e6 if paid else float("inf"), 1, "s"),
        Target("orders pending at the end", results.orders.pending, 0, ""),
        Target("dead letters at the end", results.orders.dead_letters, 0, ""),
        Target(f"cold start, p50 to an empty Lambda's ({slowest.name})",
               slowest.start["p50"] / empty.start["p50"], 1.5, "x"),
        Target(f"RSS at the first event ({heaviest.name})", heaviest.rss / 1e6, 20, "MB"),
        Target(f"zip ({largest.name})", largest.zip / 1e6, 4, "MB"),
    ]
    few, many = results.growth[0], results.growth[-1]
    for name in few.calls:
        operations = few.calls[name].keys() | many.calls[name].keys()
        other = sum(abs(many.calls[name].get(operation, 0) - few.calls[name].get(operation, 0)) for operation in operations)
        found.append(Target(f"{name}, other calls with {many.orders} orders than with {few.orders}", other, 0, ""))
        found.append(Target(f"{name}, p50 with {many.orders} orders to that with {few.orders}",
                            _p50(many, name) / _p50(few, name), SAME, "x"))
    for priced in (priced for priced in results.cost if not priced.load.with_mail):
        dollars = sum(priced.dollars(cost_report.prices(), "Express").values())
        found.append(Target(f"a million orders, {priced.load.name}, Express, no mail", dollars, 50, "USD"))
    return found


def _p50(grown: Grown, name: str) -> float:
    found: float = grown.measured[name].get("p50", float("inf"))
    return found


def start_of(starts: list[Start], name: str) -> Start:
    """Returns the cold start of one binary."""
    return next(start for start in starts if start.name == name)


def lines(results: Results, template: templates.Template) -> Iterator[str]:
    """Yields the report as tables."""
    yield from _requests(results)
    yield from _orders(results.orders)
    yield from _starts(results.starts)
    yield from _growth(results.growth)
    yield from cost_report.lines(results.cost, template)
    yield "\nTargets"
    for target in targets(results):
        yield f"  {target.line()}"


def _requests(results: Results) -> Iterator[str]:
    yield "\nRequests in ms, and requests a second. Bare functions make the same calls to AWS and nothing else, no-op functions none."
    yield "  Orders are not processed further. Ratio: to bare. Own: the ratio of the p50s without the time of a no-op."
    yield "  A bare login hashes the same password with argon2id."
    columns = f"{'p50':>8}{'p99':>8}{'/s':>8}{'errors':>8}{'p50 ratio':>11}{'p99 ratio':>11}{'own':>7}"
    yield f"  {'route':<19}{'clients':>8}  {'who':<9}{columns}"
    for cell in [*results.cells, results.many]:
        for who, found in cell.measured.items():
            start = f"  {cell.route:<19}{cell.clients:>8}" if who == "waybill" else " " * 29
            if "p50" not in found:
                yield f"{start}  {who:<9}{'-':>8}{'-':>8}{'-':>8}{found['errors']:>8}"
                continue
            ratios = ""
            if who == "waybill" and "p50" in cell.measured.get("bare", {}):
                ratios = f"{cell.ratio('p50'):>11.2f}{cell.ratio('p99'):>11.2f}{cell.own_ratio():>7.2f}"
            yield (f"{start}  {who:<9}{found['p50'] / 1000:>8.2f}{found['p99'] / 1000:>8.2f}{found['per_second']:>8.0f}"
                   f"{found['errors']:>8}{ratios}")
    yield "  Calls to AWS for one request, which are the same for the bare function:"
    for route, made in results.calls.items():
        yield f"    {route:<19}{', '.join(f'{times:g} {what}' for what, times in made.items())}"


def _orders(orders: Orders) -> Iterator[str]:
    yield "\nCheckout to paid in ms, from the request to the live update on the customer's WebSocket"
    yield f"  {'customers':<14}{'until':<12}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}{'orders':>8}{'paid/s':>8}"
    for name, found, rate in (("one", orders.alone, None), ("at once", orders.at_once, orders.per_second)):
        for until in ("accepted", "paid"):
            times = found[until]
            if times:
                figures = "".join(f"{times[quantile] / 1000:>8.1f}" for quantile in ("p50", "p90", "p99", "most"))
                per_second = f"{rate:>8.1f}" if rate and until == "paid" else ""
                yield f"  {name if until == 'accepted' else '':<14}{until:<12}{figures}{times['count']:>8}{per_second}"
    yield (f"  afterwards: {orders.pending} orders pending, {orders.dead_letters} dead letters; "
           f"the last order was paid {orders.drained_seconds:.1f} s later")


def _starts(starts: list[Start]) -> Iterator[str]:
    empty = start_of(starts, EMPTY)
    yield "\nCold start in ms, from the start of the process to its request for the first event; memory then, and the maximum when warm"
    yield f"  {'binary':<16}{'p50':>8}{'p99':>8}{'ratio':>8}{'RSS MB':>8}{'warm MB':>9}{'binary MB':>11}{'zip MB':>8}"
    for start in starts:
        warm = f"{start.warm_rss / 1e6:>9.1f}" if start.warm_rss else f"{'-':>9}"
        yield (f"  {start.name:<16}{start.start['p50'] / 1000:>8.2f}{start.start['p99'] / 1000:>8.2f}"
               f"{start.start['p50'] / empty.start['p50']:>8.2f}{start.rss / 1e6:>8.1f}{warm}"
               f"{start.binary / 1e6:>11.1f}{start.zip / 1e6:>8.2f}")


def _growth(growth: list[Grown]) -> Iterator[str]:
    yield "\nGrowth: p50 in ms and calls to AWS for one request, by the number of stored orders; raw: the engine's reads without a function"
    yield f"  {'':<34}" + "".join(f"{size.orders:>20}" for size in growth)
    for name in growth[0].calls:
        yield f"  {name:<34}" + "".join(
            f"{f'{_p50(size, name) / 1000:.2f} ms, {sum(size.calls[name].values()):g} calls':>20}" for size in growth)
    for name in growth[0].raw:
        yield f"  {f'raw {name}':<34}" + "".join(f"{f'{size.raw[name] / 1000:.2f} ms':>20}" for size in growth)
    yield f"  {'engine':<34}" + "".join(f"{f'{size.engine_bytes / 1e9:.2f} GB':>20}" for size in growth)


def write(results: Results, root: Path, profile: str) -> Path:
    """Writes all figures and the machine to `build/bench.json`."""
    path = root / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    figures = {"machine": machine(root, profile), "targets": [{**asdict(target), "met": target.met} for target in targets(results)],
            **{name: value for name, value in asdict(results).items() if name != "cost"}, "cost": cost_report.as_json(results.cost)}
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return path


def machine(root: Path, profile: str) -> dict[str, Any]:
    """Describes the machine, the tools and the commit."""
    def output_of(*command: str) -> str:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with changes" if output_of("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {"cpu": _line_of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
            "cores": os.cpu_count(), "memory": _line_of("/proc/meminfo", "MemTotal"), "kernel": platform.release(),
            "rustc": output_of("rustc", "--version"), "python": platform.python_version(), "profile": profile,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": output_of("git", "rev-parse", "HEAD") + changed}


def _line_of(path: str, name: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:  # not Linux
        return ""
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name)), "")


def require_right(wrong: list[str]) -> None:
    """Fails if there were errors, which make the figures useless."""
    if wrong:
        raise Problem("the bench has errors:\n  " + "\n  ".join(wrong))
