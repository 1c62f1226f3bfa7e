"""The cost ledger: what orders use of AWS, metered call by call inside the engine, times the price list.

What is metered begins with POST /checkout and ends when nothing more happens. What runs by the clock, whether there are orders or not, and who
looks after an order, is left out; so is what the payment simulator keeps, for a real provider keeps its own books.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import sam
from engine.api import Account, Api
from engine.problem import Problem

HERE = Path(__file__).resolve().parent
PRICES, BUDGET = HERE / "prices.json", HERE / "budget.json"

LIMIT_SECONDS = 120.0
QUIET_SECONDS = 4.0  # longer than any batching window

# Lambda ends the line of a log with so many bytes of its own, says CloudWatch.
LINE_BYTES = 26

# Of active tracing, beside one request a second. A trace is billed once: what a traced workflow invokes follows its decision and is in its trace
# (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).
TRACED = 0.05

# What makes sure of a capture does so while it is metered; and batches are those of the template.
PARAMETERS = {"CaptureCheckSeconds": "2", "BatchingSeconds": "1"}

# Who looks, and who is asked whatever happens.
BYSTANDERS = {"GetOrder", "Health"}

# How Lambda looks into an idle queue: five at once, twenty seconds each.
IDLE_RECEIVES = 5 * 3 * 60 * 24 * 30

Say = Callable[[str], None]
Usage = Counter[tuple[str, str]]  # by function, and what of


@dataclass(frozen=True)
class Load:
    """How orders are placed."""

    name: str
    buyers: int
    orders: int  # of each buyer
    with_mail: bool


# The first is the dearest way to place orders: nothing is shared between them.
LOADS = (Load("one by one", 1, 20, with_mail=False), Load("16 at once", 16, 10, with_mail=False),
         Load("one by one, with mails", 1, 20, with_mail=True))


@dataclass(frozen=True)
class Ledger:
    """What one order of a load uses, and what that costs."""

    load: Load
    usage: Usage

    def by_item(self) -> Counter[str]:
        """How much of each thing."""
        items: Counter[str] = Counter()
        for (_, item), amount in self.usage.items():
            items[item] += amount
        return items

    def dollars(self, prices: dict[str, float], workflow: str) -> dict[str, float]:
        """By service, for a million orders with one type of workflow."""
        services: Counter[str] = Counter()
        for item, amount in self.by_item().items():
            if not item.startswith("states") or workflow in item:
                services[item.split()[0]] += amount * prices[item]
        return dict(services)


class Meter:
    """Reads the engine's meter and the functions' log."""

    def __init__(self, api: Api, functions: dict[str, str], log: Path, template: sam.Template) -> None:
        self._api, self._log = api, log
        self._logical = {deployed: logical for logical, deployed in functions.items()}
        resources = {name: each["Properties"] for name, each in template["Resources"].items()
                     if each["Type"] == "AWS::Serverless::Function"}
        shared = template["Globals"]["Function"]["MemorySize"]
        events = {name: {event["Type"] for event in function.get("Events", {}).values()} for name, function in resources.items()}
        self._gigabytes = {name: function.get("MemorySize", shared) / 1024 for name, function in resources.items()}
        self._by_http = {name for name, types in events.items() if "HttpApi" in types}
        self._in_traces_of_workflows = set(_invoked_by_traced_workflows(template))
        self._left_out = BYSTANDERS | {name for name, types in events.items() if "Schedule" in types}

    def used(self, act: Callable[[], None]) -> Usage:
        """What `act` has used, once nothing more happens."""
        before, read = self._quiet(), self._log.stat().st_size
        act()
        used = self._quiet() - before
        bill: Usage = Counter()
        for (function, service, what), amount in used.items():
            self._enter(bill, function, f"{service} {what}", amount)
        with self._log.open("rb") as log:
            log.seek(read)
            for line in log:
                name, _, text = line.partition(b"\t")
                if (function := self._logical.get(name.decode(), "")) not in self._left_out:
                    bill[function, "logs GB"] += (len(text) + LINE_BYTES) / 1e9  # type: ignore[assignment]
        return bill

    def _enter(self, bill: Usage, function: str, what: str, amount: float) -> None:
        """One reading of the meter as the items of the bill."""
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
                pass  # to start an execution is part of its price
            case "sns calls" | "kms calls":
                bill[function, f"{what.split()[0]} requests"] += amount
            case "ses calls":
                bill[function, "ses mails"] += amount
            case "dynamodb write units" | "dynamodb read units":
                bill[function, what] += amount
            case "simulator units":
                pass
            case _:
                raise Problem(f"the ledger does not know what {what} costs; see tools/cost/cost_report.py and prices.json")

    def _quiet(self) -> Counter[tuple[str, str, str]]:
        """The meter, once it stands still."""
        last, since, begun = self._read(), time.monotonic(), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            if time.monotonic() > begun + LIMIT_SECONDS:
                raise Problem(f"something still happens on the stack after {LIMIT_SECONDS:.0f} s")
            time.sleep(0.2)
            if (now := self._read()) != last:
                last, since = now, time.monotonic()
        return last

    def _read(self) -> Counter[tuple[str, str, str]]:
        rows: list[Any] = self._api.call("GET", "/_waybill/meter").expect(200)
        named = ((self._logical.get(function, function), service, what, amount) for function, service, what, amount in rows)
        return Counter({(function, service, what): amount for function, service, what, amount in named
                        if function not in self._left_out})


def _invoked_by_traced_workflows(template: sam.Template) -> Iterator[str]:
    """The functions that are tasks of a workflow with active tracing."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine" and resource["Properties"].get("Tracing", {}).get("Enabled") is True:
            for target in resource["Properties"]["DefinitionSubstitutions"].values():
                yield target["Fn::GetAtt"][0]


