"""What `make bench` prints and writes: the tables, the targets, the machine."""

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
from cost.cost_report import Ledger
from engine import sam
from engine.problem import Problem

# How much longer the same request may take with the most orders than with the fewest, to count as the same: medians of one
# run differ by so much by themselves.
SAME = 1.2


@dataclass(frozen=True)
class Results:
    """All that was measured."""

    calls: dict[str, dict[str, float]]
    cells: list[Cell]
    many: Cell
    orders: Orders
    starts: list[Start]
    growth: list[Grown]
    cost: list[Ledger]


@dataclass(frozen=True)
class Target:
    """What was aimed at and what came out; met if it is no more than `most`."""

    name: str
    value: float
    most: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.most

    def line(self) -> str:
        """A row of the table."""
        value, most = f"{self.value:.3g} {self.unit}".strip(), f"<= {self.most:g} {self.unit}".strip()
        return f"{self.name:<62}{value:>12}{most:>14}  {'met' if self.met else 'MISSED'}"


def targets(results: Results) -> list[Target]:
    """Those of the design, with what came out."""
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
        Target(f"start to first event polled, p50 to an empty Lambda's ({slowest.name})",
               slowest.start["p50"] / empty.start["p50"], 1.5, "x"),
        Target(f"RSS once it polls ({heaviest.name})", heaviest.rss / 1e6, 20, "MB"),
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
    """That of one binary."""
    return next(start for start in starts if start.name == name)


def lines(results: Results, template: sam.Template) -> Iterator[str]:
    """The tables."""
    yield from _requests(results)
    yield from _orders(results.orders)
    yield from _starts(results.starts)
    yield from _growth(results.growth)
    yield from cost_report.lines(results.cost, template)
    yield "\nTargets"
    for target in targets(results):
        yield f"  {target.line()}"


def _requests(results: Results) -> Iterator[str]:
    yield "\nRequests: ms, and requests a second. Bare: the same calls of AWS and nothing else. No-op: no calls. Nothing follows from an order here."
    yield "  Ratio: to bare. Own: as the ratio of p50, less what a no-op takes. A bare login hashes the same password with argon2id."
    yield f"  {'route':<19}{'clients':>8}  {'who':<9}{'p50':>8}{'p99':>8}{'/s':>8}{'errors':>8}{'p50 ratio':>11}{'p99 ratio':>11}{'own':>7}"
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
    yield "  Calls of AWS for one request, the same for the bare function:"
    for route, asked in results.calls.items():
        yield f"    {route:<19}{', '.join(f'{times:g} {what}' for what, times in asked.items())}"


def _orders(orders: Orders) -> Iterator[str]:
    yield "\nCheckout to paid: ms, from the request to the word on the customer's socket, which comes when it happens"
    yield f"  {'customers':<14}{'until':<12}{'p50':>8}{'p90':>8}{'p99':>8}{'most':>8}{'orders':>8}{'paid/s':>8}"
    for name, found, rate in (("one", orders.alone, None), ("at once", orders.at_once, orders.per_second)):
        for until in ("accepted", "paid"):
            times = found[until]
            if times:
                figures = "".join(f"{times[quantile] / 1000:>8.1f}" for quantile in ("p50", "p90", "p99", "most"))
                per_second = f"{rate:>8.1f}" if rate and until == "paid" else ""
                yield f"  {name if until == 'accepted' else '':<14}{until:<12}{figures}{times['count']:>8}{per_second}"
    yield f"  afterwards: {orders.pending} pending, {orders.dead_letters} dead letters; the last order was paid {orders.drained_seconds:.1f} s later"


def _starts(starts: list[Start]) -> Iterator[str]:
    empty = start_of(starts, EMPTY)
    yield "\nStart: ms from the start of the process to the first event asked for; memory when it asks, and the most after requests"
    yield f"  {'binary':<16}{'p50':>8}{'p99':>8}{'ratio':>8}{'RSS MB':>8}{'warm MB':>9}{'binary MB':>11}{'zip MB':>8}"
    for start in starts:
        warm = f"{start.warm_rss / 1e6:>9.1f}" if start.warm_rss else f"{'-':>9}"
        yield (f"  {start.name:<16}{start.start['p50'] / 1000:>8.2f}{start.start['p99'] / 1000:>8.2f}"
               f"{start.start['p50'] / empty.start['p50']:>8.2f}{start.rss / 1e6:>8.1f}{warm}"
               f"{start.binary / 1e6:>11.1f}{start.zip / 1e6:>8.2f}")


def _growth(growth: list[Grown]) -> Iterator[str]:
    yield "\nGrowth: p50 in ms, and calls of AWS for one request, with so many orders stored; raw: the engine's own reads, without a function"
    yield f"  {'':<34}" + "".join(f"{size.orders:>20}" for size in growth)
    for name in growth[0].calls:
        yield f"  {name:<34}" + "".join(
            f"{f'{_p50(size, name) / 1000:.2f} ms, {sum(size.calls[name].values()):g} calls':>20}" for size in growth)
    for name in growth[0].raw:
        yield f"  {f'raw {name}':<34}" + "".join(f"{f'{size.raw[name] / 1000:.2f} ms':>20}" for size in growth)
    yield f"  {'engine':<34}" + "".join(f"{f'{size.engine_bytes / 1e9:.2f} GB':>20}" for size in growth)


def write(results: Results, root: Path, profile: str) -> Path:
    """Writes all figures, and what they were measured on, to `build/bench.json`."""
    path = root / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    told = {"machine": machine(root, profile), "targets": [{**asdict(target), "met": target.met} for target in targets(results)],
            **{name: value for name, value in asdict(results).items() if name != "cost"}, "cost": cost_report.as_json(results.cost)}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


def machine(root: Path, profile: str) -> dict[str, Any]:
    """What this is measured on."""
    def said(*command: str) -> str:
        return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.strip()

    changed = " with changes" if said("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {"cpu": _line_of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
            "cores": os.cpu_count(), "memory": _line_of("/proc/meminfo", "MemTotal"), "kernel": platform.release(),
            "rustc": said("rustc", "--version"), "python": platform.python_version(), "profile": profile,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": said("git", "rev-parse", "HEAD") + changed}


def _line_of(path: str, name: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:  # not Linux
        return ""
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name)), "")


def require_right(wrong: list[str]) -> None:
    """Fails when something answered wrongly: then the figures are of something else."""
    if wrong:
        raise Problem("the bench has errors:\n  " + "\n  ".join(wrong))
