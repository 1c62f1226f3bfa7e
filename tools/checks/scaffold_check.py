"""Checks that the output of `make new-context` and `make new-function` passes `make check` without changes."""

from __future__ import annotations

from pathlib import Path

from checks import one_folder, sam_templates
from engine.build import cargo
from scaffold import proof


def check(root: Path, tree: Path) -> None:
    """Generates a context and functions of each kind in a copy of the repository, and checks the copy as `make check` does."""
    one_folder.copy(root, tree)
    proof.add_all(tree)
    target = str(root / "target")
    cargo(tree, "fmt", "--all", "--check")
    sam_templates.validate(tree, root / ".local" / "valid-templates")
    cargo(tree, "clippy", "--release", "--workspace", "--all-targets", "--offline", "--locked", "--quiet", "--", "-D", "warnings",
          CARGO_TARGET_DIR=target)
    one_folder.pytest(tree, one_folder.TESTS)
