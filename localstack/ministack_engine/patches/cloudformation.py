"""Fixes of CloudFormation."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from engine import sam
from engine.engines import ministack
from ministack_engine.patching import Engine

# The transform of templates that have serverless resources.
SAM = "AWS::Serverless-2016-10-31"


def keep_attributes(engine: Engine) -> None:
    """Lets a resource of a nested stack keep its attributes when an update leaves it where it is. MiniStack forgets those
    that the handler of its type does not return again, and the next `Fn::GetAtt` of one fails."""
    stacks, provisioners = engine.module("services.cloudformation")._stacks, engine.module("services.cloudformation.provisioners")
    update = provisioners._update_resource

    def update_and_keep(kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str | None = None,
                        *more: Any) -> tuple[str, dict[str, Any]]:
        kept = stacks.get(stack, {}).get("_resources", {}).get(logical_id, {}).get("Attributes") or {}
        updated, attributes = update(kind, physical_id, old, new, stack, logical_id, *more)
        return updated, {**(kept if updated == physical_id else {}), **(attributes or {})}

    engine.replace(provisioners, "_update_resource", update_and_keep)


def transform_sam(engine: Engine) -> None:
    """Runs the SAM transform with the values of parameters, also for nested stacks, and adapts its result to what MiniStack supports."""
    cloudformation = engine.module("services.cloudformation.engine")
    apply_transforms = cloudformation._apply_transforms
    endpoint = f"http://localhost:{os.environ.get('GATEWAY_PORT', '4566')}"

    def apply_with_parameters(template: Any, provided: Any = None, previous: Any = None) -> Any:
        if SAM not in cloudformation.declared_transforms(template):
            return apply_transforms(template, provided, previous)
        values = cloudformation._transform_parameters(template, provided, previous)
        prepared = apply_transforms(cloudformation._without_transform(template, SAM), provided, previous)
        transformed = sam.transform(prepared, values, engine.module("core.responses").get_region())
        return ministack.ENGINE.adapt(transformed, endpoint, engine.module("services.s3")._get_object_data)

    for module in ("engine", "changesets", "handlers"):
        engine.replace(engine.module(f"services.cloudformation.{module}"), "_apply_transforms", apply_with_parameters)
    _transform_nested(engine, apply_with_parameters)


def _transform_nested(engine: Engine, apply_transforms: Callable[[Any, Any], Any]) -> None:
    """Transforms the template of a nested stack. MiniStack parses it where it knows the parameters no longer."""
    cloudformation, provisioners = engine.module("services.cloudformation.engine"), engine.module("services.cloudformation.provisioners")
    parse, deploy = cloudformation._parse_template, provisioners._cfn_nested_stack_deploy
    parameters: ContextVar[dict[str, Any] | None] = ContextVar("parameters", default=None)

    def deploy_with_parameters(logical_id: str, properties: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        token = parameters.set(properties.get("Parameters") or {})
        try:
            return deploy(logical_id, properties, *arguments, **named)
        finally:
            parameters.reset(token)

    def parse_and_transform(body: str) -> Any:
        template, given = parse(body), parameters.get()
        if given is None:
            return template
        parameters.set(None)  # what is parsed next is not the template of the nested stack
        return apply_transforms(template, [{"Key": name, "Value": str(value)} for name, value in given.items()])

    engine.replace(cloudformation, "_parse_template", parse_and_transform)
    engine.replace(provisioners, "_cfn_nested_stack_deploy", deploy_with_parameters)


def expire_items(engine: Engine) -> None:
    """Enables the time to live of a table whose template has it."""
    provisioners, dynamodb = engine.module("services.cloudformation.provisioners"), engine.module("services.dynamodb")
    create = provisioners._ddb_create

    def create_and_expire(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        created = create(logical_id, properties, stack)
        expiry = properties.get("TimeToLiveSpecification") or {}
        if str(expiry.get("Enabled", False)).lower() == "true":
            dynamodb._update_ttl({"TableName": created[0], "TimeToLiveSpecification": {
                "Enabled": True, "AttributeName": expiry["AttributeName"]}})
        return created

    engine.replace(provisioners, "_ddb_create", create_and_expire)
    engine.replace(provisioners, "_RESOURCE_HANDLERS", {**provisioners._RESOURCE_HANDLERS, "AWS::DynamoDB::Table": {
        **provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"], "create": create_and_expire}})
