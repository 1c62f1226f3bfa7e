"""An engine with all patches, and one without a patch."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from engine import stack
from engine.api import Api
from engine.aws import Aws

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
    """The archive of the function."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        content.writestr(bootstrap, BOOTSTRAP)
    return archive.getvalue()


def test_a_function_is_invoked_again_and_again_and_its_lines_are_logged(patched_stack: stack.Stack) -> None:
    aws = Aws(patched_stack.engine_url)
    role = aws.iam.create_role(RoleName="printer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    aws.logs.create_log_group(logGroupName="/aws/lambda/printer")
    aws.functions.create_function(
        FunctionName="printer", Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": package()})
    for number in range(3):
        answer = aws.functions.invoke(FunctionName="printer", Payload=json.dumps({"number": number}).encode())
        assert json.loads(answer["Payload"].read()) == "done"
    lines = [f'received {{"number": {number}}}' for number in range(3)]
    assert patched_stack.function_log.read_text(encoding="utf-8").splitlines() == [f"printer\t{line}" for line in lines]
    [stream] = aws.logs.describe_log_streams(logGroupName="/aws/lambda/printer")["logStreams"]
    events = aws.logs.get_log_events(logGroupName="/aws/lambda/printer", logStreamName=stream["logStreamName"])["events"]
    assert (stream["logStreamName"], [event["message"] for event in events]) == ("printer", lines)


def test_health_is_answered_by_ministack_only_without_its_patch(
        patched_stack: stack.Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Api(patched_stack.origin).call("GET", "/health").status != 200
    monkeypatch.setenv("WAYBILL_ENGINE_WITHOUT", "route_health_to_api,pass_source_ip")
    without = stack.Stack(stack.free_port(), tmp_path)
    stack.start(without)
    try:
        assert Api(without.origin).call("GET", "/health").status == 200
    finally:
        stack.stop(without)
