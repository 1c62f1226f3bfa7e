"""Measures cold starts: the time from the start of a function's process to its first event, and the sizes of process and binary."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Load
from engine import build
from engine.archive import archive, bootstrap
from engine.aws import CREDENTIALS, Aws
from engine.stack import REGION, Stack

# The function of each context whose response time matters most to a client.
FUNCTIONS = {"analytics": "PublishOrderUpdates", "catalog": "ListProducts", "gateway": "Health", "inventory": "ReserveStock",
             "notifications": "NotifyOrderPlaced", "orders": "Checkout", "payments": "AuthorizePayment", "users": "Login"}

EMPTY, BARE = "(empty)", "(bare)"


@dataclass(frozen=True)
class Start:
    """A binary's cold start: quantiles in microseconds, sizes in bytes. `warm_rss` is the largest of its functions that served requests."""

    name: str
    start: dict[str, Any]
    rss: int
    warm_rss: int
    binary: int
    zip: int


def measure(load: Load, aws: Aws, stack: Stack, root: Path, functions: dict[str, str], tools: Path, rounds: int) -> list[Start]:
    """Measures the empty function, the bare one and each context. All are started in turn."""
    contexts = build.contexts(root)
    binaries = {EMPTY: tools / "bench-empty", BARE: tools / "bench-bare",
                **{context: bootstrap(root, context) for context in contexts}}
    named = {EMPTY: "Checkout", BARE: "Checkout", **{context: FUNCTIONS[context] for context in contexts}}
    plan = {"rounds": rounds, "functions": [
        {"name": name, "binary": str(binary), "environment": _environment(aws, functions[named[name]], stack)}
        for name, binary in binaries.items()]}
    measured, warm = load.run("starts", plan), warm_rss(stack)
    return [Start(found["name"], found["start"], found["rss_kib"] * 1024, warm.get(found["name"], 0),
                  binaries[found["name"]].stat().st_size, len(archive(binaries[found["name"]], level=9)))
            for found in measured]


def _environment(aws: Aws, function: str, stack: Stack) -> dict[str, str]:
    """Returns the environment that the engine gives a function, without the Runtime API."""
    known = aws.functions.get_function_configuration(FunctionName=function)
    return {**known["Environment"]["Variables"], "_HANDLER": known["Handler"], "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(known["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}", "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_REGION": REGION, "AWS_ENDPOINT_URL": stack.engine_url, "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"], "PATH": os.environ["PATH"]}


def warm_rss(stack: Stack) -> dict[str, int]:
    """Returns the largest resident memory of the running functions of a stack, by context, in bytes.

    A process is identified by its environment, which names the engine, the function and its table.
    """
    largest: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may end meanwhile
            variables = dict(entry.partition("=")[::2] for entry in
                             (process / "environ").read_bytes().decode(errors="replace").split("\0"))
            if variables.get("AWS_ENDPOINT_URL") != stack.engine_url or "AWS_LAMBDA_RUNTIME_API" not in variables:
                continue
            context = context_of(variables.get("TABLE_NAME", ""), variables.get("AWS_LAMBDA_FUNCTION_NAME", ""))
            status = (process / "status").read_text()
            rss = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
            largest[context] = max(largest.get(context, 0), rss)
    return largest


def context_of(table: str, function: str) -> str:
    """Returns the context of a deployed function, which its table names. The gateway has no table."""
    if function.startswith("bench-"):
        return EMPTY if function.startswith("bench-no-op-") else BARE
    parts = table.rsplit("-", 2)  # <stack>-<logical id>-<suffix>
    return parts[1].removesuffix("Table").lower() if len(parts) > 1 else "gateway"
