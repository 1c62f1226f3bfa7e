"""`make chaos`: hundreds of orders while everything goes wrong that may, and an audit of what is left once it is quiet.

While buyers shop, functions are killed, batches are lost, repeated and late, calls of AWS are throttled, fail or are cut, mail and the
payment provider are away, and some messages fail however often they come. All of it follows from a seed (`engine/fault_plan.py`). Then the faults
stop, what is due by the clock is waited for, dead letters are sent back, and the auditor (`audit.py`) reads all tables.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from chaos import audit, reports, table_snapshot
from chaos.buyers import AT_ONCE, Market
from chaos.fault_proxy import FaultProxy
from chaos.listener import Listener
from chaos.violations import CheckResult, Shop, status
from engine import proxy
from engine import stack as engines
from engine.api import Account, Api
from engine.aws import Aws
from engine.deploy import STACK
from engine.fault_plan import Plan
from engine.problem import Problem
from engine.stack import Stack
from operations import dead_letters, tail

Say = Callable[[str], None]

# What ends by the clock ends soon enough to be waited for.
PARAMETERS = {"CircuitOrders": "100", "ReservationMinutes": "5", "UnpaidMinutes": "5", "CaptureCheckSeconds": "10"}

PLENTY, PRODUCTS = 100_000, 24
SCARCE = (6, 14, 25, 40)  # products that sell out

SHOPPING_LIMIT_SECONDS = 420.0
# An order whose checkout died waits for twice UnpaidMinutes; the schedule comes once a minute.
QUIET_LIMIT_SECONDS = 780.0
POISON_LIMIT_SECONDS = 330.0
DRAIN_LIMIT_SECONDS = 60.0
MAIL_OUTAGE_SECONDS = 25.0
POLL_SECONDS = 1.0

UNREADABLE = "{ this is no event"


@dataclass(frozen=True)
class Settings:
    """WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS and WAYBILL_PARAMETERS."""

    seed: int
    orders: int
    parameters: dict[str, str]


def settings_of_environment(parameters: dict[str, str]) -> Settings:
    """A seed of its own for each run that names none."""
    seed, orders = os.environ.get("WAYBILL_CHAOS_SEED") or str(secrets.randbelow(10**6)), os.environ.get("WAYBILL_CHAOS_ORDERS") or "500"
    if not seed.isdigit():
        raise Problem(f"WAYBILL_CHAOS_SEED has to be a number, not {seed}")
    if not orders.isdigit() or not 1 <= int(orders) <= 5000:
        raise Problem(f"WAYBILL_CHAOS_ORDERS has to be a number from 1 to 5000, not {orders}")
    return Settings(int(seed), int(orders), {**PARAMETERS, **parameters})


def run(root: Path, settings: Settings, bring_up: Callable[[Stack, dict[str, str]], None], say: Say, detail: Say) -> None:
    """Starts a stack of its own, shops, and audits; fails if anything does not hold. `bring_up` deploys and seeds a stack."""
    plan = Plan(settings.seed)
    say(f"chaos with seed {settings.seed}, {settings.orders} orders (WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS)")
    stack = Stack(engines.free_port(), root / ".local" / "chaos", fault_seed=settings.seed)
    if engines.running_pid(stack) is not None:
        raise Problem(f"another run is under way in {stack.state}")
    with proxy.running(FaultProxy(stack.port, plan)) as faults:
        stack = replace(stack, functions_endpoint=f"http://localhost:{faults.port}")
        try:
            bring_up(stack, settings.parameters)
            findings = Run(stack, faults, plan, say, detail).findings(settings.orders)
        except BaseException:
            detail(f"logs: {stack.function_log} and {stack.engine_log}")
            raise
        finally:
            engines.stop(stack)
    report(findings, detail)
    if broken := sum(len(finding.violations) for finding in findings):
        raise Problem(f"{broken} violations with seed {settings.seed}; logs: {stack.function_log} and {stack.engine_log}")
    say("nothing is lost, sold twice or charged twice")


def report(findings: list[CheckResult], say: Say) -> None:
    """What each check has seen, as a table, and every violation."""
    for finding in findings:
        say(f"{'ok  ' if not finding.violations else 'FAIL'} {finding.name}")
        for what, times in sorted(finding.counts.items()):
            say(f"       {what:<62}{times:>9}")
        for violation in finding.violations:
            say(f"     ! {violation}")


class Run:
    """One run on a stack that is up."""

    def __init__(self, stack: Stack, faults: FaultProxy, plan: Plan, say: Say, detail: Say) -> None:
        self.stack, self.faults, self.plan, self.say, self.detail = stack, faults, plan, say, detail
        self.api, self.aws = Api(stack.origin), Aws(stack.engine_url)
        self.outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        self.older_orders: set[str] = set()
        self.retried = 0
        self.queues: dict[str, str] = {name: url for name, url in self.outputs["queues"].items() if name.endswith("Queue")}

    def findings(self, orders: int) -> list[CheckResult]:
        """Shops, waits, and audits."""
        # Its five minutes are for a provider that is away for hours; a message that is lost is not to be waited for so long.
        self.aws.sqs.set_queue_attributes(QueueUrl=self.queues["CaptureConfirmedQueue"], Attributes={"VisibilityTimeout": "60"})
        self._drain()
        before = table_snapshot.read(self.aws, self.outputs["tables"])
        self.older_orders = set(before.logs)
        with tail.listening(self.aws, list(self.outputs["topics"].values())) as queue, Listener(self.aws, queue).listening() as listener:
            self.say(f"opening the shop; the plan of what goes wrong is {self.plan.digest(self.outputs['functions'])}")
            admin = self.api.admin(self.outputs["admin"])
            stock = self._stock(admin)
            buyers = [self.api.customer() for _ in range(AT_ONCE)]
            self._drain()
            market = Market(self.api, self.plan, admin, list(stock), orders)
            self._shop(market, buyers)
            dead = self._dead_letters_arrive()
            found_dead = audit.dead_letters(dead, self._poisoned(), "dead letters before they are sent back")
            self._send_back()
            self.say("waiting until it is quiet")
            self._quiet(self._log_in_admin(), listener)
            left = {queue.consumer: queue.count for queue in dead_letters.find(self.aws, STACK) if queue.count}
            self.say("auditing")
            tables = table_snapshot.read(self.aws, self.outputs["tables"])
            admin = self._log_in_admin()
            ours = [order for order in tables.logs if order not in self.older_orders]
            shop = Shop(tables=tables, accepted=market.accepted, unsure=market.unsure, older_orders=self.older_orders,
                        older_events=set(before.events), stock=stock, heard=listener.events, mails=self._inbox("GET", "/api/messages"),
                        shown={order: self._get(admin, f"/api/v1/orders/{order}?expand=timeline") for order in ours},
                        reports=reports.read(lambda path: self._get(admin, path), tables))
            return [self._what_happened(listener), market.finding(), found_dead,
                    audit.dead_letters(left, {}, "dead letters after they were sent back"), *audit.audit(shop)]

    def _stock(self, admin: Account) -> dict[str, int]:
        """New products, each with so many pieces."""
        stock: dict[str, int] = {}
        for index, pieces in enumerate([*[PLENTY] * PRODUCTS, *SCARCE]):
            body = {"name": f"Article {index}", "category": "Chaos", "price": f"{3 + index}.{10 + index}"}
            product = self.api.call("POST", "/api/v1/products", body, token=admin.token).expect(201)["id"]
            path = f"/api/v1/products/{product}/inventory"
            _until(DRAIN_LIMIT_SECONDS, "the stock of a new product", lambda: self.api.call(
                "PUT", path, {"quantity": pieces}, token=admin.token).status == 200)
            stock[product] = pieces
        return stock

    def _shop(self, market: Market, buyers: list[Account]) -> None:
        """Everybody shops while everything goes wrong; in the middle mail is away for a while."""
        self.aws.sqs.send_message(QueueUrl=self.queues["SettleOrderQueue"], MessageBody=UNREADABLE)
        self.say(f"{len(buyers)} buyers shop, and things go wrong")
        self._arm(True)
        begun = told = time.monotonic()
        outage: float | None = None
        threads = market.open(buyers)
        try:
            while any(thread.is_alive() for thread in threads):
                now, accepted = time.monotonic(), len(market.accepted)
                if now - begun > SHOPPING_LIMIT_SECONDS:
                    raise Problem(f"after {SHOPPING_LIMIT_SECONDS:.0f} s only {accepted} orders were placed")
                if now - told >= 15:
                    told = now
                    self.detail(f"{accepted} orders accepted, {self.faults.faults.total()} calls of AWS failed, "
                                f"{sum(self._mishaps()['happened'].values())} mishaps")
                if outage is None and accepted >= market.orders * 2 // 5:
                    outage = now
                    self._inbox("PUT", "/api/smtp", {"up": False})
                    self.detail("the mail server is away")
                if outage and now - outage > MAIL_OUTAGE_SECONDS:
                    outage = 0.0
                    self._inbox("PUT", "/api/smtp", {"up": True})
                    self.detail("the mail server is back")
                time.sleep(POLL_SECONDS / 4)
        finally:
            market.close()
            self._arm(False)
            self._inbox("PUT", "/api/smtp", {"up": True})
        self.say(f"the faults stop after {time.monotonic() - begun:.0f} s; {len(market.accepted)} orders were accepted")

    def _arm(self, armed: bool) -> None:
        self.faults.armed = armed
        self.api.call("PUT", "/_waybill/faults", {"armed": armed}).expect(200)

    def _mishaps(self) -> dict[str, Any]:
        return self.api.call("GET", "/_waybill/faults").expect(200)

    def _poisoned(self) -> dict[str, int]:
        """How many dead letters there should be, by consumer."""
        poisoned = Counter({function: len(ids) for function, ids in self._mishaps()["poisoned"].items()})
        poisoned["SettleOrder"] += 1  # the unreadable one
        return {consumer: count for consumer, count in poisoned.items() if count}

    def _dead_letters_arrive(self) -> dict[str, int]:
        """What is in the dead-letter queues, once all is there that was poisoned."""
        self.say("waiting for the poisoned messages to be given up")
        wanted, found = self._poisoned(), {}
        deadline = time.monotonic() + POISON_LIMIT_SECONDS
        while any(found.get(consumer, 0) < count for consumer, count in wanted.items()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            found = {queue.consumer: queue.count for queue in dead_letters.find(self.aws, STACK) if queue.count}
        return found

    def _send_back(self) -> None:
        """Drops what nobody can read, and has the rest tried again by consumers that are well."""
        self.api.call("PUT", "/_waybill/faults", {"healed": True}).expect(200)
        for queue in dead_letters.find(self.aws, STACK):
            if not queue.count:
                continue
            unreadable = [letter.message_id for letter in dead_letters.read(self.aws, queue) if letter.body == UNREADABLE]
            dropped = dead_letters.drop(self.aws, queue, unreadable) if unreadable else 0
            self.detail(f"{queue.consumer}: {dropped} dead letters dropped, {dead_letters.redrive(self.aws, queue)} sent back")

    def _quiet(self, admin: Account, listener: Listener) -> None:
        """Waits until nothing is left to do. What then is not done is for the audit to find."""
        deadline, told = time.monotonic() + QUIET_LIMIT_SECONDS, time.monotonic()
        last: tuple[int, int] | None = None
        while time.monotonic() < deadline:
            names = ("OrdersTable", "PaymentsTable", "InventoryTable")
            tables = table_snapshot.read(self.aws, {name: self.outputs["tables"][name] for name in names})
            pending = [order for order, log in tables.logs.items() if status(log) == "pending" and order not in self.older_orders]
            for order in tables.parked:  # as an operator would
                self.detail(f"order {order} is parked, and is retried")
                self.retried += self.api.call("POST", f"/api/v1/orders/{order}/retry", token=admin.token).status == 202
            waiting = {name: count for name, count in self._waiting().items() if count}
            open_parts = [order for order, parts in tables.parts.items() if any(part["status"] == "reserved" for part in parts)]
            executions = self._executions()
            if not (pending or executions or tables.parked or tables.unsettled or waiting or open_parts):
                now = (len(tables.events), listener.messages)
                if now == last:
                    break
                last = now
                time.sleep(3 * POLL_SECONDS)
                continue
            last = None
            if time.monotonic() - told >= 30:
                told = time.monotonic()
                self.detail(f"{len(pending)} orders pending, {executions} checkouts and {len(tables.unsettled)} refunds under way, "
                            f"{len(open_parts)} parts set aside, in queues {waiting or 0}")
            time.sleep(2 * POLL_SECONDS)

    def _executions(self) -> int:
        """How many checkouts are under way; of EXPRESS ones nobody can say."""
        machine = self.outputs["state_machine"]
        if self.aws.workflows.describe_state_machine(stateMachineArn=machine)["type"] == "EXPRESS":
            return 0
        return len(self.aws.workflows.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"])

    def _waiting(self) -> dict[str, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        waiting: dict[str, int] = {}
        for name, url in self.queues.items():
            attributes = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            waiting[name] = sum(int(attributes[each]) for each in names)
        return waiting

    def _drain(self) -> None:
        _until(DRAIN_LIMIT_SECONDS, "the queues to be empty", lambda: not any(self._waiting().values()))

    def _log_in_admin(self) -> Account:
        return self.api.log_in(self.outputs["admin"]["email"], self.outputs["admin"]["password"])

    def _get(self, admin: Account, path: str) -> Any:
        return self.api.call("GET", path, token=admin.token).expect(200)

    def _inbox(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.stack.inbox_url + path, data=content, method=method), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _what_happened(self, listener: Listener) -> CheckResult:
        """The faults that the plan had, and those that came about."""
        happened = Counter(self._mishaps()["happened"])
        for (service, fault), times in self.faults.faults.items():
            happened[f"call of {service} {fault.value}"] += times
        happened["calls of AWS"] = self.faults.calls.total()
        happened["messages heard, repetitions counted"] = listener.messages
        happened["parked orders retried"] = self.retried
        found = CheckResult(f"what went wrong, by plan {self.plan.digest(self.outputs['functions'])}", happened)
        for needed in ("function killed while it worked", "queue batch lost, to come again", "stream batch delayed"):
            found.unless(happened[needed] > 0, f"there was no {needed}: the run proves little")
        return found


def _until(limit: float, what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + limit
    while not done():
        if time.monotonic() > deadline:
            raise Problem(f"waited {limit:.0f} s for {what}")
        time.sleep(POLL_SECONDS / 10)
