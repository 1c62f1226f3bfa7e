"""Turns template.yaml into plain CloudFormation that the local engine carries out; pure functions, no network.

`template.yaml` stays idiomatic SAM. Three steps lead to the engine: `package` points code and definitions at what was
built, `transform` runs the SAM transform with the real parameter values, `adapt` rewrites what the engine would ignore.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from engine.problem import Problem

Template = dict[str, Any]

logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it warns of metrics that nobody asked for

# The name under which the engine serves the HTTP API at its root. A custom domain needs a dot, so it cannot be
# `localhost`; that one stays the name of the AWS endpoint.
API_DOMAIN = "127.0.0.1"

# How functions are told where the connections of a WebSocket API are, as the template says it; the stage follows.
SOCKET_ADDRESS = "https://${{{}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/"

# Resource types that the engine refuses, and why a local stack does well without them.
DROPPED = {
    "AWS::ApiGatewayV2::Deployment": "a stage serves the routes as they are",
    "AWS::ApplicationAutoScaling::ScalableTarget": "nothing scales locally",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing scales locally",
    "AWS::CodeDeploy::Application": "an update replaces functions at once",
    "AWS::CodeDeploy::DeploymentGroup": "an update replaces functions at once",
}

METHODS = ("get", "put", "post", "delete", "patch", "options", "head")
ANY_METHOD = "x-amazon-apigateway-any-method"


def read(path: Path) -> Template:
    """The template as written, short tags (`!Ref`) in their long form."""
    return yaml_parse(path.read_text(encoding="utf-8"))


def contexts(template: Template) -> list[str]:
    """The folders under `build/` that functions take their code from."""
    uris = [_property(template, function, "CodeUri") for function in _of_type(template, "AWS::Serverless::Function")]
    return sorted({_context(uri) for uri in uris})


def package(template: Template, base: Path, code: Callable[[str], dict[str, str]]) -> Template:
    """Points each function at its uploaded archive, `code(context)`, and takes state machine definitions in."""
    packaged = deepcopy(template)
    for function in _of_type(packaged, "AWS::Serverless::Function"):
        function["Properties"]["CodeUri"] = code(_context(_property(template, function, "CodeUri")))
    packaged.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for machine in _of_type(packaged, "AWS::Serverless::StateMachine"):
        if isinstance(uri := machine["Properties"].pop("DefinitionUri", None), str):
            machine["Properties"]["Definition"] = read(base / uri)
    return packaged


def transform(template: Template, parameters: dict[str, str], region: str) -> Template:
    """The SAM transform, as CloudFormation runs it, on the real parameter values."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the transform asks boto3 for the region
    values: dict[str, str | list[str]] = {**parameters}
    for name, declaration in template.get("Parameters", {}).items():
        if declaration["Type"] == "CommaDelimitedList":
            values[name] = [part.strip() for part in parameters.get(name, declaration.get("Default", "")).split(",")]
    try:
        return Translator({}, Parser()).translate(deepcopy(template), values)
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise Problem(f"template.yaml is not valid SAM: {causes}") from None


def adapt(template: Template, endpoint: str) -> Template:
    """Replaces what the engine, which is at `endpoint`, ignores or refuses by what it carries out."""
    adapted = _with_local_sockets(template, endpoint)
    resources: dict[str, Any] = adapted["Resources"]
    for name in [name for name, resource in resources.items() if _is_dropped(resource)]:
        del resources[name]
    for name, resource in list(resources.items()):
        _forget_dropped(resource, resources)
        if resource["Type"] == "AWS::ApiGatewayV2::Authorizer":
            resource["Properties"].setdefault("IdentitySource", [])  # the engine would want a header
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            resources.update(_http_api(name, resource))
    _refuse_dangling(adapted)
    return adapted


def expiring_tables(template: Template) -> dict[str, str]:
    """The tables that want time to live, which the engine's CloudFormation leaves off: logical name to attribute."""
    wanted = {}
    for name, table in template["Resources"].items():
        ttl = table.get("Properties", {}).get("TimeToLiveSpecification", {})
        if table["Type"] == "AWS::DynamoDB::Table" and str(ttl.get("Enabled", False)).lower() == "true":
            wanted[name] = ttl["AttributeName"]
    return wanted


def _with_local_sockets(template: Template, endpoint: str) -> Template:
    """The template with each address of a WebSocket API as the engine has it: by path, where AWS has a host for each API."""
    sockets = [name for name, resource in template["Resources"].items()
               if resource["Type"] == "AWS::ApiGatewayV2::Api" and resource["Properties"].get("ProtocolType") == "WEBSOCKET"]
    text = json.dumps(template, default=str)
    for name in sockets:
        text = text.replace(SOCKET_ADDRESS.format(name), f"{endpoint}/_aws/execute-api/${{{name}}}/")
    return json.loads(text)


def _of_type(template: Template, resource_type: str) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == resource_type]


