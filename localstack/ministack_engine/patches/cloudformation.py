"""Fixes of CloudFormation."""

from __future__ import annotations

from typing import Any

from ministack_engine.patching import Engine


def keep_attributes(engine: Engine) -> None:
    """Lets a resource of a nested stack keep its attributes when an update leaves it where it is. MiniStack forgets those
    that the handler of its type does not return again, and the next `Fn::GetAtt` of one fails."""
    stacks, provisioners = engine.module("services.cloudformation")._stacks, engine.module("services.cloudformation.provisioners")
    update = provisioners._update_resource

    def update_and_keep(kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str | None = None,
                        *more: Any) -> tuple[str, dict[str, Any]]:
        kept = stacks.get(stack, {}).get("_resources", {}).get(logical_id, {}).get("Attributes") or {}
        updated, attributes = update(kind, physical_id, old, new, stack, logical_id, *more)
        return updated, {**(kept if updated == physical_id else {}), **(attributes or {})}

    engine.replace(provisioners, "_update_resource", update_and_keep)
