"""Push messages are kept, and refused, as SNS does."""

from __future__ import annotations

from typing import Any


def keep_pushes(sns: Any) -> dict[str, list[dict[str, str]]]:
    """Keeps what is pushed to devices, by their tokens, for `GET /_waybill/pushes`; refuses a disabled endpoint as SNS does, and gives
    endpoints ARNs as SNS does. The engine takes whatever is pushed and forgets it, and gives them ARNs of applications."""
    create, publish = sns._create_platform_endpoint, sns._publish
    pushes: dict[str, list[dict[str, str]]] = {}

    def create_endpoint(parameters: dict[str, Any]) -> Any:
        status, headers, body = create(parameters)
        for endpoint in [made for made in sns._platform_endpoints.values() if ":app/" in made["arn"]]:
            arn = endpoint["arn"]
            sns._platform_endpoints.pop(arn)
            endpoint["arn"] = arn.replace(":app/", ":endpoint/")
            sns._platform_endpoints[endpoint["arn"]] = endpoint
            body = body.replace(arn.encode(), endpoint["arn"].encode())
        return status, headers, body

    def publish_kept(parameters: dict[str, Any]) -> Any:
        endpoint = sns._platform_endpoints.get(sns._p(parameters, "TargetArn"))
        if endpoint is None:
            return publish(parameters)
        if endpoint["attributes"].get("Enabled") == "false":
            return sns._error("EndpointDisabled", "Endpoint is disabled", 400)
        message = {"message": sns._p(parameters, "Message"), "structure": sns._p(parameters, "MessageStructure")}
        pushes.setdefault(endpoint["attributes"]["Token"], []).append(message)
        return publish(parameters)

    sns._create_platform_endpoint, sns._publish = create_endpoint, publish_kept
    return pushes
