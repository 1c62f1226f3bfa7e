"""Meters inside the engine what AWS would bill, function by function; `GET /_waybill/meter` turns it on and tells: [function, service, what, how much].

DynamoDB is metered in request units, from the sizes of the items; functions in requests and milliseconds; queues in requests of who sends, of
Lambda's poller and of who deletes; workflows in states entered; all other services in calls.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

Entry = tuple[str, str, str]

READ_BYTES = 4096  # of a read unit
# The keys of what the payment simulator keeps, which a real provider would keep for itself.
SIMULATOR = b'"SIMULATOR#'

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class Meter:
    """How much there was of each thing while it was on; it is off at first, for it takes the engine's time."""

    def __init__(self) -> None:
        self.on = False
        self._amounts: Counter[Entry] = Counter()
        self._lock = threading.Lock()

    def add(self, function: str, service: str, what: str, amount: float = 1) -> None:
        """Adds to what `function` has used; functions run in threads."""
        if not self.on:
            return
        with self._lock:
            self._amounts[function, service, what] += amount  # type: ignore[assignment]

    def rows(self) -> list[list[Any]]:
        """All of it, as JSON has it."""
        with self._lock:
            return [[*entry, amount] for entry, amount in self._amounts.items()]


# The deployed name of the function whose call is being answered.
caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="")


def meter_all(meter: Meter, dynamodb: Any, lambdas: Any, stepfunctions: Any) -> None:
    """Puts the meter into the engine's services."""
    meter_store(meter, dynamodb)
    meter_functions(meter, lambdas)
    meter_queues(meter, lambdas)
    meter_workflows(meter, stepfunctions)


def meter_store(meter: Meter, dynamodb: Any) -> None:
    """Meters the reads and writes of each function."""
    handle, size = dynamodb.handle_request, dynamodb._item_size_bytes

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        if not meter.on or not (function := caller.get()):
            return await handle(method, path, headers, body, query)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        request = json.loads(body) if body else {}
        if operation in WRITES:
            body = json.dumps({**request, "ReturnConsumedCapacity": "INDEXES"}).encode()
        answer = await handle(method, path, headers, body, query)
        if SIMULATOR in body:
            meter.add(function, "simulator", "units")
        elif operation in WRITES:
            meter.add(function, "dynamodb", "write units", write_units(operation, request, answer[0], json.loads(answer[2] or b"{}")))
        elif answer[0] == 200:
            meter.add(function, "dynamodb", "read units", read_units(operation, request, json.loads(answer[2]), size))
        return answer

    dynamodb.handle_request = handle_request


def write_units(operation: str, request: dict[str, Any], status: int, answer: dict[str, Any]) -> float:
    """What a write costs; one that is refused costs as much as one of small items, and so does a condition in a transaction."""
    actions = request.get("TransactItems", [])
    if status != 200:
        return 2.0 * len(actions) if operation == "TransactWriteItems" else 1.0
    consumed = answer.get("ConsumedCapacity", [])
    units = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
    return units + 2.0 * sum("ConditionCheck" in action for action in actions)


def read_units(operation: str, request: dict[str, Any], answer: dict[str, Any], size: Callable[[Any], int]) -> float:
    """What a read costs, from what it found; half of it where it need not be consistent."""
    def units(items: Iterable[Any], consistent: bool) -> float:
        read = max(1, -(-sum(size(item) for item in items) // READ_BYTES))
        return read if consistent else read / 2

    if operation == "BatchGetItem":
        total = 0.0
        for table, wanted in request["RequestItems"].items():
            found, consistent = answer["Responses"].get(table, []), wanted.get("ConsistentRead", False)
            missing = len(wanted["Keys"]) - len(found)
            total += sum(units([item], consistent) for item in found) + missing * units([], consistent)
        return total
    items = [answer["Item"]] if "Item" in answer else answer.get("Items", [])
    return units(items, request.get("ConsistentRead", False))


def meter_functions(meter: Meter, lambdas: Any) -> None:
    """Meters invocations, and the milliseconds that each took in the engine."""
    execute, inside = lambdas._execute_function, threading.local()

    def execute_function(function: dict[str, Any], event: Any) -> Any:
        if getattr(inside, "one", False):  # the engine calls itself in another scope
            return execute(function, event)
        inside.one, started = True, time.perf_counter()
        try:
            return execute(function, event)
        finally:
            inside.one = False
            name = (function.get("config") or function)["FunctionName"]
            meter.add(name, "lambda", "requests")
            meter.add(name, "lambda", "milliseconds", 1000 * (time.perf_counter() - started))

    lambdas._execute_function = execute_function


def meter_queues(meter: Meter, lambdas: Any) -> None:
    """Meters what a message costs on its way through a queue: it is sent, received with its batch, deleted with its batch."""
    run = lambdas._run_sqs_batch

    def run_batch(mapping: dict[str, Any], function: Any, event: dict[str, Any], *rest: Any) -> Any:
        first = sum(record["attributes"]["ApproximateReceiveCount"] == "1" for record in event["Records"])
        meter.add(mapping["FunctionName"], "sqs", "sent", first)
        meter.add(mapping["FunctionName"], "sqs", "batches received")  # the engine has none of more than ten, as one request
        meter.add(mapping["FunctionName"], "sqs", "batches deleted")
        return run(mapping, function, event, *rest)

    lambdas._run_sqs_batch = run_batch


def meter_workflows(meter: Meter, stepfunctions: Any) -> None:
    """Meters states entered, executions and their milliseconds."""
    add_event, run = stepfunctions._add_event, stepfunctions._run_execution

    def add(execution: Any, event_type: str, details: Any = None) -> Any:
        if event_type.endswith("StateEntered"):
            meter.add("", "states", "transitions")
        return add_event(execution, event_type, details)

    def run_execution(arn: str) -> Any:
        started = time.perf_counter()
        try:
            return run(arn)
        finally:
            meter.add("", "states", "executions")
            meter.add("", "states", "milliseconds", 1000 * (time.perf_counter() - started))

    stepfunctions._add_event, stepfunctions._run_execution = add, run_execution
