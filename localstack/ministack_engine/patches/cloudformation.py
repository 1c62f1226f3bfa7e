"""The engine's CloudFormation takes templates of any size."""

from __future__ import annotations

from typing import Any


def take_large_templates(cloudformation: Any) -> None:
    """Lifts the limit of 500 resources: `sam.py` makes two of each route, which to AWS is a part of its API. What AWS counts, a test
    does."""
    cloudformation._SECTION_QUOTAS = tuple(quota for quota in cloudformation._SECTION_QUOTAS if quota[0] != "Resources")
