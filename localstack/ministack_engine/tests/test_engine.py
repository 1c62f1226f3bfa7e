"""An engine with all patches, and one without a patch."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from pathlib import Path

import pytest

from engine import engines, stack
from engine.api import Api
from engine.aws import Aws
from engine.problem import Problem

LIMIT_SECONDS = 300  # detects hangs; the tests take a second

# A function that prints each event.
BOOTSTRAP = f"""#!{sys.executable}
import os
from urllib.request import Request, urlopen

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urlopen(API + "next") as event:
        print("received", event.read().decode(), flush=True)
        urlopen(Request(API + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", b'"done"')).close()
"""

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def package() -> bytes:
    """Returns the archive of the function."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        content.writestr(bootstrap, BOOTSTRAP)
    return archive.getvalue()


def create_printer(running: stack.Stack, name: str) -> None:
    """Creates a function that prints each event, and its log group."""
    aws = Aws(running.engine_url)
    role = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    aws.logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
    aws.functions.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": package()})


def printed(running: stack.Stack, name: str) -> list[str]:
    """Returns the lines of a function in functions.log."""
    lines = [line.partition("\t") for line in running.function_log.read_text(encoding="utf-8").splitlines()]
    return [text for function, _, text in lines if function == name]


def test_a_function_is_invoked_again_and_again_and_its_lines_are_logged(patched_stack: stack.Stack) -> None:
    create_printer(patched_stack, "printer")
    aws = Aws(patched_stack.engine_url)
    for number in range(3):
        answer = aws.functions.invoke(FunctionName="printer", Payload=json.dumps({"number": number}).encode())
        assert json.loads(answer["Payload"].read()) == "done"
    lines = [f'received {{"number": {number}}}' for number in range(3)]
    assert printed(patched_stack, "printer") == lines
    [stream] = aws.logs.describe_log_streams(logGroupName="/aws/lambda/printer")["logStreams"]
    events = aws.logs.get_log_events(logGroupName="/aws/lambda/printer", logStreamName=stream["logStreamName"])["events"]
    assert (stream["logStreamName"], [event["message"] for event in events]) == ("printer", lines)


def test_a_function_consumes_a_queue_and_a_stream(patched_stack: stack.Stack) -> None:
    create_printer(patched_stack, "consumer")
    aws = Aws(patched_stack.engine_url)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="consumed")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    stream = aws.dynamodb.create_table(
        TableName="consumed", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
    aws.functions.create_event_source_mapping(FunctionName="consumer", EventSourceArn=queue, MaximumBatchingWindowInSeconds=1)
    aws.functions.create_event_source_mapping(FunctionName="consumer", EventSourceArn=stream, StartingPosition="TRIM_HORIZON")
    for message in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=message)
    aws.dynamodb.put_item(TableName="consumed", Item={"pk": {"S": "an item"}})

    deadline = time.monotonic() + LIMIT_SECONDS
    while len(printed(patched_stack, "consumer")) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    batches = [json.loads(line.removeprefix("received "))["Records"] for line in printed(patched_stack, "consumer")]
    assert sorted(record["eventSource"] for batch in batches for record in batch) == ["aws:dynamodb", "aws:sqs", "aws:sqs"]
    assert len(batches) == 2, "both messages come in one batch"


def test_an_engine_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_ENGINE_WITHOUT", "no_such_patch")
    with pytest.raises(Problem, match=r"ended while it started: .*no_such_patch"):
        engines.start(stack.Stack(stack.free_port(), tmp_path))


def test_health_is_answered_by_ministack_only_without_its_patch(
        patched_stack: stack.Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Api(patched_stack.origin).call("GET", "/health").status != 200
    monkeypatch.setenv("WAYBILL_ENGINE_WITHOUT", "route_health_to_api,pass_source_ip")
    without = stack.Stack(stack.free_port(), tmp_path)
    engines.start(without)
    try:
        assert Api(without.origin).call("GET", "/health").status == 200
    finally:
        engines.stop(without)
