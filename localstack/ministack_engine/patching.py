"""The patches of MiniStack, and the engine that they change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from typing import IO, Any

from engine.aws import Aws
from engine.deploy import resources_of
from engine.fault_plan import Plan

# Sets an attribute of an object, and raises AttributeError where there is none to replace.
Replace = Callable[[Any, str, Any], None]

# Answers a request to one path under `/_waybill/`: takes the ASGI scope and `receive`, returns what to send as JSON.
Route = Callable[[Any, Any], Awaitable[Any]]

# Is called with the name of a function and the AWS service that it calls.
CallListener = Callable[[str, str], None]


def replace_attribute(owner: Any, name: str, value: Any) -> None:
    """Sets an attribute that exists."""
    getattr(owner, name)
    setattr(owner, name, value)


@dataclass
class Engine:
    """MiniStack in this process, and what its patches share."""

    replace: Replace = replace_attribute
    plan: Plan | None = None
    function_log: IO[bytes] | None = None
    localstack_url: str | None = None  # where LocalStack is, if it serves most services
    routes: dict[str, Route] = field(default_factory=dict)
    call_listeners: list[CallListener] = field(default_factory=list)
    logical_names: dict[str, str] = field(default_factory=dict)

    def module(self, name: str) -> Any:
        """Returns a module of MiniStack, such as `services.sns`. MiniStack is untyped, hence `Any`."""
        return import_module(f"ministack.{name}")

    def logical_name(self, function: str) -> str:
        """Returns the logical id of a function in its template, or its own name if no stack has it. It cannot be derived
        from the deployed name, which begins with the name of a nested stack and is cut at 64 characters."""
        if function not in self.logical_names:
            self.logical_names.update({
                resource["PhysicalResourceId"]: logical for stack in list(self.module("services.cloudformation")._stacks.values())
                for logical, resource in list(stack.get("_resources", {}).items())
                if resource.get("ResourceType") == "AWS::Lambda::Function" and "PhysicalResourceId" in resource})
            self.logical_names.setdefault(function, function)
        return self.logical_names[function]

    def deployed_name(self, logical_id: str) -> str | None:
        """Returns the name of the function that has this logical id in a template, if a stack has it."""
        if self.localstack_url is not None:
            return resources_of(Aws(self.localstack_url)).get("AWS::Lambda::Function", {}).get(logical_id)
        for stack in list(self.module("services.cloudformation")._stacks.values()):
            resource = stack.get("_resources", {}).get(logical_id, {})
            if resource.get("ResourceType") == "AWS::Lambda::Function":
                return str(resource["PhysicalResourceId"])
        return None


class Kind(Enum):
    """The purpose of a patch."""

    FIX = "fix"  # MiniStack differs from AWS or is slow; the patch is deleted when that is fixed in MiniStack
    ADDITION = "addition"  # Waybill's tests and measurements need something that AWS does not have either


@dataclass(frozen=True)
class Patch:
    """One change of MiniStack's internals: its name, the module of MiniStack that it changes (the main one, if there
    are several), the reason in one sentence, and the function that makes the change."""

    name: str
    part: str
    reason: str
    apply: Callable[[Engine], None]
    kind: Kind = Kind.FIX


class PatchDoesNotFitError(Exception):
    """MiniStack lacks what a patch replaces."""


class UnknownPatchError(Exception):
    """No patch has the name that WAYBILL_ENGINE_WITHOUT gives."""


def select(patches: Iterable[Patch], without: Collection[str]) -> list[Patch]:
    """Returns the patches in their order, without those of the given names."""
    patches = list(patches)
    if unknown := sorted(set(without) - {patch.name for patch in patches}):
        raise UnknownPatchError(f"WAYBILL_ENGINE_WITHOUT names no patch: {', '.join(unknown)}")
    return [patch for patch in patches if patch.name not in without]


def apply_all(patches: Iterable[Patch], engine: Engine) -> None:
    """Applies patches in their order."""
    for patch in patches:
        try:
            patch.apply(engine)
        except (AttributeError, ImportError) as error:  # noqa: PERF203 - the patch is named
            raise PatchDoesNotFitError(
                f"the patch {patch.name} does not fit ministack.{patch.part}: {error}; see Upgrading MiniStack in localstack/README.md"
            ) from error
