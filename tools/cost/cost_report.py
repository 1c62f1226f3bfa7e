"""The cost report: the AWS usage of orders, which the engine meters, multiplied by the price list.

Metering begins with POST /checkout and ends when all processing has ended. It leaves out scheduled functions, which run whether there
are orders or not, requests that only read an order, and the ledger of the payment simulator, because a real provider has its own.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import templates
from engine.api import Account, Api
from engine.problem import Problem
from engine.wait import wait_until, wait_until_still

HERE = Path(__file__).resolve().parent
PRICES, BUDGET = HERE / "prices.json", HERE / "budget.json"

QUIET_SECONDS = 4.0  # longer than any batching window

# The number of bytes that CloudWatch adds to the size of each log line.
LINE_BYTES = 26

# The share of requests that active tracing traces, besides one a second. A trace is billed once: a function that a traced workflow
# invokes follows the workflow's decision and belongs to its trace (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).
TRACED = 0.05

# The delayed check of captures runs during the metering, and batches are those of the template.
PARAMETERS = {"CaptureCheckSeconds": "2", "BatchingSeconds": "1"}

# Functions that only read, or that run regardless of orders.
BYSTANDERS = {"GetOrder", "Health"}

# The requests for one idle queue in a month: Lambda polls it with five receives at once, of twenty seconds each.
IDLE_RECEIVES = 5 * 3 * 60 * 24 * 30

Say = Callable[[str], None]
Usage = dict[tuple[str, str], float]  # by function and item
Bill = defaultdict[tuple[str, str], float]


@dataclass(frozen=True)
class Load:
    """A load: how many buyers place how many orders."""

    name: str
    buyers: int
    orders: int  # of each buyer
    with_mail: bool


# The first is the most expensive way to place orders: they share nothing.
LOADS = (Load("one by one", 1, 20, with_mail=False), Load("16 at once", 16, 10, with_mail=False),
         Load("one by one, with mails", 1, 20, with_mail=True))


@dataclass(frozen=True)
class OrderCost:
    """The usage of one order of a load, and its cost."""

    load: Load
    usage: Usage

    def by_item(self) -> dict[str, float]:
        """Returns the amount of each item."""
        items: dict[str, float] = defaultdict(float)
        for (_, item), amount in self.usage.items():
            items[item] += amount
        return items

    def dollars(self, prices: dict[str, float], workflow: str) -> dict[str, float]:
        """Returns the cost of a million orders with one type of workflow, by service."""
        services: dict[str, float] = defaultdict(float)
        for item, amount in self.by_item().items():
            if not item.startswith("states") or workflow in item:
                services[item.split()[0]] += amount * prices[item]
        return dict(services)



class Meter:
    """Reads the engine's meter and the functions' log."""

    def __init__(self, api: Api, functions: dict[str, str], log: Path, template: templates.Template) -> None:
        self._api, self._log = api, log
        self._logical = {deployed: logical for logical, deployed in functions.items()}
        resources = {name: each["Properties"] for name, each in template["Resources"].items()
                     if each["Type"] == "AWS::Serverless::Function"}
        shared = template["Globals"]["Function"]["MemorySize"]
        events = {name: {event["Type"] for event in function.get("Events", {}).values()} for name, function in resources.items()}
        self._gigabytes = {name: function.get("MemorySize", shared) / 1024 for name, function in resources.items()}
        self._by_http = set(templates.routes_of(template))
        self._in_traces_of_workflows = set(_invoked_by_traced_workflows(template))
        self._left_out = BYSTANDERS | {name for name, types in events.items() if "Schedule" in types}

    def used(self, act: Callable[[], None]) -> Usage:
        """Returns the usage of `act`, until all processing has ended."""
        before, read = self._quiet(), self._log.stat().st_size
        act()
        used = self._quiet() - before
        bill = Bill(float)
        for (function, service, what), amount in used.items():
            self._enter(bill, function, f"{service} {what}", amount)
        with self._log.open("rb") as log:
            log.seek(read)
            for line in log:
                name, _, text = line.partition(b"\t")
                if (function := name.decode()) in self._gigabytes and function not in self._left_out:
                    bill[function, "logs GB"] += (len(text) + LINE_BYTES) / 1e9
        return bill

    def _enter(self, bill: Bill, function: str, what: str, amount: float) -> None:
        """Adds one reading of the meter to the items of a bill."""
        match what:
            case "lambda requests":
                bill[function, what] += amount
                if function not in self._in_traces_of_workflows:
                    bill[function, "xray traces"] += TRACED * amount
                if function in self._by_http:
                    bill[function, "apigateway requests"] += amount
            case "lambda milliseconds":
                bill[function, "lambda GB-seconds"] += amount / 1000 * self._gigabytes[function]
            case "sqs sent" | "sqs batches received" | "sqs batches deleted" | "sqs calls":
                bill[function, "sqs requests"] += amount
            case "states transitions":
                bill[function, "states Standard transitions"] += amount
            case "states executions":
                bill[function, "states Express executions"] += amount
                bill[function, "xray traces"] += TRACED * amount
            case "states milliseconds":
                bill[function, "states Express GB-seconds"] += amount / 1000 * 64 / 1024
            case "states calls":
                pass  # the start of an execution is part of its price
            case "sns calls" | "kms calls":
                bill[function, f"{what.partition(' ')[0]} requests"] += amount
            case "ses calls":
                bill[function, "ses mails"] += amount
            case "dynamodb write units" | "dynamodb read units":
                bill[function, what] += amount
            case "simulator units":
                pass
            case _:
                raise Problem(f"the cost report has no price for {what}; see tools/cost/cost_report.py and prices.json")

    def _quiet(self) -> Counter[tuple[str, str, str]]:
        """Returns the meter's reading when it no longer changes."""
        return wait_until_still(self._read, "the stack to be quiet", still_seconds=QUIET_SECONDS)

    def _read(self) -> Counter[tuple[str, str, str]]:
        rows: list[Any] = self._api.call("GET", "/_waybill/meter").expect(200)
        named = ((self._logical.get(function, function), service, what, amount) for function, service, what, amount in rows)
        return Counter({(function, service, what): amount for function, service, what, amount in named
                        if function not in self._left_out})


