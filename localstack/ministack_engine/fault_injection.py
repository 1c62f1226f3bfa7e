"""Injects the faults of a plan into the engine: function processes are killed while they work, batches are lost,
repeated or delayed, and poisoned messages fail however often they are delivered.

`PUT /_waybill/faults` with `{"armed": true}` starts the faults, `{"armed": false}` stops them, and `{"healed": true}`
lets poisoned messages through. `GET` returns how often each fault has happened and which messages are poisoned.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from engine.fault_plan import POISONED, DeliveryFault, Plan
from ministack_engine.patching import Engine
from ministack_engine.responses import read_json

# A message that was received more often is not lost again, because losses alone would move it to the dead-letter queue.
MAX_LOSSES = 2

Result = dict[str, Any]
Event = dict[str, Any]


class FaultInjector:
    """Injects the faults that a plan has for this engine, and counts those that have happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.armed = False
        self.healed = False
        self.happened: Counter[str] = Counter()
        self.poisoned: dict[str, set[str]] = {function: set() for function in POISONED}
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next(self, site: str) -> int:
        """Returns the number of this occurrence at its site, from 0."""
        with self._lock:
            self._seen[site] += 1
            return self._seen[site] - 1

    def count(self, what: str) -> None:
        """Counts a fault that has happened."""
        with self._lock:
            self.happened[what] += 1

    def state(self) -> dict[str, Any]:
        """Returns the response of `GET /_waybill/faults`."""
        with self._lock:
            return {"armed": self.armed, "healed": self.healed, "happened": dict(self.happened),
                    "poisoned": {function: sorted(ids) for function, ids in self.poisoned.items()}}

    def schedule_kill(self, function: str, worker: Any) -> None:
        """Kills the process of an invocation that begins now, after the time that the plan has for it, if any."""
        after = self.plan.kill(function, self.next(f"invocation/{function}")) if self.armed else None
        if after is not None:
            threading.Timer(after, self._kill, (worker,)).start()

    def _kill(self, worker: Any) -> None:
        process, is_working = worker._proc, worker._current_request_id is not None
        if process is not None and process.poll() is None:
            process.kill()
            self.count("function killed while it worked" if is_working else "function killed between two invocations")

    def deliver(self, function: str, event: Event, invoke: Callable[[Event], Result]) -> Result:
        """Delivers a batch to a function, with the fault that the plan has for this delivery, if any."""
        records = event["Records"]
        failing = [] if self.healed else [record for record in records if self._is_poisoned(function, record)]
        if failing:
            self.count("poisoned message failed")
            rest = [record for record in records if record not in failing]
            done = self._deliver(function, {**event, "Records": rest}, invoke) if rest else {"body": None}
            return done if done.get("error") else {**done, "body": _with_failures(done.get("body"), failing)}
        return self._deliver(function, event, invoke)

    def _deliver(self, function: str, event: Event, invoke: Callable[[Event], Result]) -> Result:
        if not self.armed:
            return invoke(event)
        from_stream = event["Records"][0]["eventSource"] == "aws:dynamodb"
        fault = self.plan.delivery(function, self.next(f"delivery/{function}"), from_stream)
        if fault is DeliveryFault.LOST and any(_receives(record) > MAX_LOSSES for record in event["Records"]):
            fault = None
        if fault is not None:
            self.count(f"{'stream' if from_stream else 'queue'} batch {fault.value}")
        if fault is DeliveryFault.LOST:
            return {"error": True, "body": {"errorType": "Lost", "errorMessage": "the batch was lost"}}
        if fault is DeliveryFault.DELAYED:
            time.sleep(self.plan.between(0.2, 2.0, f"delay/{function}", self._seen[f"delivery/{function}"]))
        result = invoke(event)
        if fault is DeliveryFault.REPEATED:
            invoke(event)
        elif fault is DeliveryFault.REPEATED_LATER:
            seconds = self.plan.between(1.0, 15.0, f"later/{function}", self._seen[f"delivery/{function}"])
            threading.Timer(seconds, contextvars.copy_context().run, (invoke, event)).start()
        return result

    def _is_poisoned(self, function: str, record: Event) -> bool:
        if function not in self.poisoned:
            return False
        ids = self.poisoned[function]
        if self.armed and _receives(record) == 1 and self.next(f"poison/{function}") in self.plan.poisoned(function):
            ids.add(record["messageId"])
        return record["messageId"] in ids


def _receives(record: Event) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _with_failures(body: Any, failing: list[Event]) -> dict[str, Any]:
    said = json.loads(body) if isinstance(body, str) and body else body
    others = said.get("batchItemFailures", []) if isinstance(said, dict) else []
    return {"batchItemFailures": [*others, *({"itemIdentifier": record["messageId"]} for record in failing)]}


def inject_faults(engine: Engine) -> None:
    """Injects the faults of the engine's plan, if it has one, as soon as they are armed."""
    if engine.plan is None:
        return
    injector = FaultInjector(engine.plan)
    _kill_functions(injector, engine)
    _disturb_deliveries(injector, engine)
    _serve_faults(injector, engine)


def _kill_functions(injector: FaultInjector, engine: Engine) -> None:
    worker = engine.module("core.lambda_runtime").ProvidedWorker
    original = worker.invoke

    def invoke(self: Any, *arguments: Any, **named: Any) -> Any:
        injector.schedule_kill(engine.logical_name(self.func_name), self)
        return original(self, *arguments, **named)

    engine.replace(worker, "invoke", invoke)


def _disturb_deliveries(injector: FaultInjector, engine: Engine) -> None:
    lambdas = engine.module("services.lambda_svc")
    original, scope_mismatch = lambdas._execute_function, lambdas._function_config_scope_mismatch

    def execute_function(function: dict[str, Any], event: Any) -> Result:
        config = function.get("config") or function
        records = event.get("Records") if isinstance(event, dict) else None
        # In another scope the engine calls this again, in the right one.
        if not records or "eventSource" not in records[0] or scope_mismatch(config):
            return cast(Result, original(function, event))
        return injector.deliver(engine.logical_name(config["FunctionName"]), event, lambda batch: original(function, batch))

    engine.replace(lambdas, "_execute_function", execute_function)


def _serve_faults(injector: FaultInjector, engine: Engine) -> None:
    async def faults(scope: Any, receive: Any) -> dict[str, Any]:
        if scope["method"] == "PUT":
            asked = await read_json(receive)
            injector.armed = asked.get("armed", injector.armed)
            injector.healed = asked.get("healed", injector.healed)
        return injector.state()

    engine.routes["/_waybill/faults"] = faults
