"""Measures requests to the API, to bare Lambdas and to a no-op, alternating between them on one stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.load import Load, Say, calls
from benchmarks.rivals import ROUTES, Customer, Rivals, Route, call
from engine.api import Api
from engine.problem import Problem

CLIENTS = (1, 8, 32)
MANY_CLIENTS = 64
PYTHON_CLIENTS = (1, 8)  # more processes take longer to start than to measure
COUNTED = 10


@dataclass(frozen=True)
class Cell:
    """The measurements of a route with a number of clients, by function: quantiles in microseconds, requests a second, errors."""

    route: str
    clients: int
    measured: dict[str, dict[str, Any]]

    def ratio(self, quantile: str, to: str = "bare") -> float:
        """Returns the time of the real function divided by that of another one."""
        return float(self.measured["waybill"][quantile] / self.measured[to][quantile])

    def own_ratio(self) -> float:
        """Returns the ratio of the medians, after the time of a function that does nothing is subtracted from both."""
        nothing = self.measured["no-op"]["p50"]
        return float((self.measured["waybill"]["p50"] - nothing) / (self.measured["bare"]["p50"] - nothing))


def count(api: Api, rivals: Rivals, customer: Customer, product: str, say: Say) -> dict[str, dict[str, float]]:
    """Counts the calls to AWS that one request causes in each warm function. Fails if those of a bare function differ."""
    counted: dict[str, dict[str, float]] = {}
    for route in ROUTES:
        made = {who: _calls(api, rivals.name(route, who), route, who, customer, product)
                 for who in ("waybill", *route.rivals)}
        for who in route.rivals:
            expected = {} if who == "no-op" else made["waybill"]
            if made[who] != expected:
                raise Problem(f"{route.name}: the {who} function calls {made[who]} of AWS, and Waybill's {made['waybill']}")
        counted[route.name] = made["waybill"]
        say(f"{route.name}: {' + '.join(f'{times:g} {what}' for what, times in made['waybill'].items())}")
    return counted


def _calls(api: Api, function: str, route: Route, who: str, customer: Customer, product: str) -> dict[str, float]:
    request = call(route, who, customer, product, api.origin)
    path = request["url"].removeprefix(api.origin)

    def send(times: int) -> None:
        for _ in range(times):
            api.call(route.method, path, request["body"], headers=request["headers"]).expect(route.status if who != "no-op" else 200)

    send(2)  # fills the caches
    before = calls(api)
    send(COUNTED)
    done = calls(api) - before
    return {f"{service} {operation}": times / COUNTED
            for (name, service, operation), times in sorted(done.items()) if name == function}


def measure(load: Load, origin: str, customers: list[Customer], product: str, rounds: int, slice_ms: int, say: Say) -> list[Cell]:
    """Measures each route with each number of clients, alternating between its functions."""
    cells = []
    for route in ROUTES:
        for clients in CLIENTS:
            who = ("waybill", *(rival for rival in route.rivals if rival != "python" or clients in PYTHON_CLIENTS))
            cells.append(_cell(load, origin, route, who, customers, product, clients, rounds, slice_ms))
            say(_line(cells[-1]))
    return cells


def measure_many(load: Load, origin: str, customers: list[Customer], product: str, rounds: int, slice_ms: int) -> Cell:
    """Measures POST /checkout with more clients than can be served at once."""
    return _cell(load, origin, ROUTES[0], ("waybill",), customers, product, MANY_CLIENTS, rounds, slice_ms)


def _cell(load: Load, origin: str, route: Route, who: tuple[str, ...], customers: list[Customer], product: str,
          clients: int, rounds: int, slice_ms: int) -> Cell:
    targets = [{"name": name, "method": route.method, "status": 200 if name == "no-op" else route.status,
                "calls": [call(route, name, customer, product, origin) for customer in customers[:clients]]} for name in who]
    plan = {"clients": clients, "rounds": rounds, "slice_ms": slice_ms, "warm_up": max(3, 40 // clients), "targets": targets}
    measured = {}
    for target in load.run("requests", plan):
        times = target["times"] or {}
        measured[target["name"]] = {
            **times, "per_second": times.get("count", 0) / (target["asked_for"] / 1e6),
            "errors": target["errors"], "error_texts": target["error_texts"]}
    return Cell(route.name, clients, measured)


def _line(cell: Cell) -> str:
    return f"{cell.route}, {cell.clients} client{'s' if cell.clients > 1 else ''}: " + ", ".join(
        f"{who} {answer['p50'] / 1000:.1f} ms" if "p50" in answer else f"{who} only errors"
        for who, answer in cell.measured.items())


def errors(cells: list[Cell]) -> list[str]:
    """Returns the errors, a line for each cell and function."""
    return [f"{cell.route}, {cell.clients} clients, {who}: {answer['errors']} errors, such as {answer['error_texts'][0]}"
            for cell in cells for who, answer in cell.measured.items() if answer["errors"]]
