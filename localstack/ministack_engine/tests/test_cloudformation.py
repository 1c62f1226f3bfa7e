"""The patches of CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from ministack_engine.patches.cloudformation import keep_attributes
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

QUEUE_ARN = {"Fn::GetAtt": ["Queue", "Arn"]}


def update_of_a_nested_stack(engine: Engine, monkeypatch: Any) -> str:
    """Creates a nested stack with a queue whose ARN it outputs, updates another resource, and returns what it outputs then."""
    provisioners = engine.module("services.cloudformation.provisioners")
    helpers = engine.module("services.cloudformation.helpers")
    stacks = engine.module("services.cloudformation")._stacks
    body = json.dumps({"Parameters": {"Seconds": {"Type": "String"}}, "Outputs": {"Arn": {"Value": QUEUE_ARN}}, "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Changed": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}}}}})
    monkeypatch.setattr(helpers, "_resolve_template", lambda _: (body, None))
    stacks["parent"] = {"StackName": "parent", "StackId": "arn:parent", "_resources": {}, "Capabilities": []}
    try:
        def properties(seconds: str) -> dict[str, Any]:
            return {"TemplateURL": "http://localhost/template", "Parameters": {"Seconds": seconds}}

        nested, _ = provisioners._cfn_nested_stack_create("Nested", properties("30"), "parent")
        _, attributes = provisioners._cfn_nested_stack_update(nested, properties("30"), properties("31"), "parent")
        provisioners._cfn_nested_stack_delete(nested, properties("31"))
        return str(attributes["Outputs.Arn"])
    finally:
        stacks.pop("parent", None)


def test_keep_attributes_fits(engine: Engine, monkeypatch: Any) -> None:
    keep_attributes(engine)
    assert update_of_a_nested_stack(engine, monkeypatch).startswith("arn:aws:sqs:")


def test_keep_attributes_is_needed(engine: Engine, monkeypatch: Any) -> None:
    try:
        found = update_of_a_nested_stack(engine, monkeypatch)
    except ValueError as error:
        found = str(error)
    assert_needed("keep_attributes", not found.startswith("arn:aws:sqs:"))
