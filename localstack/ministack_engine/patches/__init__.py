"""The patches of MiniStack's internals, in the order in which they are applied.

Fixes are functions of the modules in this folder and of `cloudwatch.py`; additions are in the other modules one level up.
Each has two tests in `tests/`: `test_<name>_fits` and `test_<name>_is_needed`. The table of localstack/README.md has the
same names and reasons.
"""

from __future__ import annotations

from ministack_engine import (
    calls,
    cloudwatch,
    fault_injection,
    function_log,
    growth,
    invocations,
    localstack_proxy,
    meter,
    pushes,
    responses,
    usage,
)
from ministack_engine.patches import apigateway, cloudformation, event_sources, http_server, iam, lambda_runtime, mail, sns, step_functions
from ministack_engine.patching import Kind, Patch

PINNED = "1.5.33"  # MiniStack's internals change without notice, so the patches are for this version alone

PATCHES = (
    Patch("serve_with_uvicorn", "app", "Hypercorn parses HTTP in Python, which is 40 % of the engine's work.",
          http_server.serve_with_uvicorn),
    Patch("disable_nagle", "core.lambda_runtime", "Nagle's algorithm delays every answer to a function's process by 40 ms.",
          lambda_runtime.disable_nagle),
    Patch("skip_log_wait", "core.lambda_runtime", "Every invocation that logs nothing waits 50 ms for a log line.",
          lambda_runtime.skip_log_wait),
    Patch("stop_idle_polling", "core.lambda_runtime", "The threads of idle functions wake ten times a second.",
          lambda_runtime.stop_idle_polling),
    Patch("poll_streams_apart", "services.lambda_svc", "One thread polls all streams, so that a slow function delays all others.",
          event_sources.poll_streams_apart),
    Patch("honor_batching_window", "services.sqs", "Queues ignore `MaximumBatchingWindowInSeconds`.",
          event_sources.honor_batching_window),
    Patch("skip_start_delay", "services.stepfunctions", "Every execution sleeps 150 ms before its first state.",
          step_functions.skip_start_delay),
    Patch("keep_attributes", "services.cloudformation.provisioners", "An update of a nested stack loses attributes of its resources.",
          cloudformation.keep_attributes),
    Patch("transform_sam", "services.cloudformation.engine",
          "The SAM transform gets no parameter values, nested stacks are not transformed, and its result has what MiniStack ignores.",
          cloudformation.transform_sam),
    Patch("expire_items", "services.cloudformation.provisioners", "`TimeToLiveSpecification` of a table is ignored.",
          cloudformation.expire_items),
    Patch("authorize_mail_by_sender", "core.iam_actions", "`ses:SendEmail` needs a grant on `*` instead of the sender's identity.",
          iam.authorize_mail_by_sender),
    Patch("authorize_batches_as_publish", "core.iam_actions", "`PublishBatch` needs a grant of `sns:PublishBatch`, unknown to IAM.",
          iam.authorize_batches_as_publish),
    Patch("send_mail_before_answering", "services.ses_v2", "SendEmail succeeds even if the mail server refuses the mail or is down.",
          mail.send_mail_before_answering),
    Patch("use_endpoint_arns", "services.sns", "The endpoints of devices have ARNs of applications.",
          sns.use_endpoint_arns),
    Patch("refuse_disabled_endpoints", "services.sns", "A push message to a disabled endpoint is accepted.",
          sns.refuse_disabled_endpoints),
    Patch("pass_source_ip", "services.apigateway", "`sourceIp` is 127.0.0.1 in all events of an HTTP API.",
          apigateway.pass_source_ip),
    Patch("route_health_to_api", "app", "`/health` is answered by MiniStack and does not reach the HTTP API.",
          apigateway.route_health_to_api),
    Patch("compile_routes_once", "services.apigateway", "The regular expressions of all routes are made anew for each request.",
          apigateway.compile_routes_once),
    Patch("deliver_before_closing", "services.apigateway", "A message is lost if its connection is closed immediately afterwards.",
          apigateway.deliver_before_closing),
    Patch("log_lines_at_once", "services.cloudwatch_logs", "Log lines come after a call, in a stream of its own; late ones are misplaced.",
          cloudwatch.log_lines_at_once),
    Patch("match_alternatives", "services.cloudwatch_logs", "Filter patterns with alternatives match only lines with all of them.",
          cloudwatch.match_alternatives),
    Patch("forward_services", "app", "With `ENGINE=localstack`, LocalStack serves what MiniStack does not.",
          localstack_proxy.forward_services, Kind.ADDITION),
    Patch("invoke_forwarded", "services.lambda_svc", "With `ENGINE=localstack`, API Gateway invokes the functions of LocalStack.",
          localstack_proxy.invoke_forwarded, Kind.ADDITION),
    Patch("serve_routes", "app", "Additions answer requests under `/_waybill/`.",
          responses.serve_routes, Kind.ADDITION),
    Patch("invoke_by_address", "app", "`cargo lambda invoke` calls an IP address without a signature, and names functions by logical id.",
          invocations.invoke_by_address, Kind.ADDITION),
    Patch("record_pushes", "services.sns", "Journeys check push messages: `GET /_waybill/pushes`.",
          pushes.record_pushes, Kind.ADDITION),
    Patch("count_calls", "services.sts", "Benchmarks and the check of grants count the AWS calls of each function: `GET /_waybill/calls`.",
          calls.count_calls, Kind.ADDITION),
    Patch("meter_usage", "services.dynamodb", "The cost report prices what functions use: `GET /_waybill/meter`.",
          meter.meter_usage, Kind.ADDITION),
    Patch("count_grants", "core.iam_evaluator", "The check of grants finds permissions that no role uses: `GET /_waybill/grants`.",
          usage.count_grants, Kind.ADDITION),
    Patch("inject_faults", "services.lambda_svc", "Chaos runs kill functions and lose batches: `PUT /_waybill/faults`.",
          fault_injection.inject_faults, Kind.ADDITION),
    Patch("fill_orders", "services.dynamodb", "Benchmarks need a table with a million orders: `POST /_waybill/orders`.",
          growth.fill_orders, Kind.ADDITION),
    Patch("copy_function_logs", "core.lambda_runtime", "`make logs` and the checks read the lines of all functions from `functions.log`.",
          function_log.copy_function_logs, Kind.ADDITION),
)
