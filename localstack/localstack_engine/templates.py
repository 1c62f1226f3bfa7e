"""Transforms and adapts the templates inside LocalStack's CloudFormation, as the patch `transform_sam` does in MiniStack's."""

from __future__ import annotations

import os
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.cloudformation.engine.v2.change_set_model_transform import ChangeSetModelTransform

from engine import sam
from engine.engines.localstack import ENGINE
from engine.stack import REGION


def adapt_templates() -> None:
    """Runs the SAM transform and `engine.sam.adapt` in every deployment."""
    endpoint = os.environ["WAYBILL_ENDPOINT"]

    def transform(region_name: str, template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        values = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in parameters.items()}
        return ENGINE.adapt(sam.transform(template, values, region_name), endpoint, read_object)

    ChangeSetModelTransform._apply_global_serverless_transformation = staticmethod(transform)


def read_object(bucket: str, key: str) -> bytes:
    """Returns an object of a bucket."""
    content: bytes = connect_to(region_name=REGION).s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
