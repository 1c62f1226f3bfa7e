"""Fixes of Step Functions."""

from __future__ import annotations

from ministack_engine.patching import Engine

START_DELAY_SECONDS = 0.15  # a constant of MiniStack's `_run_execution`


def skip_start_delay(engine: Engine) -> None:
    """Takes the fixed sleep out of the start of every execution."""
    run_execution = engine.module("services.stepfunctions")._run_execution
    code = run_execution.__code__
    constants = tuple(0.0 if constant == START_DELAY_SECONDS else constant for constant in code.co_consts)
    engine.replace(run_execution, "__code__", code.replace(co_consts=constants))