class Shop:
    """A product that does not run out, and its buyers."""

    def __init__(self, api: Api, admin: dict[str, str]) -> None:
        self._api = api
        owner = api.log_in(admin["email"], admin["password"])
        mug = {"name": "Mug", "category": "Kitchen", "price": "12.50"}
        self._product = api.call("POST", "/api/v1/products", mug, token=owner.token).expect(201)["id"]
        stock = f"/api/v1/products/{self._product}/inventory"
        _until("the product's stock", lambda: api.call("PUT", stock, {"quantity": 100_000}, token=owner.token).status == 200)

    def place(self, load: Load) -> Callable[[], None]:
        """Makes the buyers; what then has them place their orders, each when its last is paid."""
        buyers = [self._buyer(load.with_mail) for _ in range(load.buyers)]

        def place() -> None:
            with ThreadPoolExecutor(load.buyers) as pool:
                list(pool.map(lambda buyer: [self._order(buyer) for _ in range(load.orders)], buyers))
        self._order(buyers[0])  # wakes the functions, which then read keys and secrets
        return place

    def _buyer(self, with_mail: bool) -> Account:
        buyer = self._api.customer()
        if not with_mail:
            none = {event: {"email": False} for event in ("order_placed", "order_confirmed")}
            path = "/api/v1/notifications/preferences"
            _until("the buyer's choice", lambda: self._api.call("PUT", path, {"events": none}, token=buyer.token).status == 200)
        return buyer

    def _order(self, buyer: Account) -> None:
        body = {"items": [{"product_id": self._product, "quantity": 1}], "payment_method": "pm_card_visa"}
        ordered = lambda: self._api.call("POST", "/api/v1/checkout", body, token=buyer.token)
        order: Any = None

        def placed() -> bool:
            nonlocal order
            answer = ordered()
            order = answer.json()
            return answer.status == 201  # orders hears of a new customer a moment later
        _until("an order", placed)
        path = f"/api/v1/orders/{order['id']}"
        _until("an order to be paid", lambda: self._api.call("GET", path, token=buyer.token).expect(200)["status"] == "paid")


def measure(api: Api, admin: dict[str, str], functions: dict[str, str], log: Path, template: sam.Template,
            loads: tuple[Load, ...], say: Say) -> list[Ledger]:
    """Places orders on a stack where nothing else happens; what one of each load uses."""
    meter, shop, ledgers = Meter(api, functions, log, template), Shop(api, admin), []
    for load in loads:
        say(f"{load.buyers * load.orders} orders, {load.name}")
        place = shop.place(load)
        used = meter.used(place)
        one: Usage = Counter()
        for entry, amount in used.items():
            one[entry] = amount / (load.buyers * load.orders)  # type: ignore[assignment]
        if load.buyers > 1:
            _take_times(one, ledgers[0].usage)
        ledgers.append(Ledger(load, one))
    return ledgers


def _take_times(usage: Usage, quiet: Usage) -> None:
    """Puts the times of a quiet laptop in place of those of a busy one, where functions wait for the engine and not for AWS. They are
    an order's with as many invocations as there are one by one, so rather too long."""
    for entry in [entry for entry in usage if entry[1].endswith("GB-seconds")]:
        del usage[entry]
    usage.update({entry: amount for entry, amount in quiet.items() if entry[1].endswith("GB-seconds")})


