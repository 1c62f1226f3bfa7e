"""Fixes of the actions and resources that IAM checks."""

from __future__ import annotations

import json
from email.utils import parseaddr
from typing import Any

from ministack_engine.patching import Engine


def authorize_mail_by_sender(engine: Engine) -> None:
    """Checks ses:SendEmail against the identity of the sender, as AWS does. MiniStack checks it against `*`."""
    iam_actions = engine.module("core.iam_actions")
    original = iam_actions._ses_v2_resource_arn

    def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> Any:
        if path.rstrip("/") != "/v2/email/outbound-emails":
            return original(method, path, body, region, account)
        sender = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"

    engine.replace(iam_actions, "_ses_v2_resource_arn", resource_arn)


def authorize_batches_as_publish(engine: Engine) -> None:
    """Checks PublishBatch as sns:Publish, as AWS does. MiniStack checks sns:PublishBatch, an action that IAM does not
    have."""
    iam_actions = engine.module("core.iam_actions")
    original = iam_actions._action_from_query

    def action(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        return found.replace("PublishBatch", "Publish") if isinstance(found, str) else found

    engine.replace(iam_actions, "_action_from_query", action)
