"""The registry of patches is complete, documented, and for the pinned version of MiniStack."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.fault_plan import Plan
from engine.stack import PACKAGES, ROOT
from ministack_engine.patches import PATCHES, PINNED
from ministack_engine.patching import Engine, Kind, Patch, PatchDoesNotFitError, UnknownPatchError, apply_all, replace_attribute, select

TESTS = Path(__file__).parent
NAMES = [patch.name for patch in PATCHES]
REGISTRY = {patch.name: patch for patch in PATCHES}


def defined_tests() -> set[str]:
    """Returns the names of the test functions in this folder."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.glob("test_*.py"))
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", NAMES)
def test_every_patch_has_a_test_that_it_fits_and_one_that_it_is_needed(name: str) -> None:
    assert {f"test_{name}_fits", f"test_{name}_is_needed"} <= defined_tests()


def test_a_patch_has_the_name_of_its_function_and_no_name_comes_twice() -> None:
    assert [patch.apply.__name__ for patch in PATCHES] == NAMES
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_has_a_reason_in_one_sentence_and_a_docstring(name: str) -> None:
    reason = REGISTRY[name].reason
    assert reason.endswith(".") and ". " not in reason and "|" not in reason
    assert inspect.getdoc(REGISTRY[name].apply)


def internals() -> dict[str, Any]:
    """Returns the attributes of MiniStack's modules and classes, and what its functions consist of."""
    found: dict[str, Any] = {}
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == "ministack":
            for name, value in list(vars(module).items()):
                found[f"{module_name}.{name}"] = value
                if inspect.isclass(value) and value.__module__.startswith("ministack."):
                    found.update({f"{value.__module__}.{value.__qualname__}.{inner}": each for inner, each in vars(value).items()})
    functions = {name: value for name, value in found.items() if inspect.isfunction(value)}
    found.update({f"{name} code": (value.__code__, value.__defaults__) for name, value in functions.items()})
    return found


def test_every_change_of_ministack_goes_through_the_engine(engine: Engine) -> None:
    """Otherwise an attribute that no longer exists would be set without an error, and tests could not undo the change."""
    with pytest.MonkeyPatch.context() as patched:
        before = internals()
        apply_all(PATCHES, Engine(replace=patched.setattr, plan=Plan(1)))
        changed = {name for name, value in internals().items() if before.get(name) is not value and not name.endswith(" code")}
    assert {"ministack.app.app", "ministack.core.lambda_runtime.ProvidedWorker.invoke"} <= changed
    assert [name for name, value in internals().items() if name in before and before[name] != value] == []


def test_requirements_pin_the_version_that_the_patches_are_for() -> None:
    requirements = (ROOT / "tools" / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"^ministack==(\S+)", requirements, re.MULTILINE) == [PINNED]


def test_the_readme_has_the_same_table() -> None:
    readme = (ROOT / "localstack" / "README.md").read_text(encoding="utf-8")
    for kind in Kind:
        rows = [f"| `{patch.name}` | `{patch.part}` | {patch.reason} |" for patch in PATCHES if patch.kind is kind]
        table = "\n".join([f"| {kind.value} | MiniStack module | reason |", "| --- | --- | --- |", *rows, ""])
        assert f"\n\n{table}\n" in readme, f"localstack/README.md lacks this table:\n{table}"


def test_a_patch_that_replaces_a_missing_attribute_is_named() -> None:
    def rename(engine: Engine) -> None:
        engine.replace(SimpleNamespace(), "_old_name", 1)

    with pytest.raises(PatchDoesNotFitError, match=r"the patch rename does not fit ministack\.app: .*_old_name"):
        apply_all([Patch("rename", "app", "It is an example.", rename)], Engine(replace_attribute))


def test_patches_are_left_out_by_their_names() -> None:
    assert [patch.name for patch in select(PATCHES, NAMES[1:])] == NAMES[:1]
    with pytest.raises(UnknownPatchError, match="WAYBILL_ENGINE_WITHOUT names no patch: no_such_patch"):
        select(PATCHES, ["no_such_patch", *NAMES])


def test_an_engine_without_an_unknown_patch_does_not_start(tmp_path: Path) -> None:
    environment: dict[str, Any] = {
        **os.environ, "PYTHONPATH": str(PACKAGES), "WAYBILL_STATE": str(tmp_path), "WAYBILL_ENGINE_WITHOUT": "no_such_patch"}
    command = [sys.executable, "-m", "ministack_engine"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stderr) == (1, "WAYBILL_ENGINE_WITHOUT names no patch: no_such_patch\n")


def test_a_function_is_identified_by_its_logical_id(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = "waybill-Notifications-45fcaac9-17d-NotifyPaymentPro5744BEC731233"  # at 64 characters
    function = {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": cut}
    monkeypatch.setitem(engine.module("services.cloudformation")._stacks, "nested", {"_resources": {"NotifyPaymentProcessed": function}})
    assert engine.logical_name(cut) == "NotifyPaymentProcessed"
    assert engine.logical_name("bench-bare-Checkout") == "bench-bare-Checkout"
