"""Measures how many reservations a second one product takes, by the number of counters its stock lies in."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import stack as engine
from build import cargo
from conflicts import Conflicts
from deploy import CREDENTIALS
from problem import Problem
from stack import REGION, Stack

TRANSACTION_SECONDS = 0.010


def measure(root: Path) -> None:
    """An engine by itself, once as it is and once behind AWS's rule of conflicts; no functions, no deploy."""
    stack = Stack(engine.free_port(), root / ".local" / "stock-bench", enforce_iam=False)
    engine.start(stack)
    try:
        asyncio.run(_measure(root, stack))
    finally:
        engine.stop(stack)


async def _measure(root: Path, stack: Stack) -> None:
    text = os.environ.get("STOCK_BENCH_SECONDS") or "4"
    if not text.isdigit() or not 1 <= int(text) <= 60:
        raise Problem(f"STOCK_BENCH_SECONDS has to be from 1 to 60, not {text}")
    print("== the engine as it is: one transaction after the other", flush=True)
    await _run(root, stack.port, text)
    conflicts = Conflicts(stack.port, TRANSACTION_SECONDS)
    server = await conflicts.serve()
    print(f"== transactions of {TRANSACTION_SECONDS * 1000:.0f} ms that conflict as AWS's do", flush=True)
    await _run(root, server.sockets[0].getsockname()[1], text)
    print(f"   {conflicts.transactions} transactions, {conflicts.refused} refused for a conflict", flush=True)
    server.close()


async def _run(root: Path, port: int, seconds: str) -> None:
    variables = {"STOCK_BENCH": json.dumps({
        "endpoint": f"http://127.0.0.1:{port}", "region": REGION, "seconds": int(seconds), **CREDENTIALS})}
    await asyncio.to_thread(
        cargo, root, "bench", "--locked", "--workspace", "--bench", "hot_product", **variables)
