"""The patches of Step Functions."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

from ministack_engine.patches.step_functions import START_DELAY_SECONDS, skip_start_delay
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


def sleeps_of_an_execution(engine: Engine) -> list[float]:
    """Runs a workflow of one state, and returns how long it sleeps each time."""
    stepfunctions = engine.module("services.stepfunctions")
    sleeps: list[float] = []
    clock = {name: getattr(time, name) for name in ("time", "monotonic")}
    engine.replace(stepfunctions, "time", SimpleNamespace(**clock, sleep=sleeps.append))
    created = stepfunctions._create_state_machine({"name": "delay", "definition": json.dumps(PASS), "type": "EXPRESS"})
    machine = json.loads(created[2])["stateMachineArn"]
    try:
        answer = stepfunctions._start_sync_execution({"stateMachineArn": machine, "input": '{"order": 1}'})
    finally:
        stepfunctions._state_machines.pop(machine)
    result = json.loads(answer[2])
    assert (result["status"], json.loads(result["output"])) == ("SUCCEEDED", {"order": 1})
    return sleeps


def test_skip_start_delay_fits(engine: Engine) -> None:
    constants = engine.module("services.stepfunctions")._run_execution.__code__.co_consts
    assert constants.count(START_DELAY_SECONDS) == 1, "the patch replaces this constant, wherever it is"
    skip_start_delay(engine)
    assert sum(sleeps_of_an_execution(engine)) == 0


def test_skip_start_delay_is_needed(engine: Engine) -> None:
    assert_needed("skip_start_delay", START_DELAY_SECONDS in sleeps_of_an_execution(engine))
