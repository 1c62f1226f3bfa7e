"""The patches of CloudFormation."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from ministack_engine.patches.cloudformation import SAM, expire_items, keep_attributes, transform_sam
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


def kind_of_a_nested_table(engine: Engine, monkeypatch: Any) -> str:
    """Creates a nested stack with a table as SAM has it, and returns the type of the resource that was created."""
    provisioners, helpers = engine.module("services.cloudformation.provisioners"), engine.module("services.cloudformation.helpers")
    stacks = engine.module("services.cloudformation")._stacks
    body = json.dumps({"Transform": SAM, "Parameters": {"Tags": {"Type": "CommaDelimitedList"}}, "Resources": {
        "Table": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"Tags": {"Tags": {"Ref": "Tags"}}}}}})
    monkeypatch.setattr(helpers, "_resolve_template", lambda _: (body, None))
    stacks["parent"] = {"StackName": "parent", "StackId": "arn:parent", "_resources": {}, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    properties = {"TemplateURL": "http://localhost/template", "Parameters": {"Tags": "a,b"}}
    try:
        nested, _ = provisioners._cfn_nested_stack_create("Nested", properties, "parent")
        created = next(stack for stack in stacks.values() if nested in (stack["StackName"], stack["StackId"]))
        kind = str(created["_resources"]["Table"]["ResourceType"])
        provisioners._cfn_nested_stack_delete(nested, properties)
        return kind
    finally:
        stacks.pop("parent", None)


def test_transform_sam_fits(engine: Engine, monkeypatch: Any) -> None:
    transform_sam(engine)
    assert kind_of_a_nested_table(engine, monkeypatch) == "AWS::DynamoDB::Table"


def test_transform_sam_is_needed(engine: Engine, monkeypatch: Any) -> None:
    try:
        found = kind_of_a_nested_table(engine, monkeypatch)
    except (KeyError, ValueError) as error:
        found = str(error)
    assert_needed("transform_sam", found != "AWS::DynamoDB::Table")


def test_the_transform_gets_the_values_of_parameters(engine: Engine) -> None:
    transform_sam(engine)
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": {"Ref": "Name"}, "ProtocolType": "HTTP"}}
    template = {"Transform": SAM, "Parameters": {"Name": {"Type": "String"}}, "Resources": {"Api": api}}
    changesets = engine.module("services.cloudformation.changesets")
    transformed = changesets._apply_transforms(template, [{"Key": "Name", "Value": "shop"}])
    assert "Transform" not in transformed
    assert {"ApiDomain", "ApiMapping"} < set(transformed["Resources"])


def status_of_the_time_to_live(engine: Engine) -> str:
    """Creates a table whose template has a time to live, and returns the status of that."""
    provisioners, dynamodb = engine.module("services.cloudformation.provisioners"), engine.module("services.dynamodb")
    create = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]["create"]
    table, _ = create("Table", {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": "true"}}, f"stack-{uuid4().hex}")
    return str((dynamodb._ttl_settings.get(table) or {}).get("TimeToLiveStatus"))


def test_expire_items_fits(engine: Engine) -> None:
    expire_items(engine)
    assert status_of_the_time_to_live(engine) == "ENABLED"


def test_expire_items_is_needed(engine: Engine) -> None:
    assert_needed("expire_items", status_of_the_time_to_live(engine) != "ENABLED")
