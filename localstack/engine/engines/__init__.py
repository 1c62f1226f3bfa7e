"""The engines on which a stack can run. Each is a module of this package with an `ENGINE`, and an entry in `ENGINES`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import bridge
from engine.engines import localstack, localstack_pro, ministack
from engine.engines.interface import LocalEngine
from engine.problem import Problem
from engine.stack import ROOT, Stack

ENGINES: dict[str, LocalEngine] = {engine.name: engine for engine in (ministack.ENGINE, localstack.ENGINE, localstack_pro.ENGINE)}


def of(stack: Stack) -> LocalEngine:
    """Returns the engine of a stack."""
    return ENGINES[stack.engine]


def start(stack: Stack) -> None:
    """Starts the engine of a stack in the background, and waits until it answers."""
    of(stack).require()
    stack.state.mkdir(parents=True, exist_ok=True)
    stack.outputs.unlink(missing_ok=True)  # of an earlier stack
    _settings_file(stack).write_text(json.dumps({"engine": stack.engine, "bridge": stack.bridge}), encoding="utf-8")
    of(stack).start(stack)


def stop(stack: Stack) -> bool:
    """Stops the engine of a stack and the processes of its functions, and returns whether the engine was running."""
    was_running = of(stack).stop(stack)
    _settings_file(stack).unlink(missing_ok=True)
    return was_running


def is_running(stack: Stack) -> bool:
    """Whether the engine of a stack was started and not stopped."""
    return of(stack).is_running(stack)


def is_healthy(stack: Stack) -> bool:
    """Whether the engine of a stack answers."""
    return of(stack).is_healthy(stack)


def stack_of_environment() -> Stack:
    """Returns the stack that WAYBILL_PORT, WAYBILL_IAM, WAYBILL_PAYMENTS, WAYBILL_BRIDGE and ENGINE describe. A stack that runs keeps its
    engine and its bridge."""
    text = os.environ.get("WAYBILL_PORT") or "4566"
    if not text.isdigit() or not 1024 <= int(text) <= 65000:
        raise Problem(f"WAYBILL_PORT has to be a port from 1024 to 65000, not {text}")
    payments = os.environ.get("WAYBILL_PAYMENTS") or "simulator"
    if payments not in ("simulator", "stripe"):
        raise Problem(f"WAYBILL_PAYMENTS has to be simulator or stripe, not {payments}")
    wanted = os.environ.get("ENGINE")
    if wanted and wanted not in ENGINES:
        raise Problem(f"ENGINE has to be one of {', '.join(ENGINES)}, not {wanted}")
    if bridge_address := os.environ.get("WAYBILL_BRIDGE"):
        bridge.require_private(bridge_address)
    stack = Stack(int(text), ROOT / ".local" / text, wanted or ministack.ENGINE.name, enforce_iam=os.environ.get("WAYBILL_IAM") != "off",
                  with_stripe=payments == "stripe", bridge=bridge_address or None)
    if (running := _running_settings(stack)) is None:
        return stack
    for name, value, present in (("ENGINE", wanted, running["engine"]), ("WAYBILL_BRIDGE", bridge_address, running["bridge"])):
        if value and value != present:
            raise Problem(f"the stack on port {stack.port} runs without {name}={value}: run `make down` first")
    return replace(stack, **running)


def running_stack() -> Stack:
    """Returns the running stack of the environment, and fails if `make up` has not started it."""
    stack = stack_of_environment()
    if not is_running(stack):
        raise Problem(f"no stack runs on port {stack.port}; `make up` starts one")
    if not stack.outputs.exists():
        raise Problem(f"the stack on port {stack.port} is still starting, or `sam deploy` has deployed it: `make up` writes its addresses")
    return stack


def _settings_file(stack: Stack) -> Path:
    """Returns the file with the engine and the bridge of a stack, which is written at the start and deleted at the end."""
    return stack.state / "engine.json"


def _running_settings(stack: Stack) -> dict[str, Any] | None:
    """Returns the engine and the bridge of the stack, if it runs."""
    try:
        settings: dict[str, Any] = json.loads(_settings_file(stack).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return settings if ENGINES[settings["engine"]].is_running(stack) else None
