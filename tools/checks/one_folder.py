"""A context is one folder: without it, and without its one entry in the root template, the rest builds, deploys and works.

The proof works in a copy of the repository, always at the same place, so that cargo checks again only what has changed there.
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

# The contexts of which no other one takes anything.
REMOVABLE = ("notifications", "analytics")


# The tests that hold code, templates and samples together, and know nothing of a context by its name.
TESTS = ("localstack/engine/tests", "tools/checks/tests/test_template.py", "tools/checks/tests/test_iam.py",
         "tools/checks/tests/test_health.py", "tools/checks/tests/test_events.py")


def removable(root: Path) -> list[str]:
    """The contexts that the shop under `root` has and can do without."""
    return [context for context in REMOVABLE if (root / "functions" / context).is_dir()]


def copy(root: Path, tree: Path) -> None:
    """Makes `tree` a copy of the sources under `root`, which shares what was built and installed."""
    proof.copy(root, tree)
    for shared in ("build", ".venv"):
        (tree / shared).symlink_to(root / shared)


def take_out(tree: Path, context: str) -> None:
    """Deletes the folder of a context and its entry in the root template, and nothing else."""
    shutil.rmtree(tree / "functions" / context)
    path = tree / "template.yaml"
    path.write_text(without_entry(path.read_text(encoding="utf-8"), context), encoding="utf-8")


def without_entry(template: str, context: str) -> str:
    """The root template without the nested stack of a context."""
    head = rf"^  \w+:\n    Type: AWS::Serverless::Application\n    Properties:\n      Location: functions/{context}/template\.yaml\n"
    remaining, entries = re.subn(rf"{head}(?:      .*\n)*\n?", "", template, flags=re.MULTILINE)
    if entries != 1:
        raise Problem(f"template.yaml has {entries} entries for functions/{context}/template.yaml")
    return remaining


def check(root: Path, tree: Path) -> None:
    """Compiles what is left, validates its templates, and runs the tests of the templates."""
    # Clippy checks the crates as the generators' proof does, which then finds them checked. The lock file loses a crate: not --locked.
    cargo(tree, "clippy", "--release", "--workspace", "--all-targets", "--offline", "--quiet", "--", "-D", "warnings",
          CARGO_TARGET_DIR=str(root / "target"))
    sam_templates.validate(tree, root / ".local" / "valid-templates")
    pytest(tree, TESTS)


def pytest(tree: Path, tests: tuple[str, ...]) -> None:
    """Runs tests of a tree."""
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=tree, check=False).returncode:
        raise Problem(f"tests in {tree} fail, the reason is above")
