"""Counts the permissions that roles use: `GET /_waybill/grants` returns rows of [role, action, resource, count].

Each part of a transaction counts by itself, as IAM evaluates it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ministack_engine.patching import Engine


def count_grants(engine: Engine) -> None:
    """Counts what IAM allows to roles. Only an engine that enforces IAM evaluates policies."""
    iam_evaluator = engine.module("core.iam_evaluator")
    evaluate = iam_evaluator.evaluate
    allowed: Counter[tuple[str, str, str]] = Counter()

    def count(context: Any, *policies: Any) -> Any:
        result = evaluate(context, *policies)
        if result.decision == "Allow" and ":assumed-role/" in context.principal_arn:
            role = context.principal_arn.split(":assumed-role/")[1].split("/")[0]
            allowed[role, context.action, context.resource_arn] += 1
        return result

    async def rows(*_: Any) -> list[list[Any]]:
        return [[*grant, times] for grant, times in allowed.items()]

    engine.replace(iam_evaluator, "evaluate", count)
    engine.routes["/_waybill/grants"] = rows
