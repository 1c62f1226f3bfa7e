"""Checks that a context is one folder: without it and its entry in the root template, all other contexts build, deploy and work.

The check uses a copy of the repository, always at the same path, so that cargo checks only changed crates again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from checks import sam_templates
from engine.build import cargo
from engine.problem import Problem
from scaffold import proof

# The contexts that no other context depends on.
REMOVABLE = ("notifications", "analytics")


# The tests that compare code, templates and samples, and do not name any context.
TESTS = ("localstack/engine/tests", "tools/checks/tests/test_template.py", "tools/checks/tests/test_iam.py",
         "tools/checks/tests/test_health.py", "tools/checks/tests/test_events.py")


def removable(root: Path) -> list[str]:
    """Returns the contexts of the repository at `root` that can be removed."""
    return [context for context in REMOVABLE if (root / "functions" / context).is_dir()]


def copy(root: Path, tree: Path) -> None:
    """Makes `tree` a copy of the sources at `root`, which shares `build` and `.venv` with the original."""
    proof.copy(root, tree)
    for shared in ("build", ".venv"):
        (tree / shared).symlink_to(root / shared)


def take_out(tree: Path, context: str) -> None:
    """Deletes the folder of a context and its entry in the root template."""
    shutil.rmtree(tree / "functions" / context)
    path = tree / "template.yaml"
    path.write_text(without_entry(path.read_text(encoding="utf-8"), context), encoding="utf-8")


def without_entry(template: str, context: str) -> str:
    """Returns the root template without the nested stack of a context."""
    head = rf"^  \w+:\n    Type: AWS::Serverless::Application\n    Properties:\n      Location: functions/{context}/template\.yaml\n"
    remaining, entries = re.subn(rf"{head}(?:      .*\n)*\n?", "", template, flags=re.MULTILINE)
    if entries != 1:
        raise Problem(f"template.yaml has {entries} entries for functions/{context}/template.yaml")
    return remaining


def check(root: Path, tree: Path) -> None:
    """Compiles the remaining contexts, validates their templates, and runs the tests of the templates."""
    # The clippy options of the check of the generators, so that cargo checks crates once. Not --locked: the lock file loses a crate.
    cargo(tree, "clippy", "--release", "--workspace", "--all-targets", "--offline", "--quiet", "--", "-D", "warnings",
          CARGO_TARGET_DIR=str(root / "target"))
    sam_templates.validate(tree, root / ".local" / "valid-templates")
    pytest(tree, TESTS)


def pytest(tree: Path, tests: tuple[str, ...]) -> None:
    """Runs tests in a copy of the repository."""
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=tree, check=False).returncode:
        raise Problem(f"tests in {tree} failed, the reason is above")
