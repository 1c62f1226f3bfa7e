"""Requests to the API, to bare Lambdas and to one that does nothing, in turn on one stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.load import Load, Say, calls
from benchmarks.rivals import ROUTES, Customer, Rivals, Route, call
from engine.api import Api
from engine.problem import Problem

CLIENTS = (1, 8, 32)
MANY_CLIENTS = 64
PYTHON_CLIENTS = (1, 8)  # more of its processes take longer to start than to measure
COUNTED = 10


@dataclass(frozen=True)
class Cell:
    """One route under so many clients, by who answers: quantiles in microseconds, requests a second, errors."""

    route: str
    clients: int
    measured: dict[str, dict[str, Any]]

    def ratio(self, quantile: str, to: str = "bare") -> float:
        """How many times as long the real function takes."""
        return self.measured["waybill"][quantile] / self.measured[to][quantile]

    def own_ratio(self) -> float:
        """As the ratio of the medians, after what a function that does nothing takes has been taken off both."""
        nothing = self.measured["no-op"]["p50"]
        return (self.measured["waybill"]["p50"] - nothing) / (self.measured["bare"]["p50"] - nothing)


def count(api: Api, rivals: Rivals, customer: Customer, product: str, say: Say) -> dict[str, dict[str, float]]:
    """What one request to each warm function asks of AWS. The bare one has to ask the same: else it would be no measure."""
    counted: dict[str, dict[str, float]] = {}
    for route in ROUTES:
        asked = {who: _asked(api, rivals.name(route, who), route, who, customer, product)
                 for who in ("waybill", *route.rivals)}
        for who in route.rivals:
            expected = {} if who == "no-op" else asked["waybill"]
            if asked[who] != expected:
                raise Problem(f"{route.name}: the {who} function asks {asked[who]} of AWS, and ours {asked['waybill']}")
        counted[route.name] = asked["waybill"]
        say(f"{route.name}: {' + '.join(f'{times:g} {what}' for what, times in asked['waybill'].items())}")
    return counted


def _asked(api: Api, function: str, route: Route, who: str, customer: Customer, product: str) -> dict[str, float]:
    asked = call(route, who, customer, product, api.origin)
    path = asked["url"].removeprefix(api.origin)

    def ask(times: int) -> None:
        for _ in range(times):
            api.call(route.method, path, asked["body"], headers=asked["headers"]).expect(route.status if who != "no-op" else 200)

    ask(2)  # reads what is kept from then on
    before = calls(api)
    ask(COUNTED)
    done = calls(api) - before
    return {f"{service} {operation}": times / COUNTED
            for (name, service, operation), times in sorted(done.items()) if name == function}


def measure(load: Load, origin: str, customers: list[Customer], product: str, rounds: int, slice_ms: int, say: Say) -> list[Cell]:
    """Each route under each number of clients, everybody who answers it in turn."""
    cells = []
    for route in ROUTES:
        for clients in CLIENTS:
            who = ("waybill", *(rival for rival in route.rivals if rival != "python" or clients in PYTHON_CLIENTS))
            cells.append(_cell(load, origin, route, who, customers, product, clients, rounds, slice_ms))
            say(_line(cells[-1]))
    return cells


def measure_many(load: Load, origin: str, customers: list[Customer], product: str, rounds: int, slice_ms: int) -> Cell:
    """POST /checkout under more clients than there is room for."""
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
            "errors": target["errors"], "told": target["told"]}
    return Cell(route.name, clients, measured)


def _line(cell: Cell) -> str:
    return f"{cell.route}, {cell.clients} client{'s' if cell.clients > 1 else ''}: " + ", ".join(
        f"{who} {answer['p50'] / 1000:.1f} ms" if "p50" in answer else f"{who} nothing but errors"
        for who, answer in cell.measured.items())


def errors(cells: list[Cell]) -> list[str]:
    """What went wrong, a line for each who answered wrongly."""
    return [f"{cell.route}, {cell.clients} clients, {who}: {answer['errors']} errors, such as {answer['told'][0]}"
            for cell in cells for who, answer in cell.measured.items() if answer["errors"]]