def prices() -> dict[str, float]:
    """What each item costs, in dollars for a million."""
    return {item: price["per_million"] for item, price in json.loads(PRICES.read_text(encoding="utf-8"))["prices"].items()}


def standing(template: sam.Template) -> dict[str, float]:
    """What a stack costs a month that nobody uses, by what of."""
    price, kinds = prices(), Counter(resource["Type"] for resource in template["Resources"].values())
    events = [event["Type"] for resource in template["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"
              for event in resource["Properties"].get("Events", {}).values()]
    minutes = 60 * 24 * 30
    return {
        "SQS, looking into idle queues": events.count("SQS") * IDLE_RECEIVES * price["sqs requests"] / 1e6,
        "alarms": kinds["AWS::CloudWatch::Alarm"] * price["cloudwatch alarms"] / 1e6,
        "KMS keys": price["kms keys"] / 1e6,  # one signs; a second only while keys are exchanged
        "secrets": kinds["AWS::SecretsManager::Secret"] * price["secretsmanager secrets"] / 1e6,
        "schedules": events.count("Schedule") * minutes * price["lambda requests"] / 1e6,
    }


def lines(ledgers: list[Ledger], template: sam.Template) -> Iterator[str]:
    """The ledger, as tables."""
    listed, price = json.loads(PRICES.read_text(encoding="utf-8")), prices()
    yield f"\nCost: what one order uses (prices of {listed['region']}, read on {listed['read_on']})"
    yield f"  {'':<30}" + "".join(f"{ledger.load.name:>24}" for ledger in ledgers)
    for item in sorted({item for ledger in ledgers for item in ledger.by_item()}):
        yield f"  {item:<30}" + "".join(f"{ledger.by_item()[item]:>24.6f}" for ledger in ledgers)
    for workflow in ("Express", "Standard"):
        yield f"  dollars for a million orders, {workflow} workflows"
        bills = [ledger.dollars(price, workflow) for ledger in ledgers]
        for service in sorted({service for bill in bills for service in bill}):
            yield f"    {service:<28}" + "".join(f"{bill.get(service, 0.0):>24.2f}" for bill in bills)
        yield f"    {'together':<28}" + "".join(f"{sum(bill.values()):>24.2f}" for bill in bills)
    first = ledgers[0]
    yield f"  by function, dollars for a million orders, {first.load.name}, Express workflows"
    functions: Counter[str] = Counter()
    for (function, item), amount in first.usage.items():
        if "Standard" not in item:
            functions[function or "the workflow"] += amount * price[item]  # type: ignore[assignment]
    for function, dollars in functions.most_common():
        yield f"    {function:<28}{dollars:>24.2f}"
    months = standing(template)
    yield (f"  a stack that nobody uses, dollars a month: {sum(months.values()):.2f} (" +
           ", ".join(f"{what} {dollars:.2f}" for what, dollars in months.items()) + ")")


def as_json(ledgers: list[Ledger]) -> dict[str, Any]:
    """The ledger, for a file."""
    listed, price = json.loads(PRICES.read_text(encoding="utf-8")), prices()
    return {"prices": {name: listed[name] for name in ("region", "read_on", "currency")},
            "loads": {ledger.load.name: {
                "usage": dict(ledger.by_item()),
                "dollars_per_million": {workflow: ledger.dollars(price, workflow) for workflow in ("Express", "Standard")}}
                for ledger in ledgers}}


def check_budget(ledger: Ledger) -> None:
    """Fails if an order uses more of anything than the budget has for it."""
    budget: dict[str, float] = json.loads(BUDGET.read_text(encoding="utf-8"))
    over = []
    for item, limit in budget.items():
        if ledger.by_item()[item] > limit:
            users = sorted(((amount, function) for (function, of), amount in ledger.usage.items() if of == item), reverse=True)
            most = ", ".join(f"{function} {amount:.4g}" for amount, function in users)
            over.append(f"{item}: {ledger.by_item()[item]:.4g} of {limit:.4g} ({most})")
    if over:
        raise Problem("an order has become dearer than tools/cost/budget.json has it:\n  " + "\n  ".join(over))


def _until(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Problem(f"waited {LIMIT_SECONDS:.0f} s for {what}")
        time.sleep(0.05)
