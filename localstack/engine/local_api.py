"""The template for `sam local start-api`: the HTTP API and its functions, in one stack.

SAM's local API does not know the routes of a WebSocket API, and ends at `$connect`. It also does not find an API whose id a nested stack
gets as a parameter.
"""

from __future__ import annotations

from copy import deepcopy

from engine.templates import FUNCTION, ROUTE, Template, Templates

API = "AWS::ApiGatewayV2::Api"

# The resource types that SAM's local API reads.
KINDS = (FUNCTION, API, ROUTE, "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Stage")


def local_api(shop: Templates) -> Template:
    """Returns the template. Its paths are relative to `build/`."""
    merged = deepcopy(shop.merged)
    resources = {name: resource for name, resource in merged["Resources"].items() if resource["Type"] in KINDS}
    sockets = [name for name, resource in resources.items()
               if resource["Type"] == API and resource["Properties"].get("ProtocolType") == "WEBSOCKET"]
    kept = {name: resource for name, resource in resources.items()
            if name not in sockets and resource["Properties"].get("ApiId", {}).get("Ref") not in sockets}
    for resource in kept.values():
        resource.pop("DependsOn", None)
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = resource["Properties"]["CodeUri"].removeprefix("build/")
    sections = ("AWSTemplateFormatVersion", "Transform", "Parameters", "Conditions", "Globals")
    return {**{section: merged[section] for section in sections if section in merged}, "Resources": kept}
