"""The engine's CloudFormation updates nested stacks."""

from __future__ import annotations

from typing import Any


def keep_attributes(cloudformation: Any, provisioners: Any) -> None:
    """Lets a resource of a nested stack keep its attributes when an update leaves it where it is. The engine forgets those that the
    handler of the type does not answer again, and the next `Fn::GetAtt` of one fails: "Requested attribute Arn does not exist"."""
    update = provisioners._update_resource

    def update_and_keep(kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str | None = None, *more: Any,
                        **named: Any) -> tuple[str, dict[str, Any]]:
        kept = cloudformation._stacks.get(stack, {}).get("_resources", {}).get(logical_id, {}).get("Attributes") or {}
        updated, attributes = update(kind, physical_id, old, new, stack, logical_id, *more, **named)
        return updated, {**(kept if updated == physical_id else {}), **(attributes or {})}

    provisioners._update_resource = update_and_keep
