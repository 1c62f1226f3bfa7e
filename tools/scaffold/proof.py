"""A copy of the repository with a function of each kind more, to prove that what the generator writes is complete.

`add_all` writes them; clippy, pytest and the tests of the crates then have to accept the copy as it is.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from scaffold.new_context import new_context
from scaffold.new_function import new_function
from scaffold.result import Result

CONTEXT = "reviews"

# What is no source: results of builds and of runs, which are many gigabytes.
LEFT_OUT = shutil.ignore_patterns("target", "build", ".venv", ".git", ".local", ".aws-sam", "__pycache__", "node_modules", ".*_cache")


def copy(root: Path, tree: Path) -> None:
    """Copies the sources into a folder that is not there yet."""
    shutil.copytree(root, tree, ignore=LEFT_OUT, symlinks=True)


def add_all(tree: Path) -> list[Result]:
    """A new context with a function of each kind in it, and an endpoint and a consumer in one that has some already."""
    return [
        new_context(tree, CONTEXT),
        new_function(tree, CONTEXT, "get-review", "endpoint", {"ROUTE": "/api/v1/reviews/{review_id}"}),
        new_function(tree, CONTEXT, "create-review", "endpoint", {"METHOD": "POST", "ROUTE": "/api/v1/reviews"}),
        new_function(tree, CONTEXT, "invite-review", "consumer", {"SOURCE": "orders", "EVENTS": "OrderDelivered,OrderRefunded"}),
        new_function(tree, CONTEXT, "expire-reviews", "schedule", {"RATE": "rate(5 minutes)"}),
        new_function(tree, "catalog", "get-brand", "endpoint", {"ROUTE": "/api/v1/brands/{brand}", "ACCESS": "anyone"}),
        new_function(tree, "catalog", "count-sales", "consumer", {"SOURCE": "payments", "EVENTS": "PaymentProcessed"}),
    ]
