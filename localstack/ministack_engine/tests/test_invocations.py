"""Invocations at the engine's IP address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ministack_engine.invocations import invoke_by_address
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed, request


def invoke(engine: Engine, function: str) -> tuple[int, dict[str, Any]]:
    status, body = request(engine, "POST", f"/2015-03-31/functions/{function}/invocations", {}, {"host": "127.0.0.1:4566"})
    return status, json.loads(body)


def test_invoke_by_address_fits(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    invoke_by_address(engine)
    resource = {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "deployed"}
    monkeypatch.setitem(engine.module("services.cloudformation")._stacks, "stack", {"_resources": {"Logical": resource}})
    status, answer = invoke(engine, "Logical")
    assert status == 404
    assert ":function:deployed" in json.dumps(answer), "the Lambda API is asked for the deployed function"


def test_an_unknown_function_is_named(engine: Engine) -> None:
    invoke_by_address(engine)
    status, answer = invoke(engine, "Nothing")
    assert (status, answer["errorType"]) == (404, "ResourceNotFoundException")
    assert "Nothing" in answer["errorMessage"]


def test_invoke_by_address_is_needed(engine: Engine) -> None:
    _, answer = invoke(engine, "Nothing")
    assert_needed("invoke_by_address", "errorType" not in answer)
