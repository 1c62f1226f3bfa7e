"""Fills a fresh stack by invoking its seed functions, in the order in which contexts depend on each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.aws import Aws, invoke
from engine.deploy import Resources
from engine.problem import Problem
from engine.stack import ROOT

FILE = ROOT / "localstack" / "seed.json"

# Logical name of the function, and the part of seed.json it gets.
STEPS = (("UsersSeed", "users"), ("CatalogSeed", "products"), ("InventorySeed", "stock"), ("OrdersSeed", "orders"))

LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.1


def read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The seed data, a list for each step."""
    return json.loads(path.read_text(encoding="utf-8"))


def logins(data: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    """An admin's and a customer's e-mail and password."""
    found: dict[str, dict[str, str]] = {}
    for user in data["users"]:
        found.setdefault(user["role"], {"email": user["email"], "password": user["password"]})
    return found


def seed(aws: Aws, resources: Resources, data: dict[str, list[dict[str, Any]]], say: Callable[[str], None]) -> None:
    """Runs every step until the context has taken it in; running it again changes nothing."""
    functions = resources["AWS::Lambda::Function"]
    for logical_name, part in STEPS:
        if logical_name not in functions:
            raise Problem(f"the stack has no {logical_name}: deploy it with SeedData=true")
        answer = _until_done(aws, functions[logical_name], {part: data[part]}, part)
        say(f"{part}: {answer['created']} created, {answer['existing']} existing")


def _until_done(aws: Aws, function: str, payload: dict[str, Any], part: str) -> dict[str, Any]:
    """Asks again while the function waits for what other contexts have yet to hear or do."""
    deadline = time.monotonic() + LIMIT_SECONDS
    created = 0
    while True:
        answer = invoke(aws, function, payload, part)
        created += answer["created"]
        if not answer.get("waiting"):
            return {"created": created, "existing": len(payload[part]) - created}
        if time.monotonic() > deadline:
            raise Problem(f"{part}: {answer['waiting']} still wait after {LIMIT_SECONDS:.0f} s; see `make logs`")
        time.sleep(POLL_SECONDS)
