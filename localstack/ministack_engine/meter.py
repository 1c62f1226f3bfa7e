"""Meters what AWS would bill, function by function: `GET /_waybill/meter` turns the meter on and returns rows of
[function, service, unit, amount].

DynamoDB is metered in request units, from the sizes of the items; functions in requests and milliseconds; queues in the
requests of the sender, of Lambda's poller and of the deletion; workflows in states entered; all other services in
calls.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ministack_engine.calls import caller
from ministack_engine.patching import Engine

Entry = tuple[str, str, str]

READ_UNIT_BYTES = 4096
# In the keys of the payment simulator's items, which a real payment provider would store itself.
SIMULATOR = b'"SIMULATOR#'

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class Meter:
    """The amount of each unit while the meter is on. It is off at first, because it takes the engine's time."""

    def __init__(self) -> None:
        self.on = False
        self._amounts: dict[Entry, float] = {}
        self._lock = threading.Lock()

    def add(self, function: str, service: str, unit: str, amount: float = 1) -> None:
        """Adds to what `function` has used. Functions run in threads."""
        if not self.on:
            return
        entry = (function, service, unit)
        with self._lock:
            self._amounts[entry] = self._amounts.get(entry, 0) + amount

    def rows(self) -> list[list[Any]]:
        """Returns all amounts as rows of `GET /_waybill/meter`."""
        with self._lock:
            return [[*entry, amount] for entry, amount in self._amounts.items()]


def meter_usage(engine: Engine) -> None:
    """Puts a meter into DynamoDB, Lambda, its queues and Step Functions, and counts the calls of all other services."""
    meter = Meter()
    meter_dynamodb(meter, engine)
    meter_functions(meter, engine)
    meter_queues(meter, engine)
    meter_workflows(meter, engine)

    def count_other_call(function: str, service: str) -> None:
        if service != "dynamodb":
            meter.add(function, service, "calls")

    async def turn_on(*_: Any) -> list[list[Any]]:
        meter.on = True
        return meter.rows()

    engine.call_listeners.append(count_other_call)
    engine.routes["/_waybill/meter"] = turn_on


def meter_dynamodb(meter: Meter, engine: Engine) -> None:
    """Meters the reads and writes of each function."""
    dynamodb = engine.module("services.dynamodb")
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

    engine.replace(dynamodb, "handle_request", handle_request)


def write_units(operation: str, request: dict[str, Any], status: int, answer: dict[str, Any]) -> float:
    """Returns the write units of a request. A refused write costs as much as one of small items, and so does a condition of a
    transaction."""
    actions = request.get("TransactItems", [])
    if status != 200:
        return 2.0 * len(actions) if operation == "TransactWriteItems" else 1.0
    consumed = answer.get("ConsumedCapacity", [])
    units: float = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
    return units + 2.0 * sum("ConditionCheck" in action for action in actions)


def read_units(operation: str, request: dict[str, Any], answer: dict[str, Any], size: Callable[[Any], int]) -> float:
    """Returns the read units of a request, from the items found; an eventually consistent read costs half."""
    def units(items: Iterable[Any], consistent: bool) -> float:
        read = max(1, -(-sum(size(item) for item in items) // READ_UNIT_BYTES))
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


def meter_functions(meter: Meter, engine: Engine) -> None:
    """Meters invocations, and the milliseconds that each took in the engine."""
    lambdas = engine.module("services.lambda_svc")
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

    engine.replace(lambdas, "_execute_function", execute_function)


def meter_queues(meter: Meter, engine: Engine) -> None:
    """Meters the requests that a message causes in a queue: it is sent, received with its batch, and deleted with its
    batch."""
    lambdas = engine.module("services.lambda_svc")
    run = lambdas._run_sqs_batch

    def run_batch(mapping: dict[str, Any], function: Any, event: dict[str, Any], *rest: Any) -> Any:
        first = sum(record["attributes"]["ApproximateReceiveCount"] == "1" for record in event["Records"])
        meter.add(mapping["FunctionName"], "sqs", "sent", first)
        meter.add(mapping["FunctionName"], "sqs", "batches received")  # a batch fits into one request
        meter.add(mapping["FunctionName"], "sqs", "batches deleted")
        return run(mapping, function, event, *rest)

    engine.replace(lambdas, "_run_sqs_batch", run_batch)


def meter_workflows(meter: Meter, engine: Engine) -> None:
    """Meters states entered, executions and their milliseconds."""
    stepfunctions = engine.module("services.stepfunctions")
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

    engine.replace(stepfunctions, "_add_event", add)
    engine.replace(stepfunctions, "_run_execution", run_execution)
