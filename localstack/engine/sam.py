"""Turns a SAM template into plain CloudFormation that the local engine can deploy. All functions are pure.

The templates stay idiomatic SAM. `package` points code and definitions at what was uploaded, before a deployment. The
engine's CloudFormation calls the others in every deployment: `transform` runs the SAM transform with the real parameter
values, `adapt` rewrites what the engine would ignore.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from engine.problem import Problem
from engine.templates import FUNCTION, Loader, Template, applications, context_of, load, references

logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it warns about metrics of its own

# The name under which the engine serves the HTTP API at its root. A custom domain needs a dot, so it cannot be
# `localhost`; that one stays the name of the AWS endpoint.
API_DOMAIN = "127.0.0.1"

# The address of an API as templates write it, for functions that call the API or post to its connections.
ADDRESS = re.compile(r"(https|wss)://(\$\{\w+\})\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}/")

# The factor of all timeouts of functions and workflow tasks. On one machine, functions wait for the cores that the engine uses. The time
# limits of their own calls to AWS have the same factor (`call_limit` in shared/lambda/src/https.rs).
TIMEOUT_FACTOR = 3

# The timeout of a function that has none, in seconds.
DEFAULT_TIMEOUT = 3

# The path of a function's archive, relative to the root or to the folder of its context.
CODE_URI = re.compile(r"(?:\.\./\.\./)?build/([^/]+)\.zip")

# Resource types that the engine refuses, and why a local stack does not need them.
DROPPED = {
    "AWS::ApiGatewayV2::Deployment": "a stage serves the current routes without a deployment",
    "AWS::ApplicationAutoScaling::ScalableTarget": "nothing scales locally",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing scales locally",
    "AWS::CodeDeploy::Application": "a local update replaces functions immediately",
    "AWS::CodeDeploy::DeploymentGroup": "a local update replaces functions immediately",
}


def package(template: Template, base: Path, code: Callable[[str], dict[str, str]], nested: Mapping[str, str] | None = None) -> Template:
    """Replaces local paths in a template by what was uploaded.

    The `CodeUri` of a function becomes `code(context)`, the `Location` of a nested stack becomes the URL that `nested` has for its context,
    and the definition file of a state machine, whose path is relative to `base`, is inlined.
    """
    packaged = deepcopy(template)
    for function in _of_type(packaged, FUNCTION):
        function["Properties"]["CodeUri"] = code(_context(_property(template, function, "CodeUri")))
    packaged.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for machine in _of_type(packaged, "AWS::Serverless::StateMachine"):
        if isinstance(uri := machine["Properties"].pop("DefinitionUri", None), str):
            machine["Properties"]["Definition"] = load(base / uri)
    for name, application in applications(packaged):
        application["Properties"]["Location"] = (nested or {})[context_of(name, application)]
    return packaged


def transform(template: Template, parameters: dict[str, str], region: str) -> Template:
    """Runs the SAM transform with the real parameter values, as CloudFormation does."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the transform asks boto3 for the region
    values: dict[str, str | list[str]] = {**parameters}
    for name, declaration in template.get("Parameters", {}).items():
        if declaration["Type"] == "CommaDelimitedList":
            values[name] = [part.strip() for part in parameters.get(name, declaration.get("Default", "")).split(",")]
    try:
        transformed: Template = Translator({}, Parser()).translate(deepcopy(template), values)
        return transformed
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise Problem(f"the templates are not valid SAM: {causes}") from None


def adapt(template: Template, endpoint: str, read_object: Callable[[str, str], bytes] | None = None) -> Template:
    """Replaces what the engine at `endpoint` ignores or refuses by what it supports.

    `read_object` returns an object of a bucket, such as the definition of a state machine that `sam deploy` has uploaded.
    """
    adapted = _with_local_addresses(template, endpoint)
    resources: dict[str, Any] = adapted["Resources"]
    for name in [name for name, resource in resources.items() if _is_dropped(resource)]:
        del resources[name]
    for name, resource in list(resources.items()):
        _remove_references_to_dropped(resource, resources)
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Timeout"] = resource["Properties"].get("Timeout", DEFAULT_TIMEOUT) * TIMEOUT_FACTOR
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            _extend_tasks(resource["Properties"], read_object)
        if resource["Type"] == "AWS::ApiGatewayV2::Authorizer":
            resource["Properties"].setdefault("IdentitySource", [])  # without it, the engine requires a header
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and resource["Properties"].get("ProtocolType") == "HTTP":
            resources.update(_http_api(name, resource["Properties"], _stages(name, resources)))
    _refuse_dangling(adapted)
    return adapted


