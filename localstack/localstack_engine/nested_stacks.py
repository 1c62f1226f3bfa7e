"""Updates of nested stacks. LocalStack's CloudFormation says that it has updated one, and leaves it as it is."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceRequest
from localstack.services.cloudformation.resource_providers.aws_cloudformation_stack import CloudFormationStackProvider

STARTED = "WaybillUpdateStarted"


def update_nested_stacks() -> None:
    """Has an update of a stack update its nested stacks."""
    CloudFormationStackProvider.update = update


def update(_: CloudFormationStackProvider, request: ResourceRequest) -> ProgressEvent:
    """Starts the update, and then looks whether it is finished. CloudFormation calls it until it is."""
    client = request.aws_client_factory.cloudformation
    model = {**request.previous_state, **request.desired_state}
    if not request.custom_context.get(STARTED):
        if not _start(client, model):
            return _progress(OperationStatus.SUCCESS, model)
        request.custom_context[STARTED] = True
        return _progress(OperationStatus.IN_PROGRESS, model, request.custom_context)
    stack = client.describe_stacks(StackName=model["Id"])["Stacks"][0]
    if stack["StackStatus"].endswith("_IN_PROGRESS"):
        return _progress(OperationStatus.IN_PROGRESS, model, request.custom_context)
    if stack["StackStatus"] != "UPDATE_COMPLETE":
        message = f"the nested stack is {stack['StackStatus']}"
        return ProgressEvent(status=OperationStatus.FAILED, resource_model=model, message=message)
    model["Outputs"] = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return _progress(OperationStatus.SUCCESS, model)


def _start(client: Any, model: dict[str, Any]) -> bool:
    """Starts the update of a nested stack, and returns whether there is anything to update."""
    parameters = [{"ParameterKey": name, "ParameterValue": str(value).lower() if isinstance(value, bool) else str(value)}
                  for name, value in model.get("Parameters", {}).items()]
    try:
        client.update_stack(StackName=model["Id"], TemplateURL=model["TemplateURL"], Parameters=parameters,
                            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    except ClientError as error:
        if "No updates" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _progress(status: OperationStatus, model: dict[str, Any], context: dict[str, Any] | None = None) -> ProgressEvent:
    return ProgressEvent(status=status, resource_model=model, custom_context=context or {})
