"""Counts what orders ask of AWS, function by function, from the first request to the last mail."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from api import Account, Api
from problem import Problem

ORDERS = 20
LIMIT_SECONDS = 60.0
QUIET_SECONDS = 3.0

# What runs by the clock, whether there are orders or not.
SCHEDULED = {"SweepReservations", "SettleRefunds", "ResumeCheckouts", "EndUnpaid"}

Calls = Counter[tuple[str, str, str]]


def count(api: Api, admin: dict[str, str], functions: dict[str, str], say: Callable[[str], None]) -> None:
    """`functions` are the deployed names by those of the template."""
    named = {deployed: logical for logical, deployed in functions.items()}
    shop, customer = api.log_in(admin["email"], admin["password"]), api.customer()
    mug = {"name": "Mug", "category": "Kitchen", "price": "12.50"}
    product = api.call("POST", "/api/v1/products", mug, token=shop.token).expect(201)
    stock = f"/api/v1/products/{product['id']}/inventory"
    _until("the product's stock", lambda: api.call("PUT", stock, {"quantity": 1000}, token=shop.token).status == 200)
    for method, what in [("pm_card_visa", "paid"), ("pm_card_chargeDeclined", "declined")]:
        _order(api, customer, product["id"], method)  # wakes the functions, which then read keys and secrets
        before = _quiet(api, named)
        for _ in range(ORDERS):
            _order(api, customer, product["id"], method)
        done = _quiet(api, named) - before
        say(f"calls of AWS for one order that is {what}, from POST /checkout to its mail ({ORDERS} orders):")
        say(f"  {'function':<24}{'service':<10}{'operation':<28}calls")
        for (function, service, operation), times in sorted(done.items()):
            say(f"  {function:<24}{service:<10}{operation:<28}{times / ORDERS:.2f}")
        say(f"  {'together':<62}{done.total() / ORDERS:.2f}")
    say("Five minutes later CaptureConfirmed reads each paid order's payment once more.")


def _order(api: Api, customer: Account, product: str, method: str) -> None:
    body = {"items": [{"product_id": product, "quantity": 1}], "payment_method": method}
    order = api.call("POST", "/api/v1/checkout", body, token=customer.token).expect(201)
    end = "paid" if method == "pm_card_visa" else "cancelled"
    path = f"/api/v1/orders/{order['id']}"
    _until(f"an order to be {end}", lambda: api.call("GET", path, token=customer.token).expect(200)["status"] == end)


def _until(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Problem(f"waited {LIMIT_SECONDS:.0f} s for {what}")
        time.sleep(0.05)


def _quiet(api: Api, named: dict[str, str]) -> Calls:
    """What was asked so far, once nothing more is asked for a while. Looking after an order does not count."""
    last, since = _read(api, named), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.2)
        now = _read(api, named)
        if now != last:
            last, since = now, time.monotonic()
    return last


def _read(api: Api, named: dict[str, str]) -> Calls:
    rows: list[Any] = api.call("GET", "/_waybill/calls").expect(200)
    return Counter({(named.get(function, function), service, operation): times
                    for function, service, operation, times in rows
                    if named.get(function, function) not in SCHEDULED | {"GetOrder", "Authorizer", "Health"}})
