"""The additions that serve paths under `/_waybill/`, in the process of the tests and in an engine of its own.

They fix no fault of MiniStack: each is needed as long as MiniStack does not serve its path.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.client import Config

from engine.api import Api
from engine.aws import Aws
from engine.fault_plan import DeliveryFault, Plan
from engine.stack import REGION, Stack
from ministack_engine.calls import caller
from ministack_engine.fault_injection import inject_faults
from ministack_engine.growth import fill_orders
from ministack_engine.meter import meter_usage
from ministack_engine.patching import Engine
from ministack_engine.responses import serve_routes
from ministack_engine.tests.support import assert_needed, is_served, request
from ministack_engine.tests.test_growth import ORDER, stored_order

TABLE = {"TableName": "metered", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
         "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*", "Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]}


def get(stack: Stack, path: str) -> Any:
    """Returns the response of an addition of a running engine."""
    return Api(stack.origin).call("GET", path).expect(200)


@dataclass(frozen=True)
class Role:
    """A role that may list tables, and nothing else."""

    arn: str
    name: str


@pytest.fixture(scope="module")
def role(patched_stack: Stack) -> Role:
    iam = Aws(patched_stack.engine_url).iam
    created = iam.create_role(RoleName="lists-tables", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName="lists-tables", PolicyName="list", PolicyDocument=json.dumps(POLICY))
    return Role(created["Arn"], created["RoleName"])


@pytest.fixture(scope="module")
def list_tables(patched_stack: Stack, role: Role) -> Callable[[], Any]:
    """Calls DynamoDB with the role, as the function `lister`."""
    session = Aws(patched_stack.engine_url).client("sts").assume_role(RoleArn=role.arn, RoleSessionName="lister")["Credentials"]
    client = boto3.client(
        "dynamodb", endpoint_url=patched_stack.engine_url, region_name=REGION, aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"], config=Config(proxies={}))
    return client.list_tables


def test_serve_routes_fits(engine: Engine) -> None:
    async def echo(scope: Any, _receive: Any) -> Any:
        return [scope["method"]]

    engine.routes["/_waybill/echo"] = echo
    serve_routes(engine)
    assert request(engine, "PUT", "/_waybill/echo") == (200, b'["PUT"]')
    assert request(engine, "GET", "/_ministack/health")[0] == 200, "other paths are MiniStack's"


@pytest.mark.parametrize("path", ["calls", "faults", "grants", "meter", "pushes"])
def test_a_running_engine_serves_the_paths_of_additions(patched_stack: Stack, path: str) -> None:
    assert isinstance(get(patched_stack, f"/_waybill/{path}"), (list, dict))


def test_serve_routes_is_needed(engine: Engine) -> None:
    engine.routes["/_waybill/echo"] = lambda *_: pytest.fail("MiniStack knows no routes of the engine")
    assert_needed("serve_routes", not is_served(engine, "/_waybill/echo"))


def test_count_calls_fits(patched_stack: Stack, list_tables: Callable[[], Any]) -> None:
    list_tables()
    [(service, operation, count)] = [rest for function, *rest in get(patched_stack, "/_waybill/calls") if function == "lister"]
    assert (service, operation) == ("dynamodb", "ListTables") and count >= 1


def test_count_calls_is_needed(engine: Engine) -> None:
    assert_needed("count_calls", not is_served(engine, "/_waybill/calls"))


def test_count_grants_fits(patched_stack: Stack, list_tables: Callable[[], Any], role: Role) -> None:
    list_tables()
    rows = get(patched_stack, "/_waybill/grants")
    assert [row[:3] for row in rows if row[0] == role.name] == [[role.name, "dynamodb:ListTables", "*"]]


def test_count_grants_is_needed(engine: Engine) -> None:
    assert_needed("count_grants", not is_served(engine, "/_waybill/grants"))


def test_meter_usage_fits(engine: Engine) -> None:
    lambdas, stepfunctions = engine.module("services.lambda_svc"), engine.module("services.stepfunctions")
    engine.replace(lambdas, "_execute_function_dispatch", lambda *_: {"body": None})
    engine.replace(engine.module("services.sqs"), "_delete_messages_for_esm", lambda *_: None)
    serve_routes(engine)
    meter_usage(engine)
    request(engine, "GET", "/_waybill/meter")  # turns it on

    def dynamodb(operation: str, body: dict[str, Any]) -> None:
        status, answer = request(engine, "POST", "/", body, {"x-amz-target": f"DynamoDB_20120810.{operation}"})
        assert status == 200, answer

    def use_table() -> None:
        caller.set("function")
        dynamodb("PutItem", {"TableName": "metered", "Item": {"pk": {"S": "a"}, "text": {"S": "x" * 1500}}})
        dynamodb("GetItem", {"TableName": "metered", "Key": {"pk": {"S": "a"}}, "ConsistentRead": True})

    dynamodb("CreateTable", TABLE)
    contextvars.copy_context().run(use_table)
    dynamodb("DeleteTable", {"TableName": "metered"})
    for listener in engine.call_listeners:
        listener("function", "sns")

    record = {"attributes": {"ApproximateReceiveCount": "1"}}
    function = {"config": {"FunctionName": "function"}}
    lambdas._run_sqs_batch({"UUID": "u", "FunctionName": "function"}, function, {"Records": [record] * 2}, [], "url", "queue")

    definition = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
    machine = json.loads(stepfunctions._create_state_machine({"name": "metered", "definition": definition})[2])["stateMachineArn"]
    stepfunctions._start_sync_execution({"stateMachineArn": machine})
    stepfunctions._state_machines.pop(machine)

    rows = json.loads(request(engine, "GET", "/_waybill/meter")[1])
    amounts = {(function, service, unit): amount for function, service, unit, amount in rows}
    assert amounts.pop(("function", "lambda", "milliseconds")) > 0
    assert amounts.pop(("", "states", "milliseconds")) > 0
    assert amounts == {
        ("function", "dynamodb", "write units"): 2, ("function", "dynamodb", "read units"): 1, ("function", "sns", "calls"): 1,
        ("function", "sqs", "sent"): 2, ("function", "sqs", "batches received"): 1, ("function", "sqs", "batches deleted"): 1,
        ("function", "lambda", "requests"): 1, ("", "states", "transitions"): 1, ("", "states", "executions"): 1}


def test_meter_usage_is_needed(engine: Engine) -> None:
    assert_needed("meter_usage", not is_served(engine, "/_waybill/meter"))


class Process:
    """The process of a function, which lives until it is killed."""

    def __init__(self) -> None:
        self.killed = threading.Event()

    def poll(self) -> int | None:
        return -9 if self.killed.is_set() else None

    def kill(self) -> None:
        self.killed.set()


def test_inject_faults_fits(engine: Engine) -> None:
    lambdas, worker = engine.module("services.lambda_svc"), engine.module("core.lambda_runtime").ProvidedWorker
    delivered: list[Any] = []

    def dispatch(_function: Any, _config: Any, event: Any, *_: Any) -> dict[str, Any]:
        delivered.append(event)
        return {"body": None}

    engine.replace(lambdas, "_execute_function_dispatch", dispatch)
    engine.replace(worker, "invoke", lambda *_, **__: "done")
    engine.replace(Plan, "delivery", lambda *_: DeliveryFault.LOST)
    engine.replace(Plan, "kill", lambda *_: 0.0)
    engine.plan = Plan(1)
    serve_routes(engine)
    inject_faults(engine)

    function = {"config": {"FunctionName": "CountOrders"}}
    event = {"Records": [{"messageId": "a", "eventSource": "aws:dynamodb", "attributes": {}}]}
    assert json.loads(request(engine, "GET", "/_waybill/faults")[1])["armed"] is False
    lambdas._execute_function(function, event)
    assert delivered == [event], "nothing fails before the faults are armed"

    assert json.loads(request(engine, "PUT", "/_waybill/faults", {"armed": True})[1])["armed"] is True
    assert lambdas._execute_function(function, event)["error"] is True
    assert delivered == [event], "the batch is lost"

    environment = worker("CountOrders", {}, b"")
    environment._proc, environment._current_request_id = Process(), "request"
    assert environment.invoke({}, "request") == "done"
    assert environment._proc.killed.wait(20)


def test_inject_faults_is_needed(engine: Engine) -> None:
    assert_needed("inject_faults", not is_served(engine, "/_waybill/faults"))


def test_fill_orders_fits(engine: Engine) -> None:
    serve_routes(engine)
    fill_orders(engine)
    dynamodb = engine.module("services.dynamodb")
    created = dynamodb._create_table({
        "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]})
    assert created[0] == 200
    for sort_keys in stored_order()["items"].values():
        for item in sort_keys.values():
            assert dynamodb._put_item({"TableName": "orders", "Item": item})[0] == 200
    try:
        status, body = request(engine, "POST", "/_waybill/orders?copies=25", {"table": "orders", "orders": [ORDER]})
        scanned = json.loads(dynamodb._scan({"TableName": "orders", "Select": "COUNT"})[2])
    finally:
        dynamodb._tables.pop("orders")
    assert (status, json.loads(body), scanned["Count"]) == (200, {"items": 3 * 26}, 3 * 26)


def test_fill_orders_is_needed(engine: Engine) -> None:
    assert_needed("fill_orders", not is_served(engine, "/_waybill/orders", "POST"))
