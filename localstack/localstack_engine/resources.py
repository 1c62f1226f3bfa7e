"""Resources that LocalStack's community edition lacks: those of HTTP and WebSocket APIs, and identities of mail senders.

They are created at MiniStack, which serves API Gateway and SES at the same endpoint.
"""

from __future__ import annotations

import os
from functools import cache, partialmethod
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    ResourceRequest,
)
from localstack.services.ses.resource_providers.aws_ses_emailidentity import SESEmailIdentityProvider

from engine.aws import Aws

POLL_SECONDS = 0.02


class ApiResource(ResourceProvider):  # type: ignore[misc] # LocalStack is untyped
    """Creates, updates and deletes the resources of one `AWS::ApiGatewayV2` type, whose properties have the names of the API's parameters.
    `identifier` is the property with the id, `parents` are those with the ids of what the resource belongs to."""

    def __init__(self, kind: str, identifier: str, parents: tuple[str, ...]) -> None:
        self.operation = "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind)  # _api_mapping
        self.identifier, self.parents = identifier, parents
        self.SCHEMA = {"primaryIdentifier": [f"/properties/{identifier}"]}

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Creates the resource, and adds its id to the model."""
        client = _client("apigatewayv2")
        properties = request.desired_state
        created = self._call(client, "create", properties)
        outputs = {name: value for name, value in created.items() if name in (self.identifier, "ApiEndpoint")}
        return _done({**properties, **outputs})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Changes the resource, which keeps its id and its parents."""
        before = request.previous_state
        kept = {name: before[name] for name in (self.identifier, *self.parents, "ApiEndpoint") if name in before}
        model = {**request.desired_state, **kept}
        self._call(_client("apigatewayv2"), "update", model)
        return _done(model)

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        """Deletes the resource, if it still exists."""
        model = request.desired_state
        try:
            self._call(_client("apigatewayv2"), "delete", {name: model[name] for name in (self.identifier, *self.parents)})
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":  # it went with its API
                raise
        return _done(model)

    def _call(self, client: Any, verb: str, properties: dict[str, Any]) -> dict[str, Any]:
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[verb + self.operation]).input_shape
        answer: dict[str, Any] = getattr(client, verb + self.operation)(**_typed(shape, properties))
        return answer


def _typed(shape: Any, value: Any) -> Any:
    """Returns a value of a template with the types of the API, and without what the API does not have. CloudFormation makes text of
    numbers and truth values that come from parameters."""
    if shape.type_name == "structure":
        members = {name[0].upper() + name[1:]: member for name, member in value.items()}  # MiniStack's CloudFormation wants camelCase
        return {name: _typed(shape.members[name], member) for name, member in members.items() if name in shape.members}
    if shape.type_name == "map":
        return {name: _typed(shape.value, member) for name, member in value.items()}
    if shape.type_name == "list":
        return [_typed(shape.member, member) for member in value]
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    return int(value) if shape.type_name == "integer" else value


def create_mail_identities() -> None:
    """Has CloudFormation create identities of mail senders. LocalStack knows the resource, and has not implemented it."""
    def create(_: SESEmailIdentityProvider, request: ResourceRequest) -> ProgressEvent:
        _client("sesv2").create_email_identity(EmailIdentity=request.desired_state["EmailIdentity"])
        return _done(request.desired_state)

    def delete(_: SESEmailIdentityProvider, request: ResourceRequest) -> ProgressEvent:
        _client("sesv2").delete_email_identity(EmailIdentity=request.desired_state["EmailIdentity"])
        return _done(request.desired_state)

    SESEmailIdentityProvider.create, SESEmailIdentityProvider.delete = create, delete


@cache
def _client(service: str) -> Any:
    """Returns a client of the engine that serves what LocalStack does not."""
    return Aws(os.environ["WAYBILL_ENDPOINT"]).client(service)


def _done(model: dict[str, Any]) -> ProgressEvent:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def poll_often() -> None:
    """Has CloudFormation look often whether a resource is finished. LocalStack waits a second each time, at least once for a function."""
    ResourceProviderExecutor.deploy_loop = partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=POLL_SECONDS)


# The types of `AWS::ApiGatewayV2`, each with its id property and the id properties of its parents.
RESOURCES = {
    "Api": ("ApiId", ()),
    "ApiMapping": ("ApiMappingId", ("DomainName",)),
    "Authorizer": ("AuthorizerId", ("ApiId",)),
    "DomainName": ("DomainName", ()),
    "Integration": ("IntegrationId", ("ApiId",)),
    "Route": ("RouteId", ("ApiId",)),
    "Stage": ("StageName", ("ApiId",)),
}


def _plugin(kind: str) -> type[CloudFormationResourceProviderPlugin]:
    identifier, parents = RESOURCES[kind]

    def load(self: Any) -> None:
        self.factory = lambda: ApiResource(kind, identifier, parents)

    return type(f"{kind}Plugin", (CloudFormationResourceProviderPlugin,), {"name": f"AWS::ApiGatewayV2::{kind}", "load": load})


# LocalStack finds these by entry_points.txt.
ApiPlugin = _plugin("Api")
ApiMappingPlugin = _plugin("ApiMapping")
AuthorizerPlugin = _plugin("Authorizer")
DomainNamePlugin = _plugin("DomainName")
IntegrationPlugin = _plugin("Integration")
RoutePlugin = _plugin("Route")
StagePlugin = _plugin("Stage")
