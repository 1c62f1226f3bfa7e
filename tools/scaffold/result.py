"""Saves generated files, and reports the next steps."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from engine import templates
from engine.problem import Problem
from scaffold import rust, sam_text
from scaffold.tree import Tree

ROOT_TEMPLATE, OPENAPI = "template.yaml", "openapi.json"
IDS, KERNEL = "shared/kernel/src/id.rs", "shared/kernel/src/lib.rs"


@dataclass(frozen=True)
class Result:
    """The written files, and the next steps for the user."""

    files: list[str]
    next_steps: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = ["wrote", *(f"  {path}" for path in self.files), "next", *(f"  {step}" for step in self.next_steps)]
        return "\n".join(lines)


def save(tree: Tree, next_steps: list[str]) -> Result:
    """Writes the tree if the templates are consistent and cargo accepts the manifests. Otherwise writes nothing."""
    def check() -> None:
        _ = templates.read(tree.root).merged
        done = subprocess.run(["cargo", "update", "--workspace", "--offline"], cwd=tree.root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Problem(f"Cargo.lock: {done.stderr.strip()}")

    tree.format_rust()
    return Result(tree.save(check, also=["Cargo.lock"]), next_steps)


def route_keys(tree: Tree) -> set[str]:
    """Returns the keys of the routes of all contexts."""
    sources = (tree.root / "functions").glob("*/src/**/*.rs")
    return {key for path in sources for key in rust.route_keys(path.read_text(encoding="utf-8"))}


def require_free_ids(tree: Tree, argument: str, names: list[str]) -> None:
    """Fails if a logical id exists in any template."""
    root = tree.read(ROOT_TEMPLATE)
    taken = dict.fromkeys(sam_text.resources(root), "the root template")
    for context in sam_text.contexts(root):
        taken |= dict.fromkeys(sam_text.resources(tree.read(f"functions/{context}/template.yaml")), context)
    for name in names:
        if name in taken:
            raise Problem(f"{argument}: {taken[name]} has a resource {name}, and ids are unique across all templates; choose another name")


def require_free_documentation(tree: Tree, argument: str, operations: list[str], schemas: list[str]) -> None:
    """Fails if an operation or a schema of the API's document has one of these names."""
    document: dict[str, Any] = json.loads(tree.read(OPENAPI))
    known = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    for name in operations:
        if name in known:
            raise Problem(f"{argument}: the API has an operation {name}; choose another name")
    for name in schemas:
        if name in document["components"]["schemas"]:
            raise Problem(f"{argument}: the API has a schema {name}; choose another name")
