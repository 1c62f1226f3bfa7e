"""`make chaos`: places hundreds of orders while faults are injected, and audits all tables when no work is left.

While buyers place orders, functions are killed, batches are lost, repeated and delayed, calls to AWS are throttled, fail or are cut,
mail and the payment provider are down, and some messages fail at every delivery. All faults follow from a seed (`engine/fault_plan.py`).
Then the faults stop, dead letters are redriven, the run waits for scheduled work, and the audit (`audit.py`) reads all tables.
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
from typing import Any, TypedDict
from urllib.request import Request, urlopen

from chaos import audit, reports, table_snapshot
from chaos.buyers import AT_ONCE, EARLY, Market
from chaos.event_recorder import EventRecorder
from chaos.fault_proxy import FaultProxy
from chaos.violations import CheckResult, Shop, status
from engine import engines, proxy
from engine.api import Account, Api
from engine.aws import Aws
from engine.deploy import STACK
from engine.fault_plan import DeliveryFault, Plan
from engine.problem import Problem
from engine.stack import Stack, free_port
from engine.wait import MAX_CHANGES, STALLED_SECONDS, Progress, wait_until
from operations import dead_letters, tail

Say = Callable[[str], None]

# Schedules end orders soon enough to wait for them.
PARAMETERS = {"CircuitOrders": "100", "ReservationMinutes": "5", "UnpaidMinutes": "5", "CaptureCheckSeconds": "10"}

PLENTY, PRODUCTS = 100_000, 24
SCARCE = (6, 14, 25, 40)  # products that sell out

# A schedule ends an order whose checkout died after twice UnpaidMinutes. A correct run may have no progress for that long.
UNPAID_SECONDS = 600.0
# The maximum number of retries of a parked order. After them, the audit reports it.
MAX_RETRIES = 5
# A buyer repeats a request that has no answer after this time.
ANSWER_LIMIT_SECONDS = 30.0
MAIL_OUTAGE_SECONDS = 25.0
POLL_SECONDS = 1.0

UNREADABLE = "{ this is no event"


@dataclass(frozen=True)
class Settings:
    """The settings of a run: WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS and WAYBILL_PARAMETERS."""

    seed: int
    orders: int
    parameters: dict[str, str]


class EngineFaults(TypedDict):
    """The engine's report on its faults: how often each was injected, and the poisoned messages by consumer."""

    happened: dict[str, int]
    poisoned: dict[str, list[str]]


def settings_of_environment(parameters: dict[str, str]) -> Settings:
    """Reads the settings. A run without a seed gets a random one."""
    seed, orders = os.environ.get("WAYBILL_CHAOS_SEED") or str(secrets.randbelow(10**6)), os.environ.get("WAYBILL_CHAOS_ORDERS") or "500"
    if not seed.isdigit():
        raise Problem(f"WAYBILL_CHAOS_SEED has to be a number, not {seed}")
    if not orders.isdigit() or not 1 <= int(orders) <= 5000:
        raise Problem(f"WAYBILL_CHAOS_ORDERS has to be a number from 1 to 5000, not {orders}")
    return Settings(int(seed), int(orders), {**PARAMETERS, **parameters})


def run(root: Path, settings: Settings, bring_up: Callable[[Stack, dict[str, str]], None], say: Say, detail: Say) -> None:
    """Places orders on a new stack and audits it. Fails if there are violations. `bring_up` deploys and seeds a stack."""
    plan = Plan(settings.seed)
    say(f"chaos with seed {settings.seed}, {settings.orders} orders (WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS)")
    stack = Stack(free_port(), root / ".local" / "chaos", fault_seed=settings.seed)
    if engines.is_running(stack):
        raise Problem(f"another run uses {stack.state}")
    with proxy.running(FaultProxy(stack.port, plan)) as faults:
        stack = replace(stack, functions_endpoint=f"http://localhost:{faults.port}")
        try:
            bring_up(stack, settings.parameters)
            results = Run(stack, plan, say, detail, faults).results(settings.orders)
        except BaseException:
            detail(f"logs: {stack.function_log} and {stack.engine_log}")
            raise
        finally:
            engines.stop(stack)
    _conclude(results, stack, settings.seed, say, detail)


