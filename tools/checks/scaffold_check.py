"""What `make new-context` and `make new-function` write passes the checks as it is, and the tests of the new crates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from checks import one_folder, sam_templates
from engine.build import cargo
from engine.problem import Problem
from scaffold import proof

# The tests that hold code, templates, samples and documents together.
TESTS = ("localstack/engine/tests", "tools/checks/tests/test_template.py", "tools/checks/tests/test_iam.py",
         "tools/checks/tests/test_health.py", "tools/checks/tests/test_events.py", "tools/checks/tests/test_openapi.py")


def check(root: Path, tree: Path) -> None:
    """Writes a context and functions of each kind into a copy of the repository, and checks that as `make check` does."""
    one_folder.copy(root, tree)
    proof.add_all(tree)
    target = str(root / "target")
    cargo(tree, "fmt", "--all", "--check")
    sam_templates.validate(tree)
    cargo(tree, "clippy", "--release", "--workspace", "--all-targets", "--offline", "--locked", "--quiet", "--", "-D", "warnings",
          CARGO_TARGET_DIR=target)
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=tree, check=False).returncode:
        raise Problem("what the generators write does not pass the tests of the templates, the reason is above")
