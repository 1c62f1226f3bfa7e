"""The patches of the actions and resources that IAM checks."""

from __future__ import annotations

import json
from typing import Any

from engine.stack import REGION
from ministack_engine.patches.iam import authorize_batches_as_publish, authorize_mail_by_sender
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

ACCOUNT = "000000000000"
MAIL = {"FromEmailAddress": "Waybill <orders@waybill.example>"}


def resource_of(engine: Engine, path: str, body: dict[str, Any]) -> Any:
    """Returns the resource that IAM checks for a request to SES."""
    actions = engine.module("core.iam_actions")
    return actions.extract_resource_arn("ses", "POST", path, {}, json.dumps(body).encode(), {}, REGION, ACCOUNT)


def action_of(engine: Engine, operation: str) -> Any:
    """Returns the action that IAM checks for a request to SNS."""
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return engine.module("core.iam_actions").extract_iam_action("sns", "POST", "/", headers, f"Action={operation}".encode(), {})


def test_authorize_mail_by_sender_fits(engine: Engine) -> None:
    authorize_mail_by_sender(engine)
    assert resource_of(engine, "/v2/email/outbound-emails", MAIL) == f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/orders@waybill.example"
    assert resource_of(engine, "/v2/email/templates", {"TemplateName": "receipt"}) == f"arn:aws:ses:{REGION}:{ACCOUNT}:template/receipt"


def test_authorize_mail_by_sender_is_needed(engine: Engine) -> None:
    assert_needed("authorize_mail_by_sender", resource_of(engine, "/v2/email/outbound-emails", MAIL) == "*")


def test_authorize_batches_as_publish_fits(engine: Engine) -> None:
    authorize_batches_as_publish(engine)
    assert [action_of(engine, operation) for operation in ("PublishBatch", "Publish", "Subscribe")] == [
        "sns:Publish", "sns:Publish", "sns:Subscribe"]


def test_authorize_batches_as_publish_is_needed(engine: Engine) -> None:
    assert_needed("authorize_batches_as_publish", action_of(engine, "PublishBatch") == "sns:PublishBatch")
