"""Permissions are asked for as AWS asks for them."""

from __future__ import annotations

import json
from email.utils import parseaddr
from typing import Any


def authorize_mail_by_sender(iam_actions: Any) -> None:
    """Holds ses:SendEmail against the sender's identity, as AWS does; the engine asks for a grant on `*`."""
    original = iam_actions._ses_v2_resource_arn

    def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/") != "/v2/email/outbound-emails":
            return original(method, path, body, region, account)
        sender = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"

    iam_actions._ses_v2_resource_arn = resource_arn


def authorize_batches_as_publish(iam_actions: Any) -> None:
    """Holds sns:PublishBatch against a grant of sns:Publish, as AWS does; the engine asks for one of its own name."""
    original = iam_actions._action_from_query

    def action(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        return found.replace("PublishBatch", "Publish") if isinstance(found, str) else found

    iam_actions._action_from_query = action
