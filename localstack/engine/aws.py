"""The boto3 clients of a local engine and of AWS itself."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import boto3
from botocore.client import Config

from engine.problem import Problem
from engine.stack import REGION

# The engine's root credentials, for deployments and tools. Functions run with the permissions of their roles.
CREDENTIALS = {"access_key_id": "test", "secret_access_key": "test"}


def variables(endpoint: str) -> dict[str, str]:
    """Returns the variables with which commands and functions use an engine as AWS."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"], "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"]}


class Aws:
    """The clients of one engine."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["access_key_id"],
            aws_secret_access_key=CREDENTIALS["secret_access_key"],
            config=Config(s3={"addressing_style": "path"}, proxies={}, read_timeout=900, retries={"total_max_attempts": 1}))

    @cached_property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    @cached_property
    def dynamodb(self) -> Any:
        return self.client("dynamodb")

    @cached_property
    def functions(self) -> Any:
        return self.client("lambda")

    @cached_property
    def iam(self) -> Any:
        return self.client("iam")

    @cached_property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def secrets(self) -> Any:
        return self.client("secretsmanager")

    @cached_property
    def sns(self) -> Any:
        return self.client("sns")

    @cached_property
    def sqs(self) -> Any:
        return self.client("sqs")

    @cached_property
    def workflows(self) -> Any:
        return self.client("stepfunctions")

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")


class Deployed(Aws):
    """The clients of AWS itself, with the user's own AWS configuration. That also has the default region."""

    def __init__(self, region: str | None = None) -> None:
        super().__init__(endpoint="")
        self.region = region

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.region, config=Config(retries={"mode": "adaptive", "max_attempts": 8}))


def invoke(aws: Aws, function: str, payload: dict[str, Any], what: str) -> dict[str, Any]:
    """Invokes a function and returns its response. `what` is the prefix of the error message."""
    response = aws.functions.invoke(FunctionName=function, Payload=json.dumps(payload))
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise Problem(f"{what}: {answer.get('errorMessage', answer)}; see `make logs`")
    return answer
