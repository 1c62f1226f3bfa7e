"""Fixes of the endpoints of SNS that push messages are published to."""

from __future__ import annotations

from typing import Any

from ministack_engine.patching import Engine


def use_endpoint_arns(engine: Engine) -> None:
    """Gives the endpoints of devices ARNs with `:endpoint/`, as SNS does. MiniStack gives them ARNs of applications,
    with `:app/`."""
    sns = engine.module("services.sns")
    create = sns._create_platform_endpoint

    def create_endpoint(parameters: dict[str, Any]) -> Any:
        status, headers, body = create(parameters)
        for endpoint in [made for made in sns._platform_endpoints.values() if ":app/" in made["arn"]]:
            arn = endpoint["arn"]
            sns._platform_endpoints.pop(arn)
            endpoint["arn"] = arn.replace(":app/", ":endpoint/")
            sns._platform_endpoints[endpoint["arn"]] = endpoint
            body = body.replace(arn.encode(), endpoint["arn"].encode())
        return status, headers, body

    engine.replace(sns, "_create_platform_endpoint", create_endpoint)


def refuse_disabled_endpoints(engine: Engine) -> None:
    """Refuses to publish to a disabled endpoint, as SNS does. MiniStack accepts the message."""
    sns = engine.module("services.sns")
    publish = sns._publish

    def publish_to_enabled(parameters: dict[str, Any]) -> Any:
        endpoint = sns._platform_endpoints.get(sns._p(parameters, "TargetArn"))
        if endpoint is not None and endpoint["attributes"].get("Enabled") == "false":
            return sns._error("EndpointDisabled", "Endpoint is disabled", 400)
        return publish(parameters)

    engine.replace(sns, "_publish", publish_to_enabled)
