"""Resources that are created at the engine before LocalStack, and updates of nested stacks."""

from __future__ import annotations

import unittest
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import boto3
from botocore.exceptions import ClientError
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import OperationStatus, plugin_manager

from localstack_engine import nested_stacks, resources
from localstack_engine.resources import RESOURCES, ApiResource


def request(desired: dict[str, Any], previous: dict[str, Any] | None = None) -> Any:
    """Returns what CloudFormation gives to a resource."""
    return SimpleNamespace(desired_state=desired, previous_state=previous, custom_context={},
                           aws_client_factory=SimpleNamespace(cloudformation=MagicMock()))


def error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "call")


class Resources(unittest.TestCase):
    def setUp(self) -> None:
        self.client = MagicMock()
        self.client.meta = boto3.client("apigatewayv2", region_name="eu-central-1").meta
        patched = patch.object(resources, "_client", return_value=self.client)
        patched.start()
        self.addCleanup(patched.stop)

    def resource(self, kind: str) -> ApiResource:
        return ApiResource(kind, *RESOURCES[kind])

    def test_localstack_finds_a_resource_of_each_kind(self) -> None:
        for kind in RESOURCES:
            plugin = plugin_manager.load(f"AWS::ApiGatewayV2::{kind}")
            self.assertEqual(plugin.factory().SCHEMA, {"primaryIdentifier": [f"/properties/{RESOURCES[kind][0]}"]})

    def test_properties_get_the_types_of_the_api(self) -> None:
        self.client.create_api.return_value = {"ApiId": "1", "ApiEndpoint": "http://api", "Name": "shop"}
        created = self.resource("Api").create(request({
            "Name": "shop", "ProtocolType": "HTTP", "DisableExecuteApiEndpoint": "false", "Body": {"not": "supported"},
            "CorsConfiguration": {"allowOrigins": ["*"], "maxAge": "600"}}))
        self.client.create_api.assert_called_once_with(
            Name="shop", ProtocolType="HTTP", DisableExecuteApiEndpoint=False, CorsConfiguration={"AllowOrigins": ["*"], "MaxAge": 600})
        self.assertEqual(created.resource_model["ApiId"], "1")
        self.assertEqual(created.resource_model["ApiEndpoint"], "http://api")

    def test_an_update_keeps_the_id_and_the_parent(self) -> None:
        before = {"ApiId": "1", "RouteId": "2", "RouteKey": "GET /"}
        updated = self.resource("Route").update(request({"ApiId": "1", "RouteKey": "GET /new"}, before))
        self.client.update_route.assert_called_once_with(ApiId="1", RouteId="2", RouteKey="GET /new")
        self.assertEqual(updated.resource_model["RouteId"], "2")

    def test_what_is_gone_is_deleted(self) -> None:
        self.client.delete_stage.side_effect = error("NotFoundException")
        deleted = self.resource("Stage").delete(request({"ApiId": "1", "StageName": "live", "AutoDeploy": True}))
        self.client.delete_stage.assert_called_once_with(ApiId="1", StageName="live")
        self.assertEqual(deleted.status, OperationStatus.SUCCESS)
        self.client.delete_stage.side_effect = error("BadRequestException")
        with self.assertRaises(ClientError):
            self.resource("Stage").delete(request({"ApiId": "1", "StageName": "live"}))


class NestedStacks(unittest.TestCase):
    def setUp(self) -> None:
        self.request = request({"TemplateURL": "new", "Parameters": {"Seed": True, "Count": 3}},
                               {"Id": "nested", "TemplateURL": "old", "Outputs": {"Url": "old"}})
        self.cloudformation = self.request.aws_client_factory.cloudformation

    def update(self, status: str | None = None) -> Any:
        if status:
            stack = {"StackStatus": status, "Outputs": [{"OutputKey": "Url", "OutputValue": "new"}]}
            self.cloudformation.describe_stacks.return_value = {"Stacks": [stack]}
        return nested_stacks.update(None, self.request)

    def test_it_is_updated_and_its_outputs_are_new(self) -> None:
        self.assertEqual(self.update().status, OperationStatus.IN_PROGRESS)
        sent = self.cloudformation.update_stack.call_args.kwargs
        self.assertEqual((sent["StackName"], sent["TemplateURL"]), ("nested", "new"))
        self.assertEqual({each["ParameterKey"]: each["ParameterValue"] for each in sent["Parameters"]}, {"Seed": "true", "Count": "3"})
        self.assertEqual(self.update("UPDATE_IN_PROGRESS").status, OperationStatus.IN_PROGRESS)
        self.assertEqual(self.update("UPDATE_COMPLETE").status, OperationStatus.IN_PROGRESS, "its outputs are stored a moment later")
        done = self.update("UPDATE_COMPLETE")
        self.assertEqual((done.status, done.resource_model["Outputs"]), (OperationStatus.SUCCESS, {"Url": "new"}))
        self.cloudformation.update_stack.assert_called_once()

    def test_a_failure_is_reported(self) -> None:
        self.update()
        failed = self.update("UPDATE_FAILED")
        self.assertEqual((failed.status, failed.message), (OperationStatus.FAILED, "the nested stack is UPDATE_FAILED"))

    def test_a_failed_deployment_is_no_success(self) -> None:
        result = SimpleNamespace(failure_message="no such table")
        for name, raises in (("cs-waybill-create", True), ("of-sam-deploy", False)):
            executor = nested_stacks.FailingExecutor.__new__(nested_stacks.FailingExecutor)
            executor._change_set = SimpleNamespace(change_set_name=name)
            with self.subTest(name), patch.object(ChangeSetModelExecutor, "execute", return_value=result):
                if raises:
                    self.assertRaisesRegex(RuntimeError, "no such table", executor.execute)
                else:
                    self.assertIs(executor.execute(), result)

    def test_nothing_to_update_is_no_failure(self) -> None:
        self.cloudformation.update_stack.side_effect = error("ValidationError", "No updates are to be performed.")
        self.assertEqual(self.update().status, OperationStatus.SUCCESS)


if __name__ == "__main__":
    unittest.main()
