"""Copies the repository and generates a function of each kind in the copy, to check that generated code is complete.

`add_all` generates the functions. Clippy, pytest and the tests of the crates then have to accept the copy without changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from scaffold.new_context import new_context
from scaffold.new_function import new_function
from scaffold.result import Result

CONTEXT = "reviews"

# Files that are not sources: the outputs of builds and runs, which take many gigabytes.
LEFT_OUT = shutil.ignore_patterns("target", "build", ".venv", ".git", ".local", ".aws-sam", "__pycache__", "node_modules", ".*_cache")


def copy(root: Path, tree: Path) -> None:
    """Makes `tree` an exact copy of the sources. Unchanged files keep their times, so that cargo does not check them again."""
    wanted = {path.relative_to(root): path for path in _sources(root)}
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_symlink() or (path.is_file() and path.relative_to(tree) not in wanted):
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, source in wanted.items():
        target = tree / name
        if not target.exists() or _age_and_size(source) != _age_and_size(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _sources(folder: Path) -> Iterator[Path]:
    found = {path.name: path for path in folder.iterdir()}
    for name in sorted(set(found) - set(LEFT_OUT(str(folder), list(found)))):
        path = found[name]
        if path.is_dir() and not path.is_symlink():
            yield from _sources(path)
        elif path.is_file():
            yield path


def _age_and_size(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def add_all(tree: Path) -> list[Result]:
    """Generates a context with a function of each kind, and an endpoint and a consumer in an existing context."""
    return [
        new_context(tree, CONTEXT),
        new_function(tree, CONTEXT, "get-review", "endpoint", {"ROUTE": "/api/v1/reviews/{review_id}"}),
        new_function(tree, CONTEXT, "create-review", "endpoint", {"METHOD": "POST", "ROUTE": "/api/v1/reviews"}),
        new_function(tree, CONTEXT, "invite-review", "consumer", {"SOURCE": "orders", "EVENTS": "OrderDelivered,OrderRefunded"}),
        new_function(tree, CONTEXT, "expire-reviews", "schedule", {"RATE": "rate(5 minutes)"}),
        new_function(tree, "catalog", "get-brand", "endpoint", {"ROUTE": "/api/v1/brands/{brand}", "ACCESS": "anyone"}),
        new_function(tree, "catalog", "count-sales", "consumer", {"SOURCE": "payments", "EVENTS": "PaymentProcessed"}),
    ]
