"""Records push messages: `GET /_waybill/pushes` returns those of each device by its token."""

from __future__ import annotations

from typing import Any

from ministack_engine.patching import Engine


def record_pushes(engine: Engine) -> None:
    """Records what SNS publishes to the endpoints of devices. MiniStack delivers push messages nowhere."""
    sns = engine.module("services.sns")
    publish = sns._publish
    pushes: dict[str, list[dict[str, str]]] = {}

    def publish_and_record(parameters: dict[str, Any]) -> Any:
        answer = publish(parameters)
        endpoint = sns._platform_endpoints.get(sns._p(parameters, "TargetArn"))
        if endpoint is not None and answer[0] == 200:
            message = {"message": sns._p(parameters, "Message"), "structure": sns._p(parameters, "MessageStructure")}
            pushes.setdefault(endpoint["attributes"]["Token"], []).append(message)
        return answer

    async def by_token(*_: Any) -> dict[str, list[dict[str, str]]]:
        return pushes

    engine.replace(sns, "_publish", publish_and_record)
    engine.routes["/_waybill/pushes"] = by_token
