"""Updates of stacks, which LocalStack's CloudFormation reports as complete although they failed, or although nothing was updated."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor, ChangeSetModelExecutorResult
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceRequest
from localstack.services.cloudformation.resource_providers.aws_cloudformation_stack import CloudFormationStackProvider
from localstack.services.cloudformation.v2 import provider

STARTED = "WaybillUpdateStarted"
COMPLETE = "WaybillStackComplete"


def update_nested_stacks() -> None:
    """Has an update of a stack update its nested stacks, and lets a failed one fail."""
    create = CloudFormationStackProvider.create

    def create_with_outputs(self: CloudFormationStackProvider, request: ResourceRequest) -> ProgressEvent:
        return _once_more(create(self, request), request)

    CloudFormationStackProvider.create = create_with_outputs
    CloudFormationStackProvider.update = update
    provider.ChangeSetModelExecutor = FailingExecutor


class FailingExecutor(ChangeSetModelExecutor):  # type: ignore[misc] # LocalStack is untyped
    """Raises the failure of a stack that is created or updated without a change set. LocalStack does not look at the result then, says
    that the stack is complete, and takes the failed template for the deployed one."""

    def execute(self) -> ChangeSetModelExecutorResult:
        """Deploys the stack."""
        result = super().execute()
        if result.failure_message and self._change_set.change_set_name.startswith("cs-"):
            raise RuntimeError(result.failure_message)
        return result


def update(_: CloudFormationStackProvider, request: ResourceRequest) -> ProgressEvent:
    """Starts the update of a nested stack, and then looks whether it is finished. CloudFormation calls it until it is."""
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
    return _once_more(_progress(OperationStatus.SUCCESS, model), request)


def _once_more(event: ProgressEvent, request: ResourceRequest) -> ProgressEvent:
    """Looks again at a stack that is complete, because LocalStack stores its outputs a moment after it says so."""
    if event.status != OperationStatus.SUCCESS or request.custom_context.get(COMPLETE):
        return event
    request.custom_context[COMPLETE] = True
    return _progress(OperationStatus.IN_PROGRESS, event.resource_model, request.custom_context)


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
