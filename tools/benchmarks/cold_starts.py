"""How soon a function asks for its first event, and how large it is."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Load
from engine import build
from engine.aws import CREDENTIALS, Aws
from engine.deploy import archive
from engine.stack import REGION, Stack

# Of each context, the function that somebody waits for most.
FUNCTIONS = {"analytics": "PushOrders", "catalog": "ListProducts", "gateway": "Health", "inventory": "ReserveStock",
             "notifications": "NotifyOrderPlaced", "orders": "Checkout", "payments": "AuthorizePayment", "users": "Login"}

EMPTY, BARE = "(empty)", "(bare)"


@dataclass(frozen=True)
class Start:
    """A binary: quantiles in microseconds, sizes in bytes. `warm_rss` is the most of all its functions that have served requests."""

    name: str
    start: dict[str, Any]
    rss: int
    warm_rss: int
    binary: int
    zip: int


def measure(load: Load, aws: Aws, stack: Stack, root: Path, functions: dict[str, str], tools: Path, rounds: int) -> list[Start]:
    """The empty function first, the bare one, then each context; all are started in turn."""
    contexts = build.contexts(root)
    binaries = {EMPTY: tools / "bench-empty", BARE: tools / "bench-bare",
                **{context: build.bootstrap(root, context) for context in contexts}}
    named = {EMPTY: "Checkout", BARE: "Checkout", **{context: FUNCTIONS[context] for context in contexts}}
    plan = {"rounds": rounds, "functions": [
        {"name": name, "binary": str(binary), "environment": _environment(aws, functions[named[name]], stack)}
        for name, binary in binaries.items()]}
    measured, warm = load.run("starts", plan), warm_rss(stack)
    return [Start(found["name"], found["start"], found["rss_kib"] * 1024, warm.get(found["name"], 0),
                  binaries[found["name"]].stat().st_size, len(archive(binaries[found["name"]], level=9)))
            for found in measured]


def _environment(aws: Aws, function: str, stack: Stack) -> dict[str, str]:
    """What the engine gives a function, but for the Runtime API."""
    known = aws.functions.get_function_configuration(FunctionName=function)
    return {**known["Environment"]["Variables"], "_HANDLER": known["Handler"], "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(known["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}", "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_REGION": REGION, "AWS_ENDPOINT_URL": stack.engine_url, "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"], "PATH": os.environ["PATH"]}


def warm_rss(stack: Stack) -> dict[str, int]:
    """Of the functions that run on a stack, the most resident memory by context, in bytes. A function is known by what its
    environment says: the engine it asks, and its context, which its handler's binary is named after."""
    most: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may end meanwhile
            variables = dict(entry.partition("=")[::2] for entry in
                             (process / "environ").read_bytes().decode(errors="replace").split("\0"))
            if variables.get("AWS_ENDPOINT_URL") != stack.engine_url or "AWS_LAMBDA_RUNTIME_API" not in variables:
                continue
            context = context_of(variables.get("TABLE_NAME", ""), variables.get("AWS_LAMBDA_FUNCTION_NAME", ""))
            status = (process / "status").read_text()
            rss = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
            most[context] = max(most.get(context, 0), rss)
    return most


def context_of(table: str, function: str) -> str:
    """The context of a deployed function: that of its table; the gateway has none."""
    if function.startswith("bench-"):
        return EMPTY if function.startswith("bench-no-op-") else BARE
    parts = table.rsplit("-", 2)  # <stack>-<logical id>-<suffix>
    return parts[1].removesuffix("Table").lower() if len(parts) > 1 else "gateway"
