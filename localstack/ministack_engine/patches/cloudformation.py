"""Fixes of CloudFormation."""

from __future__ import annotations

from ministack_engine.patching import Engine


def lift_resource_limit(engine: Engine) -> None:
    """Lifts the limit of 500 resources. `engine/sam.py` turns each route into two resources, which on AWS is a part of
    its API's; a test of the template counts the resources that AWS counts."""
    cloudformation = engine.module("services.cloudformation.engine")
    quotas = tuple(quota for quota in cloudformation._SECTION_QUOTAS if quota[0] != "Resources")
    engine.replace(cloudformation, "_SECTION_QUOTAS", quotas)