def _with_local_addresses(template: Template, endpoint: str) -> Template:
    """Returns the template with local addresses of the APIs. The engine has a path for each API, AWS has a host."""
    origins = {"https": endpoint, "wss": endpoint.replace("http", "ws", 1)}
    text = ADDRESS.sub(lambda found: f"{origins[found[1]]}/_aws/execute-api/{found[2]}/", json.dumps(template, default=str))
    local: Template = json.loads(text)
    return local


def _of_type(template: Template, resource_type: str) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == resource_type]


def _property(template: Template, function: dict[str, Any], name: str) -> Any:
    shared = template.get("Globals", {}).get("Function", {})
    return function["Properties"].get(name, shared.get(name))


def _context(code_uri: Any) -> str:
    found = CODE_URI.fullmatch(code_uri) if isinstance(code_uri, str) else None
    if not found:
        raise Problem(f"a function's CodeUri has to be build/<context>.zip, not {code_uri}")
    return found[1]


def _is_dropped(resource: dict[str, Any]) -> bool:
    # The engine refuses alarms on several metrics, and has no metrics of queues.
    has_math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return resource["Type"] in DROPPED or has_math


def _remove_references_to_dropped(resource: dict[str, Any], kept: dict[str, Any]) -> None:
    depends = resource.get("DependsOn", [])
    remaining = [name for name in ([depends] if isinstance(depends, str) else depends) if name in kept]
    resource.pop("DependsOn", None)
    if remaining:
        resource["DependsOn"] = remaining
    resource.get("UpdatePolicy", {}).pop("CodeDeployLambdaAliasUpdate", None)
    if resource["Type"] == "AWS::ApiGatewayV2::Stage":
        resource["Properties"].pop("DeploymentId", None)


def _refuse_dangling(template: Template) -> None:
    known = {*template["Resources"], *template.get("Parameters", {}), *template.get("Conditions", {})}
    for name, resource in template["Resources"].items():
        for target in references(resource.get("Properties", {})):
            if target not in known and not target.startswith("AWS::"):
                raise Problem(f"{name} refers to {target}, which does not exist or is dropped by sam.py")


def _extend_tasks(machine: dict[str, Any], read_object: Callable[[str, str], bytes] | None) -> None:
    """Extends the timeouts of a workflow's tasks. The timeout of the whole execution stays, because functions rely on it."""
    if (location := machine.pop("DefinitionS3Location", None)) and read_object:
        definition = yaml.load(read_object(location["Bucket"], location["Key"]), Loader)
    else:
        separator, lines = machine["DefinitionString"]["Fn::Join"]
        definition = json.loads(separator.join(lines))
    for state in definition["States"].values():
        if "TimeoutSeconds" in state:
            state["TimeoutSeconds"] *= TIMEOUT_FACTOR
    machine["DefinitionString"] = json.dumps(definition)


def _stages(api: str, resources: dict[str, Any]) -> list[str]:
    return [name for name, resource in resources.items()
            if resource["Type"] == "AWS::ApiGatewayV2::Stage" and resource["Properties"]["ApiId"] == {"Ref": api}]


def _http_api(name: str, properties: dict[str, Any], stages: list[str]) -> dict[str, Any]:
    """Returns the custom domain that serves an HTTP API at the engine's root. Also changes the API's CORS keys to the camelCase that the
    engine requires."""
    if "CorsConfiguration" in properties:
        properties["CorsConfiguration"] = {key[0].lower() + key[1:]: value for key, value in properties["CorsConfiguration"].items()}
    return {
        f"{name}Domain": {"Type": "AWS::ApiGatewayV2::DomainName", "Properties": {
            "DomainName": API_DOMAIN,
            "DomainNameConfigurations": [{"CertificateArn": "arn:aws:acm:local:000000000000:certificate/none"}]}},
        f"{name}Mapping": {"Type": "AWS::ApiGatewayV2::ApiMapping", "DependsOn": stages, "Properties": {
            "DomainName": {"Ref": f"{name}Domain"}, "ApiId": {"Ref": name}, "Stage": "$default"}},
    }


def canonical(template: Template) -> str:
    """Returns the template as JSON. Equal templates give equal text."""
    return json.dumps(template, sort_keys=True, default=str)
