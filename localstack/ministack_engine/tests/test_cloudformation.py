"""The patches of CloudFormation."""

from __future__ import annotations

from typing import Any

from ministack_engine.patches.cloudformation import lift_resource_limit
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed


def template(section: str, members: int) -> dict[str, Any]:
    return {section: {f"Member{number}": {"Type": "AWS::SQS::Queue"} for number in range(members)}}


def is_accepted(engine: Engine, tested: dict[str, Any]) -> bool:
    try:
        engine.module("services.cloudformation.engine")._validate_template_limits(tested)
    except ValueError as error:
        assert "maximum allowed" in str(error)
        return False
    return True


def test_lift_resource_limit_fits(engine: Engine) -> None:
    lift_resource_limit(engine)
    assert is_accepted(engine, template("Resources", 5000))
    assert not is_accepted(engine, template("Outputs", 201)), "other limits stay"


def test_lift_resource_limit_is_needed(engine: Engine) -> None:
    assert_needed("lift_resource_limit", not is_accepted(engine, template("Resources", 501)))