def run_without_faults(stack: Stack, seed: int, orders: int, say: Say, detail: Say) -> None:
    """Places orders on a stack that is up, on any engine, and audits it. Fails if there are violations."""
    _conclude(Run(stack, Plan(seed), say, detail).results(orders), stack, seed, say, detail)


def _conclude(results: list[CheckResult], stack: Stack, seed: int, say: Say, detail: Say) -> None:
    audit_report(results, detail)
    if violations := sum(len(result.violations) for result in results):
        raise Problem(f"{violations} violations with seed {seed}; logs: {stack.function_log} and {stack.engine_log}")
    say("no order was lost, sold twice or charged twice")


def audit_report(results: list[CheckResult], say: Say) -> None:
    """Prints the counts and the violations of each check."""
    for result in results:
        say(f"{'ok  ' if not result.violations else 'FAIL'} {result.name}")
        for what, times in sorted(result.counts.items()):
            say(f"       {what:<62}{times:>9}")
        for violation in result.violations:
            say(f"     ! {violation}")


class Run:
    """One run on a stack that is up. Without `faults`, nothing is injected."""

    def __init__(self, stack: Stack, plan: Plan, say: Say, detail: Say, faults: FaultProxy | None = None) -> None:
        self.stack, self.plan, self.say, self.detail, self.faults = stack, plan, say, detail, faults
        self.api, self.aws = Api(stack.origin), Aws(stack.engine_url)
        self.outputs = json.loads(stack.outputs.read_text(encoding="utf-8"))
        self.older_orders: set[str] = set()
        self.retried: Counter[str] = Counter()
        self.queues: dict[str, str] = {name: url for name, url in self.outputs["queues"].items() if name.endswith("Queue")}

    def results(self, orders: int) -> list[CheckResult]:
        """Runs the buyers, waits for all work to end, and audits."""
        # The template's visibility timeout of five minutes is for outages of the provider. The run would wait as long for a lost message.
        self.aws.sqs.set_queue_attributes(QueueUrl=self.queues["CaptureConfirmedQueue"], Attributes={"VisibilityTimeout": "60"})
        self._drain()
        before = table_snapshot.read(self.aws, self.outputs["tables"])
        self.older_orders = set(before.logs)
        topics = list(self.outputs["topics"].values())
        with tail.listening(self.aws, topics) as queue, EventRecorder(self.aws, queue).recording() as recorder:
            plan = f"; the fault plan has the digest {self.plan.digest(self.outputs['functions'])}" if self.faults else ""
            self.say(f"preparing products and buyers{plan}")
            admin = self.api.admin(self.outputs["admin"])
            stock = self._stock(admin)
            buyers = [self.api.customer() for _ in range(AT_ONCE)]
            self._drain()
            market = Market(Api(self.stack.origin, answer_limit=ANSWER_LIMIT_SECONDS), self.plan, admin, list(stock), orders,
                            early=EARLY if self.faults else 0)
            self._shop(market, buyers)
            injected = self._redrive_dead_letters() if self.faults else []
            self.say("waiting until all orders have ended")
            self._wait_for_quiet(self._log_in_admin(), recorder)
            left = {queue.consumer: queue.count for queue in dead_letters.find(self.aws, STACK) if queue.count}
            self.say("auditing")
            tables = table_snapshot.read(self.aws, self.outputs["tables"])
            admin = self._log_in_admin()
            ours = [order for order in tables.logs if order not in self.older_orders]
            shop = Shop(tables=tables, accepted=market.accepted, unsure=market.unsure, older_orders=self.older_orders,
                        older_events=set(before.events), stock=stock, received=recorder.events, mails=self._inbox("GET", "/api/messages"),
                        shown={order: self._get(admin, f"/api/v1/orders/{order}?expand=timeline") for order in ours},
                        reports=reports.read(lambda path: self._get(admin, path), tables))
            if self.faults:
                injected.append(self._injected(self.faults, recorder))
            return [*injected, market.result(), audit.dead_letters(left, {}, "dead letters at the end"), *audit.audit(shop)]

    def _stock(self, admin: Account) -> dict[str, int]:
        """Creates the products, and returns the stock of each."""
        stock: dict[str, int] = {}
        for index, pieces in enumerate([*[PLENTY] * PRODUCTS, *SCARCE]):
            body = {"name": f"Article {index}", "category": "Chaos", "price": f"{3 + index}.{10 + index}"}
            product = self.api.call("POST", "/api/v1/products", body, token=admin.token).expect(201)["id"]
            self._set_stock(admin, product, pieces)
            stock[product] = pieces
        return stock

    def _set_stock(self, admin: Account, product: str, pieces: int) -> None:
        path = f"/api/v1/products/{product}/inventory"
        wait_until(lambda: self.api.call("PUT", path, {"quantity": pieces}, token=admin.token).status, "the stock of a new product",
                   done=lambda status: status == 200)

    def _shop(self, market: Market, buyers: list[Account]) -> None:
        """Runs the buyers while faults are injected. In the middle of the run, the mail server is down for a while."""
        self.say(f"{len(buyers)} buyers place orders{' while faults are injected' if self.faults else ''}")
        if self.faults:
            self.aws.sqs.send_message(QueueUrl=self.queues["SettleOrderQueue"], MessageBody=UNREADABLE)
            self._arm(self.faults, True)
        begun = reported = time.monotonic()
        progress = Progress()
        outage: float | None = None
        threads = market.open(buyers)
        try:
            while any(thread.is_alive() for thread in threads):
                now, accepted = time.monotonic(), len(market.accepted)
                if progress.see((accepted, market.done.total())) > STALLED_SECONDS:
                    raise Problem(f"no buyer made progress for {STALLED_SECONDS:.0f} s, with {accepted} of {market.orders} orders accepted")
                if now - reported >= 15:
                    reported = now
                    self.detail(f"{accepted} orders accepted{self._faults_so_far()}")
                if self.faults and outage is None and accepted >= market.orders * 2 // 5:
                    outage = now
                    self._inbox("PUT", "/api/smtp", {"up": False})
                    self.detail("the mail server is down")
                if outage and now - outage > MAIL_OUTAGE_SECONDS:
                    outage = 0.0
                    self._inbox("PUT", "/api/smtp", {"up": True})
                    self.detail("the mail server is up again")
                time.sleep(POLL_SECONDS / 4)
        finally:
            market.close()
            if self.faults:
                self._arm(self.faults, False)
                self._inbox("PUT", "/api/smtp", {"up": True})
        self.say(f"{len(market.accepted)} orders were accepted in {time.monotonic() - begun:.0f} s"
                 f"{', and the faults stop' if self.faults else ''}")

    def _faults_so_far(self) -> str:
        if self.faults is None:
            return ""
        return f", {self.faults.faults.total()} calls to AWS failed, {sum(self._engine_faults()['happened'].values())} faults in the engine"

    def _arm(self, faults: FaultProxy, armed: bool) -> None:
        faults.armed = armed
        self.api.call("PUT", "/_waybill/faults", {"armed": armed}).expect(200)

    def _engine_faults(self) -> EngineFaults:
        faults: EngineFaults = self.api.call("GET", "/_waybill/faults").expect(200)
        return faults

    def _poisoned(self) -> dict[str, int]:
        """Returns the expected number of dead letters of each consumer."""
        poisoned = Counter({function: len(ids) for function, ids in self._engine_faults()["poisoned"].items()})
        poisoned["SettleOrder"] += 1  # the unreadable message
        return {consumer: count for consumer, count in poisoned.items() if count}

    def _redrive_dead_letters(self) -> list[CheckResult]:
        """Waits for the dead letters, and redrives them."""
        dead = self._dead_letters_arrive()
        found = audit.dead_letters(dead, self._poisoned(), "dead letters before they are redriven")
        self._redrive()
        return [found]

    def _dead_letters_arrive(self) -> dict[str, int]:
        """Waits until all poisoned messages are dead letters, or no more of them arrive, and counts the dead letters by consumer."""
        self.say("waiting until the poisoned messages are dead letters")
        wanted, progress = self._poisoned(), Progress()
        while True:
            found = {queue.consumer: queue.count for queue in dead_letters.find(self.aws, STACK) if queue.count}
            # A message becomes a dead letter after five deliveries, which take three minutes.
            if all(found.get(consumer, 0) >= count for consumer, count in wanted.items()) or progress.see(found) > 2 * STALLED_SECONDS:
                return found
            time.sleep(POLL_SECONDS)

    def _redrive(self) -> None:
        """Drops the unreadable dead letters, heals the faults, and redrives the others."""
        self.api.call("PUT", "/_waybill/faults", {"healed": True}).expect(200)
        for queue in dead_letters.find(self.aws, STACK):
            if not queue.count:
                continue
            unreadable = [letter.message_id for letter in dead_letters.read(self.aws, queue) if letter.body == UNREADABLE]
            dropped = dead_letters.drop(self.aws, queue, unreadable) if unreadable else 0
            self.detail(f"{queue.consumer}: {dropped} dead letters dropped, {dead_letters.redrive(self.aws, queue)} redriven")

    def _wait_for_quiet(self, admin: Account, recorder: EventRecorder) -> None:
        """Waits until no work is left, makes no more progress, or repeats itself forever. The audit reports the remaining work."""
        reported, progress = time.monotonic(), Progress()
        last: tuple[int, int] | None = None
        while True:
            names = ("OrdersTable", "PaymentsTable", "InventoryTable")
            tables = table_snapshot.read(self.aws, {name: self.outputs["tables"][name] for name in names})
            pending = [order for order, log in tables.logs.items() if status(log) == "pending" and order not in self.older_orders]
            for order in tables.parked:
                self._retry(admin, order)
            waiting = {name: count for name, count in self._waiting().items() if count}
            open_parts = [order for order, parts in tables.parts.items() if any(part["status"] == "reserved" for part in parts)]
            executions = self._executions()
            if not (pending or executions or tables.parked or tables.unsettled or waiting or open_parts):
                now = (len(tables.events), recorder.messages)
                progress.see(now)
                if now == last or progress.changes > MAX_CHANGES:
                    return
                last = now
                time.sleep(3 * POLL_SECONDS)
                continue
            last = None
            left = (f"{len(pending)} orders pending, {executions} checkouts running, {len(tables.unsettled)} refunds pending, "
                    f"{len(open_parts)} orders with reserved stock, messages in queues: {waiting or 'none'}")
            stalled = progress.see((len(tables.events), self.retried.total(), left)) > UNPAID_SECONDS + STALLED_SECONDS
            if stalled or progress.changes > MAX_CHANGES:
                self.detail(f"the wait ends with {left}")
                return
            if time.monotonic() - reported >= 30:
                reported = time.monotonic()
                self.detail(left)
            time.sleep(2 * POLL_SECONDS)

    def _retry(self, admin: Account, order: str) -> None:
        """Retries a parked order, as an operator would."""
        if self.retried[order] >= MAX_RETRIES:
            return
        self.detail(f"order {order} is parked and is retried")
        self.retried[order] += self.api.call("POST", f"/api/v1/orders/{order}/retry", token=admin.token).status == 202

    def _executions(self) -> int:
        """Returns the number of running checkouts. EXPRESS executions cannot be listed."""
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
        wait_until(lambda: {name: count for name, count in self._waiting().items() if count}, "the queues to be empty",
                   done=lambda waiting: not waiting)

    def _log_in_admin(self) -> Account:
        return self.api.log_in(self.outputs["admin"]["email"], self.outputs["admin"]["password"])

    def _get(self, admin: Account, path: str) -> Any:
        return self.api.call("GET", path, token=admin.token).expect(200)

    def _inbox(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.stack.inbox_url + path, data=content, method=method), timeout=STALLED_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _injected(self, faults: FaultProxy, recorder: EventRecorder) -> CheckResult:
        """Counts the injected faults; too few of a kind are a violation."""
        happened = Counter(self._engine_faults()["happened"])
        for (service, fault), times in faults.faults.items():
            happened[f"call to {service} {fault.value}"] += times
        happened["calls to AWS"] = faults.calls.total()
        happened["events received, repetitions included"] = recorder.messages
        happened["parked orders retried"] = self.retried.total()
        found = CheckResult(f"injected faults (plan {self.plan.digest(self.outputs['functions'])})", happened)
        for needed in (f"queue batch {DeliveryFault.LOST.value}", f"stream batch {DeliveryFault.DELAYED.value}", "function killed while"):
            found.unless(any(what.startswith(needed) and times for what, times in happened.items()),
                         f"no fault of the kind '{needed}' was injected, so the run tests too little")
        return found