def _invoked_by_traced_workflows(template: templates.Template) -> Iterator[str]:
    """Yields the functions that are tasks of a workflow with active tracing."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine" and resource["Properties"].get("Tracing", {}).get("Enabled") is True:
            for target in resource["Properties"]["DefinitionSubstitutions"].values():
                yield target["Fn::GetAtt"][0]


class Shop:
    """A product that does not sell out, and its buyers."""

    def __init__(self, api: Api, admin: dict[str, str]) -> None:
        self._api = api
        owner = api.log_in(admin["email"], admin["password"])
        mug = {"name": "Mug", "category": "Kitchen", "price": "12.50"}
        self._product = api.call("POST", "/api/v1/products", mug, token=owner.token).expect(201)["id"]
        stock = f"/api/v1/products/{self._product}/inventory"
        wait_until(lambda: api.call("PUT", stock, {"quantity": 100_000}, token=owner.token).status, "the product's stock", done=_is_ok)

    def place(self, load: Load) -> Callable[[], None]:
        """Registers the buyers, and returns a function with which they place their orders, each after the last one is paid."""
        buyers = [self._buyer(load.with_mail) for _ in range(load.buyers)]

        def order_all(buyer: Account) -> None:
            for _ in range(load.orders):
                self._order(buyer)

        def place() -> None:
            with ThreadPoolExecutor(load.buyers) as pool:
                list(pool.map(order_all, buyers))

        self._order(buyers[0])  # starts the functions, which read keys and secrets at first
        return place

    def _buyer(self, with_mail: bool) -> Account:
        buyer = self._api.customer()
        if not with_mail:
            none = {event: {"email": False} for event in ("order_placed", "order_confirmed")}
            path = "/api/v1/notifications/preferences"
            wait_until(lambda: self._api.call("PUT", path, {"events": none}, token=buyer.token).status, "a buyer's preferences",
                       done=_is_ok)
        return buyer

    def _order(self, buyer: Account) -> None:
        body = {"items": [{"product_id": self._product, "quantity": 1}], "payment_method": "pm_card_visa"}
        # The orders context has its replica of a new customer only a moment later.
        placed = wait_until(lambda: self._api.call("POST", "/api/v1/checkout", body, token=buyer.token), "an order to be accepted",
                            done=lambda answer: answer.status == 201, progress=lambda answer: answer.status)
        path = f"/api/v1/orders/{placed.json()['id']}"
        wait_until(lambda: self._api.call("GET", path, token=buyer.token).expect(200)["status"], f"order {path} to be paid",
                   done=lambda status: status == "paid")


def measure(api: Api, admin: dict[str, str], functions: dict[str, str], log: Path, template: templates.Template,
            loads: tuple[Load, ...], say: Say) -> list[OrderCost]:
    """Places the orders of each load on a stack without other activity, and meters them."""
    meter, shop = Meter(api, functions, log, template), Shop(api, admin)
    costs: list[OrderCost] = []
    for load in loads:
        say(f"{load.buyers * load.orders} orders, {load.name}")
        place = shop.place(load)
        one = {entry: amount / (load.buyers * load.orders) for entry, amount in meter.used(place).items()}
        if load.buyers > 1:
            _take_times(one, costs[0].usage)
        costs.append(OrderCost(load, one))
    return costs


def _take_times(usage: Usage, quiet: Usage) -> None:
    """Replaces durations under load, during which functions wait for the local engine, by those of orders that are placed one by one.

    Orders that are placed one by one cause more invocations each, so the new durations are rather too long.
    """
    for entry in [entry for entry in usage if entry[1].endswith("GB-seconds")]:
        del usage[entry]
    usage.update({entry: amount for entry, amount in quiet.items() if entry[1].endswith("GB-seconds")})


def prices() -> dict[str, float]:
    """Returns the price of each item, in dollars for a million."""
    return {item: price["per_million"] for item, price in json.loads(PRICES.read_text(encoding="utf-8"))["prices"].items()}


def standing(template: templates.Template) -> dict[str, float]:
    """Returns the monthly cost of an idle stack, by cause."""
    price, kinds = prices(), Counter(resource["Type"] for resource in template["Resources"].values())
    events = [event["Type"] for resource in template["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"
              for event in resource["Properties"].get("Events", {}).values()]
    minutes = 60 * 24 * 30
    return {
        "SQS, polling idle queues": events.count("SQS") * IDLE_RECEIVES * price["sqs requests"] / 1e6,
        "alarms": kinds["AWS::CloudWatch::Alarm"] * price["cloudwatch alarms"] / 1e6,
        "KMS keys": price["kms keys"] / 1e6,  # one signing key; there is a second one only during a rotation
        "secrets": kinds["AWS::SecretsManager::Secret"] * price["secretsmanager secrets"] / 1e6,
        "schedules": events.count("Schedule") * minutes * price["lambda requests"] / 1e6,
    }


def lines(costs: list[OrderCost], template: templates.Template) -> Iterator[str]:
    """Yields the report as tables."""
    listed, price = json.loads(PRICES.read_text(encoding="utf-8")), prices()
    yield f"\nCost: usage of one order (prices of {listed['region']}, read on {listed['read_on']})"
    yield f"  {'':<30}" + "".join(f"{cost.load.name:>24}" for cost in costs)
    for item in sorted({item for cost in costs for item in cost.by_item()}):
        yield f"  {item:<30}" + "".join(f"{cost.by_item().get(item, 0.0):>24.6f}" for cost in costs)
    for workflow in ("Express", "Standard"):
        yield f"  dollars for a million orders, {workflow} workflows"
        bills = [cost.dollars(price, workflow) for cost in costs]
        for service in sorted({service for bill in bills for service in bill}):
            yield f"    {service:<28}" + "".join(f"{bill.get(service, 0.0):>24.2f}" for bill in bills)
        yield f"    {'total':<28}" + "".join(f"{sum(bill.values()):>24.2f}" for bill in bills)
    first = costs[0]
    yield f"  by function, dollars for a million orders, {first.load.name}, Express workflows"
    functions: dict[str, float] = defaultdict(float)
    for (function, item), amount in first.usage.items():
        if "Standard" not in item:
            functions[function or "the workflow"] += amount * price[item]
    for function, dollars in sorted(functions.items(), key=lambda entry: entry[1], reverse=True):
        yield f"    {function:<28}{dollars:>24.2f}"
    months = standing(template)
    yield (f"  an idle stack, dollars a month: {sum(months.values()):.2f} (" +
           ", ".join(f"{what} {dollars:.2f}" for what, dollars in months.items()) + ")")


def as_json(costs: list[OrderCost]) -> dict[str, Any]:
    """Returns the report as JSON."""
    listed, price = json.loads(PRICES.read_text(encoding="utf-8")), prices()
    return {"prices": {name: listed[name] for name in ("region", "read_on", "currency")},
            "loads": {cost.load.name: {
                "usage": dict(cost.by_item()),
                "dollars_per_million": {workflow: cost.dollars(price, workflow) for workflow in ("Express", "Standard")}}
                for cost in costs}}


def check_budget(cost: OrderCost) -> None:
    """Fails if an order uses more of an item than the budget allows."""
    budget: dict[str, float] = json.loads(BUDGET.read_text(encoding="utf-8"))
    over = []
    for item, limit in budget.items():
        used = cost.by_item().get(item, 0.0)
        if used > limit:
            users = sorted(((amount, function) for (function, of), amount in cost.usage.items() if of == item), reverse=True)
            largest_first = ", ".join(f"{function} {amount:.4g}" for amount, function in users)
            over.append(f"{item}: {used:.4g} of {limit:.4g} ({largest_first})")
    if over:
        raise Problem("an order uses more than tools/cost/budget.json allows:\n  " + "\n  ".join(over))


def _is_ok(status: int) -> bool:
    return status == 200
