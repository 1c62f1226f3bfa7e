"""Validates all templates as `sam validate --lint` does. A valid template is not validated again until it changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from engine.problem import Problem
from engine.stack import REGION

# SAM needs a region, and does not send telemetry.
ENVIRONMENT = {"AWS_DEFAULT_REGION": REGION, "SAM_CLI_TELEMETRY": "0"}


def validate(root: Path, known: Path | None = None) -> None:
    """Fails if a template at `root` is not valid, after SAM has printed the reason. `known` is a file with digests of valid templates."""
    python, known = root / ".venv" / "sam" / "bin" / "python", known or root / ".local" / "valid-templates"
    if not python.exists():
        raise Problem("SAM is not installed; `make check` installs it")
    valid = set(known.read_text(encoding="utf-8").split()) if known.exists() else set()
    found = [root / "template.yaml", *sorted((root / "functions").glob("*/template.yaml"))]
    digests = {path: digest(root, path) for path in found}
    changed = [path for path in found if digests[path] not in valid]
    if changed:
        script = Path(__file__).with_name("sam_validate.py")
        if subprocess.run([python, script, *changed], env={**os.environ, **ENVIRONMENT}, check=False).returncode:
            raise Problem("a template is not valid, the reason is above")
    known.parent.mkdir(exist_ok=True)
    known.write_text("\n".join(sorted(valid | set(digests.values()))) + "\n", encoding="utf-8")
    print(f"{len(found)} templates are valid, {len(found) - len(changed)} of them unchanged since they were validated")


def digest(root: Path, template: Path) -> str:
    """Returns a digest of what the result depends on: the text, and the version of SAM and its rules."""
    return hashlib.sha256(template.read_bytes() + (root / "tools" / "requirements-sam.txt").read_bytes()).hexdigest()
