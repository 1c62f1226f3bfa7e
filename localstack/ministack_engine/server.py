"""MiniStack with its internals patched and with what is served beside it under `/_waybill/`.

MiniStack reads its environment while it is imported, and this module imports it: `__main__` sets the environment first.
"""

from __future__ import annotations

import os
import sys
from typing import IO

import ministack.app as ministack
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
from ministack.services import apigateway, cloudwatch_logs, dynamodb, lambda_svc, ses, ses_v2, sns, sqs, stepfunctions, sts
from ministack.services import cloudformation as cloudformation_service
from ministack.services.cloudformation import provisioners

from engine.fault_plan import Plan
from ministack_engine import calls, cloudwatch, fault_injection, growth, meter, pushes, usage
from ministack_engine.patches import PINNED, cloudformation, event_sources, iam, mail, step_functions
from ministack_engine.patches import apigateway as api_patches
from ministack_engine.patches import lambda_runtime as runtime_patches
from ministack_engine.patches import sns as sns_patches


def require_pinned_version() -> None:
    """Fails on another MiniStack than the one whose internals the patches know."""
    if ministack._version() != PINNED:
        raise SystemExit(f"MiniStack {ministack._version()} is installed, ministack_engine patches {PINNED}: run `make .venv`")


def prepare(plan: Plan | None) -> None:
    """Patches MiniStack and adds what is served beside it; a plan of faults has them happen."""
    runtime_patches.answer_at_once(lambda_runtime)
    runtime_patches.let_idle_functions_sleep(lambda_runtime)
    event_sources.follow_each_stream_by_itself(lambda_svc, dynamodb)
    event_sources.gather_batches(lambda_svc, sqs)
    step_functions.start_workflows_at_once(stepfunctions)
    cloudformation.keep_attributes(cloudformation_service, provisioners)
    iam.authorize_mail_by_sender(iam_actions)
    mail.send_mail_before_answering(ses, ses_v2)
    pushes.show_pushes(ministack, sns_patches.keep_pushes(sns))
    iam.authorize_batches_as_publish(iam_actions)
    api_patches.tell_the_callers_address(apigateway, responses)
    api_patches.leave_health_to_the_shop(ministack)
    metered = meter.Meter()
    meter.meter_all(metered, dynamodb, lambda_svc, stepfunctions)
    calls.count_calls(ministack, sts, metered)
    usage.count_grants(ministack, iam_evaluator)
    cloudwatch.keep_function_logs(lambda_runtime, lambda_svc, cloudwatch_logs)
    if plan is not None:
        fault_injection.mend(plan, lambda_svc, lambda_runtime, ministack)
    growth.offer(ministack, dynamodb)


def serve(function_log: IO[bytes]) -> None:
    """Serves until the process is ended; ends the functions' processes then."""
    runtime_patches.tee_function_logs(lambda_runtime, function_log)
    sys.argv = sys.argv[:1]  # MiniStack has options of its own
    try:
        ministack.main()
    finally:
        lambda_runtime.reset()


def set_function_log_level(level: str) -> None:
    """The functions' level; MiniStack has read its own by now."""
    os.environ["LOG_LEVEL"] = level
