"""Measures the reservations of one product per second, by the number of counters that its stock is split into."""

from __future__ import annotations

import json
import os
from pathlib import Path

from engine import conflicts, engines
from engine.aws import CREDENTIALS
from engine.build import cargo
from engine.problem import Problem
from engine.stack import REGION, Stack, free_port

TRANSACTION_SECONDS = 0.010


def measure(root: Path) -> None:
    """Measures an engine without functions, first without and then with the transaction conflicts of AWS."""
    stack = Stack(free_port(), root / ".local" / "bench-stock", enforce_iam=False)
    engines.start(stack)
    try:
        _measure(root, stack)
    finally:
        engines.stop(stack)


def _measure(root: Path, stack: Stack) -> None:
    text = os.environ.get("STOCK_BENCH_SECONDS") or "4"
    if not text.isdigit() or not 1 <= int(text) <= 60:
        raise Problem(f"STOCK_BENCH_SECONDS has to be from 1 to 60, not {text}")
    print("== the engine as it is, which runs one transaction after the other", flush=True)
    _run(root, stack.port, text)
    print(f"== transactions of {TRANSACTION_SECONDS * 1000:.0f} ms, with conflicts as in AWS", flush=True)
    with conflicts.before(stack.port, TRANSACTION_SECONDS) as proxy:
        _run(root, proxy.port, text)
        print(f"   {proxy.transactions} transactions, {proxy.refused} of them refused with a conflict", flush=True)


def _run(root: Path, port: int, seconds: str) -> None:
    variables = {"STOCK_BENCH": json.dumps({
        "endpoint": f"http://127.0.0.1:{port}", "region": REGION, "seconds": int(seconds), **CREDENTIALS})}
    cargo(root, "bench", "--locked", "--workspace", "--bench", "hot_product", **variables)
