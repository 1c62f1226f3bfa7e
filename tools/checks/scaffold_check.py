"""What `make new-context` and `make new-function` write passes the checks of `make check` as it is."""

from __future__ import annotations

from pathlib import Path

from checks import one_folder, sam_templates
from engine.build import cargo
from scaffold import proof


def check(root: Path, tree: Path) -> None:
    """Writes a context and functions of each kind into a copy of the repository, and checks that as `make check` does."""
    one_folder.copy(root, tree)
    proof.add_all(tree)
    target = str(root / "target")
    cargo(tree, "fmt", "--all", "--check")
    sam_templates.validate(tree, root / ".local" / "valid-templates")
    cargo(tree, "clippy", "--release", "--workspace", "--all-targets", "--offline", "--locked", "--quiet", "--", "-D", "warnings",
          CARGO_TARGET_DIR=target)
    one_folder.pytest(tree, one_folder.TESTS)