def _property(template: Template, function: dict[str, Any], name: str) -> Any:
    shared = template.get("Globals", {}).get("Function", {})
    return function["Properties"].get(name, shared.get(name))


def _context(code_uri: Any) -> str:
    parts = Path(code_uri).parts if isinstance(code_uri, str) else ()
    if len(parts) != 2 or parts[0] != "build":
        raise Problem(f"a function's CodeUri has to be build/<context>/, not {code_uri}")
    return parts[1]


def _is_dropped(resource: dict[str, Any]) -> bool:
    # The engine refuses alarms over several metrics, and has no metrics of queues that they could be over.
    has_math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return resource["Type"] in DROPPED or has_math


def _forget_dropped(resource: dict[str, Any], kept: dict[str, Any]) -> None:
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
        for target in _references(resource.get("Properties", {})):
            if target not in known and not target.startswith("AWS::"):
                raise Problem(f"{name} refers to {target}, which does not exist or is dropped by sam.py")


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [target for item in value for target in _references(item)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"Ref"}:
        return [value["Ref"]]
    if set(value) == {"Fn::GetAtt"}:
        target = value["Fn::GetAtt"]
        return [target.split(".")[0] if isinstance(target, str) else target[0]]
    return [target for item in value.values() for target in _references(item)]


def _http_api(name: str, api: dict[str, Any]) -> dict[str, Any]:
    """An HTTP API's OpenAPI `Body` as the resources it stands for, plus the custom domain that serves it."""
    properties = api["Properties"]
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    properties["ProtocolType"] = "HTTP"
    if "x-amazon-apigateway-cors" in body:
        properties["CorsConfiguration"] = body["x-amazon-apigateway-cors"]  # camelCase, as the engine wants it
    made: dict[str, Any] = {
        f"{name}Domain": _resource("DomainName", {
            "DomainName": API_DOMAIN,
            "DomainNameConfigurations": [{"CertificateArn": "arn:aws:acm:local:000000000000:certificate/none"}]}),
        f"{name}Mapping": _resource("ApiMapping", {
            "DomainName": {"Ref": f"{name}Domain"}, "ApiId": {"Ref": name}, "Stage": "$default"}),
    }
    authorizers = {}
    for scheme, definition in body.get("components", {}).get("securitySchemes", {}).items():
        authorizers[scheme] = f"{name}{scheme}Authorizer"
        made[authorizers[scheme]] = _authorizer(name, scheme, definition["x-amazon-apigateway-authorizer"])
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method not in (*METHODS, ANY_METHOD):
                raise Problem(f"{name}: {method} {path} is not a plain operation; give its function no Condition")
            made.update(_route(name, path, method, operation, authorizers))
    return made


def _authorizer(api: str, scheme: str, definition: dict[str, Any]) -> dict[str, Any]:
    if definition["type"] != "request":
        raise Problem(f"{api}: authorizer {scheme} is not a Lambda authorizer")
    return _resource("Authorizer", {
        "ApiId": {"Ref": api},
        "Name": scheme,
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": definition["authorizerUri"],
        "AuthorizerPayloadFormatVersion": definition["authorizerPayloadFormatVersion"],
        "AuthorizerResultTtlInSeconds": definition.get("authorizerResultTtlInSeconds", 0),
        "EnableSimpleResponses": definition.get("enableSimpleResponses", False),
        "IdentitySource": definition.get("identitySource", []),
    })


def _route(api: str, path: str, method: str, operation: dict[str, Any], authorizers: dict[str, str]) -> dict[str, Any]:
    integration = operation["x-amazon-apigateway-integration"]
    function = _function_of(integration["uri"])
    verb = "ANY" if method == ANY_METHOD else method.upper()
    key = "$default" if operation.get("isDefaultRoute") else f"{verb} {path}"
    properties: dict[str, Any] = {
        "ApiId": {"Ref": api},
        "RouteKey": key,
        "Target": {"Fn::Sub": f"integrations/${{{api}{function}Integration}}"},
    }
    for scheme in (scheme for security in operation.get("security", []) for scheme in security):
        if scheme in authorizers:
            properties |= {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": authorizers[scheme]}}
    return {
        f"{api}{function}Integration": _resource("Integration", {
            "ApiId": {"Ref": api},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": integration["uri"],
            "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
        }),
        f"{api}Route{_identifier(key)}": _resource("Route", properties),
    }


def _function_of(uri: Any) -> str:
    """The logical name in SAM's `…/functions/${Name.Arn}/invocations`."""
    text = uri["Fn::Sub"] if isinstance(uri, dict) else uri
    return text.split("${")[-1].split(".")[0].split("}")[0]


def _identifier(text: str) -> str:
    """`GET /orders/{order_id}` as part of a logical name, which may hold only letters and digits."""
    return "".join(character if character.isalnum() else f"{ord(character):x}" for character in text)


def _resource(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}


def canonical(template: Template) -> str:
    """The template as text that is the same for the same content."""
    return json.dumps(template, sort_keys=True, default=str)
