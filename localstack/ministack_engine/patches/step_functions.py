"""Workflows start without a wait."""

from __future__ import annotations

from typing import Any


def start_workflows_at_once(stepfunctions: Any) -> None:
    """Takes the fixed 150 ms sleep out of the start of every execution: a constant of one function."""
    code = stepfunctions._run_execution.__code__
    constants = tuple(0.0 if constant == 0.15 else constant for constant in code.co_consts)
    stepfunctions._run_execution.__code__ = code.replace(co_consts=constants)
