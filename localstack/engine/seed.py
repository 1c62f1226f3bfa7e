"""Fills a fresh stack by invoking its seed functions, in the order in which their contexts depend on each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from engine.aws import Aws, invoke
from engine.deploy import Resources
from engine.problem import Problem
from engine.stack import ROOT
from engine.wait import wait_until

FILE = ROOT / "localstack" / "seed.json"

# The logical id of each seed function, and the part of seed.json that it receives.
STEPS = (("UsersSeed", "users"), ("CatalogSeed", "products"), ("InventorySeed", "stock"), ("OrdersSeed", "orders"))

# The records of each part of seed.json.
SeedData = dict[str, list[dict[str, Any]]]


class Seeded(TypedDict):
    """The result of a seed step: the number of records that were created, and of those that existed before."""

    created: int
    existing: int


def read(path: Path) -> SeedData:
    """Reads the seed data, which has a list of records for each step."""
    data: SeedData = json.loads(path.read_text(encoding="utf-8"))
    return data


def logins(data: SeedData) -> dict[str, dict[str, str]]:
    """Returns the e-mail address and password of the first admin and the first customer."""
    found: dict[str, dict[str, str]] = {}
    for user in data["users"]:
        found.setdefault(user["role"], {"email": user["email"], "password": user["password"]})
    return found


def seed(aws: Aws, resources: Resources, data: SeedData, say: Callable[[str], None]) -> None:
    """Runs each step until its context has stored all of it. Running it again changes nothing."""
    functions = resources["AWS::Lambda::Function"]
    for logical_name, part in STEPS:
        if logical_name not in functions:
            raise Problem(f"the stack has no {logical_name}: deploy it with SeedData=true")
        answer = _until_done(aws, functions[logical_name], {part: data[part]}, part)
        say(f"{part}: {answer['created']} created, {answer['existing']} existing")


def _until_done(aws: Aws, function: str, payload: dict[str, Any], part: str) -> Seeded:
    """Invokes a seed function again while some of its records wait for events of other contexts."""
    created = 0

    def created_and_waiting() -> tuple[int, int]:
        nonlocal created
        answer = invoke(aws, function, payload, part)
        created += answer["created"]
        return created, answer.get("waiting") or 0

    wait_until(created_and_waiting, f"the {part} of the seed, as (created, waiting); see `make logs`", done=lambda counts: counts[1] == 0)
    return Seeded(created=created, existing=len(payload[part]) - created)
