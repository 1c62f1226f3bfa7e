"""What goes wrong inside the engine, as a plan has it: function processes die while they work, batches are lost, repeated or late, and
some messages fail however often they come.

`PUT /_waybill/faults` with `{"armed": true}` starts it, `{"armed": false}` ends it, `{"healed": true}` lets poisoned messages through;
`GET` tells how often each thing has happened and which messages are poisoned.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.fault_plan import POISONED, DeliveryFault, Plan

# A message that came so often already is not lost again: its queue would give it up for want of luck alone.
MOST_LOSSES = 2

Result = dict[str, Any]
Event = dict[str, Any]


class Mishaps:
    """What the plan has for this engine, and what of it has happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.armed = False
        self.healed = False
        self.happened: Counter[str] = Counter()
        self.poisoned: dict[str, set[str]] = {function: set() for function in POISONED}
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next(self, site: str) -> int:
        """Which one this is of its site."""
        with self._lock:
            self._seen[site] += 1
            return self._seen[site] - 1

    def count(self, what: str) -> None:
        with self._lock:
            self.happened[what] += 1

    def state(self) -> dict[str, Any]:
        """As `GET` tells it."""
        with self._lock:
            return {"armed": self.armed, "healed": self.healed, "happened": dict(self.happened),
                    "poisoned": {function: sorted(ids) for function, ids in self.poisoned.items()}}

    def kill_while(self, worker: Any) -> None:
        """Kills the process of an invocation that begins now, after the time that the plan has for it, if any."""
        function = logical(worker.func_name)
        after = self.plan.kill(function, self.next(f"invocation/{function}")) if self.armed else None
        if after is not None:
            threading.Timer(after, self._kill, (worker,)).start()

    def _kill(self, worker: Any) -> None:
        process, is_working = worker._proc, worker._current_request_id is not None
        if process is not None and process.poll() is None:
            process.kill()
            self.count("function killed while it worked" if is_working else "function killed between two invocations")

    def deliver(self, function: str, event: Event, invoke: Callable[[Event], Result]) -> Result:
        """Brings a batch to a function, or has done with it what the plan says."""
        records = event["Records"]
        failing = [] if self.healed else [record for record in records if self._is_poisoned(function, record)]
        if failing:
            self.count("poisoned message failed")
            rest = [record for record in records if record not in failing]
            done = self._bring(function, {**event, "Records": rest}, invoke) if rest else {"body": None}
            return done if done.get("error") else {**done, "body": _with_failures(done.get("body"), failing)}
        return self._bring(function, event, invoke)

    def _bring(self, function: str, event: Event, invoke: Callable[[Event], Result]) -> Result:
        if not self.armed:
            return invoke(event)
        from_stream = event["Records"][0]["eventSource"] == "aws:dynamodb"
        fault = self.plan.delivery(function, self.next(f"delivery/{function}"), from_stream)
        if fault is DeliveryFault.LOST and any(_receives(record) > MOST_LOSSES for record in event["Records"]):
            fault = None
        if fault is not None:
            self.count(f"{'stream' if from_stream else 'queue'} batch {fault.value}")
        if fault is DeliveryFault.LOST:
            return {"error": True, "body": {"errorType": "Lost", "errorMessage": "the batch did not get there"}}
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


def logical(function: str) -> str:
    """The template's name of a function, from its deployed one: `waybill-PlaceOrder-0123`."""
    return function.split("-")[1] if function.count("-") > 1 else function


def _receives(record: Event) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _with_failures(body: Any, failing: list[Event]) -> dict[str, Any]:
    said = json.loads(body) if isinstance(body, str) and body else body
    others = said.get("batchItemFailures", []) if isinstance(said, dict) else []
    return {"batchItemFailures": [*others, *({"itemIdentifier": record["messageId"]} for record in failing)]}


def mend(plan: Plan, lambdas: Any, runtime: Any, ministack: Any) -> None:
    """Has the engine meet the plan's mishaps, once they are armed."""
    mishaps = Mishaps(plan)
    _kill_functions(mishaps, runtime)
    _lose_and_repeat(mishaps, lambdas)
    _answer(mishaps, ministack)


def _kill_functions(mishaps: Mishaps, runtime: Any) -> None:
    original = runtime.ProvidedWorker.invoke

    def invoke(self: Any, *arguments: Any, **named: Any) -> Any:
        mishaps.kill_while(self)
        return original(self, *arguments, **named)

    runtime.ProvidedWorker.invoke = invoke


def _lose_and_repeat(mishaps: Mishaps, lambdas: Any) -> None:
    original = lambdas._execute_function

    def execute_function(function: dict[str, Any], event: Any) -> Result:
        config = function.get("config") or function
        records = event.get("Records") if isinstance(event, dict) else None
        # In another scope the engine calls this again, in the right one.
        if not records or "eventSource" not in records[0] or lambdas._function_config_scope_mismatch(config):
            return original(function, event)
        return mishaps.deliver(logical(config["FunctionName"]), event, lambda batch: original(function, batch))

    lambdas._execute_function = execute_function


def _answer(mishaps: Mishaps, ministack: Any) -> None:
    app = ministack.app

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/_waybill/faults":
            return await app(scope, receive, send)
        if scope["method"] == "PUT":
            asked = json.loads((await receive())["body"])
            mishaps.armed = asked.get("armed", mishaps.armed)
            mishaps.healed = asked.get("healed", mishaps.healed)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(mishaps.state()).encode()})

    ministack.app = answering
