"""Runs the local AWS engine (MiniStack) and the mail inbox in one process, on loopback.

Takes its place from the environment: WAYBILL_PORT (the engine; SMTP is the next port, the inbox the one after),
WAYBILL_STATE (a folder for its pid file, function log and temporary files), WAYBILL_IAM (`off` lets every call through),
WAYBILL_PAYMENTS (`stripe` starts one, at the port after the inbox; it ends with the engine), WAYBILL_FUNCTIONS_ENDPOINT (where functions
find AWS, if not at the engine itself), WAYBILL_MISHAPS (a seed: what can go wrong does).
Start it with `make up`; this file is what that runs.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import queue
import smtplib
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from email.utils import parseaddr
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import cloudwatch
import growth
import inbox
import meter
import mishaps
import stripe
import usage
from faults import Plan
from stack import REGION

PINNED = "1.5.33"

# Functions inherit the engine's environment, so it holds nothing of the user's own AWS set-up.
KEPT_VARIABLES = ("LANG", "PATH", "RUST_BACKTRACE", "SFN_WAIT_SCALE", "TZ")


def engine_environment(port: int, state: Path, enforce_iam: bool, functions_endpoint: str | None) -> dict[str, str]:
    """What MiniStack reads while it is imported, and what functions inherit."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "AUTH": "true" if enforce_iam else "false",
        "AWS_ENDPOINT_URL": functions_endpoint or f"http://localhost:{port}",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # would open port 8883
        "LAMBDA_WARM_TTL_SECONDS": "60",  # what a burst leaves behind ends after a minute, not five
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "SMTP_HOST": f"127.0.0.1:{port + 1}",
        "TMPDIR": str(state / "tmp"),
    }


def claim(state: Path) -> IO[str]:
    """Writes the pid file and keeps it locked: whoever can lock it knows that no engine lives here."""
    pid_file = open(state / "engine.pid", "a+", encoding="utf-8")
    try:
        fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"an engine already runs in {state}; stop it with `make down`") from None
    pid_file.truncate(0)
    pid_file.write(str(os.getpid()))
    pid_file.flush()
    return pid_file


def answer_at_once(runtime: Any) -> None:
    """Takes two waits out of every invocation, 96 ms to 1 ms: the Runtime API servers write headers and body apart
    with Nagle's algorithm on, and each call waits 50 ms for log lines that `tee_function_logs` sees anyway."""
    build = runtime.ProvidedWorker._build_handler_class

    def build_handler_class(self: Any, *arguments: Any) -> type:
        handler = build(self, *arguments)
        handler.disable_nagle_algorithm = True
        handler.wbufsize = -1
        return handler

    runtime.ProvidedWorker._build_handler_class = build_handler_class
    runtime.Worker._drain_stderr_bounded.__defaults__ = (0.0, 0.0, 0.25)


def let_idle_functions_sleep(runtime: Any) -> None:
    """Lets the threads of an idle function sleep until there is an event or the function ends. The engine wakes each ten times a second to
    look: with some hundred environments, as a burst of requests leaves them behind, it had no time for anything else."""
    build, end = runtime.ProvidedWorker._build_handler_class, runtime.ProvidedWorker._shutdown_server

    def build_handler_class(self: Any, generation: int, pending: Any) -> type:
        get = pending.get

        def wait(*_: Any, **__: Any) -> Any:
            event = get()
            if event is None:
                raise queue.Empty  # who waits looks whether the function has ended
            return event

        pending.get = wait
        return build(self, generation, pending)

    def shutdown_server(self: Any) -> None:
        with suppress(queue.Full):
            self._pending.put_nowait(None)
        end(self)

    def serve_forever(self: Any, poll_interval: float = 0.5) -> None:
        socketserver.TCPServer.serve_forever(self, 3600.0)

    def shutdown(self: Any) -> None:
        self._BaseServer__shutdown_request = True
        with suppress(OSError):  # a connection wakes it
            socket.create_connection(self.server_address, timeout=1).close()
        socketserver.TCPServer.shutdown(self)

    runtime.ProvidedWorker._build_handler_class, runtime.ProvidedWorker._shutdown_server = build_handler_class, shutdown_server
    socketserver.ThreadingTCPServer.serve_forever, socketserver.ThreadingTCPServer.shutdown = serve_forever, shutdown


def tee_function_logs(runtime: Any, log: IO[bytes]) -> None:
    """Copies each line a function prints to `functions.log` the moment it is printed, under the function's name."""
    pump = runtime.ProvidedWorker._pump_output
    lock = threading.Lock()

    class Tee:
        def __init__(self, stream: IO[bytes], name: str) -> None:
            self.stream, self.prefix = stream, name.encode() + b"\t"

        def readline(self) -> bytes:
            line = self.stream.readline()
            if line:
                with lock:
                    log.write(self.prefix + line.rstrip(b"\n") + b"\n")
            return line

        def close(self) -> None:
            self.stream.close()

    runtime.ProvidedWorker._pump_output = lambda self, stream, queue: pump(self, Tee(stream, self.func_name), queue)


def follow_each_stream_by_itself(lambdas: Any, dynamodb: Any) -> None:
    """Polls each table's stream for each of its functions in a thread of its own, as AWS does; the engine has one for all of
    them and for the queues, where a function that takes long holds up all the others."""
    poll, all_mappings = lambdas._poll_dynamodb_streams, lambdas._iter_all_esms
    thread = threading.local()
    news: dict[str, threading.Event] = {}

    def mappings() -> Iterator[Any]:
        own = getattr(thread, "mapping", None)
        return (entry for entry in all_mappings() if own is None or entry[2]["UUID"] == own)

    def follow(mapping: str, window: float) -> None:
        thread.mapping = mapping
        while True:
            if news[mapping].wait(1.0):
                time.sleep(window or 0.002)  # what is written at about the same time comes in one batch
            news[mapping].clear()
            try:
                while poll():
                    pass
            except Exception as error:  # whatever it is, the stream is followed on, as the engine would
                lambdas.logger.error("a stream could not be polled: %s", error)

    def start_followers() -> bool:
        for _, _, mapping in all_mappings():
            uuid = mapping["UUID"]
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and uuid not in news:
                news[uuid] = threading.Event()
                window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
                threading.Thread(target=follow, args=(uuid, window), daemon=True).start()
        return False

    def wake_followers() -> None:
        for each in list(news.values()):
            each.set()

    lambdas._iter_all_esms, lambdas._poll_dynamodb_streams = mappings, start_followers
    dynamodb.esm_wake = SimpleNamespace(set=wake_followers)


def gather_batches(lambdas: Any, sqs: Any) -> None:
    """Has a queue's function wait for its batching window, or a full batch, as AWS does; the engine hands out what there is at once."""
    receive = sqs._receive_messages_for_esm
    woken: dict[str, float] = {}  # when the poller is to look at a queue again

    def window_of(arn: str) -> float:
        return max((float(mapping.get("MaximumBatchingWindowInSeconds") or 0) for _, _, mapping in lambdas._iter_all_esms()
                    if mapping.get("EventSourceArn") == arn), default=0.0)

    def receive_gathered(url: str, most: int) -> list[dict[str, Any]]:
        queue, now = sqs._queues[url], time.time()
        waiting = [message["visible_at"] for message in queue["messages"] if message.get("visible_at", now) <= now]
        if not waiting or len(waiting) >= most:
            return receive(url, most)
        left = min(waiting) + window_of(queue["attributes"]["QueueArn"]) - now
        if left <= 0:
            return receive(url, most)
        if woken.get(url, 0) <= now:
            woken[url] = now + left
            wake = threading.Timer(left, lambdas._esm_wake.set)
            wake.daemon = True
            wake.start()
        return []

    sqs._receive_messages_for_esm = receive_gathered


def take_large_templates(cloudformation: Any) -> None:
    """Lifts the limit of 500 resources: `lower.py` makes two of each route, which to AWS is a part of its API. What AWS counts, a test
    does."""
    cloudformation._SECTION_QUOTAS = tuple(quota for quota in cloudformation._SECTION_QUOTAS if quota[0] != "Resources")


def start_workflows_at_once(stepfunctions: Any) -> None:
    """Takes the fixed 150 ms sleep out of the start of every execution: a constant of one function."""
    code = stepfunctions._run_execution.__code__
    constants = tuple(0.0 if constant == 0.15 else constant for constant in code.co_consts)
    stepfunctions._run_execution.__code__ = code.replace(co_consts=constants)


def authorize_mail_by_sender(iam_actions: Any) -> None:
    """Holds ses:SendEmail against the sender's identity, as AWS does; the engine asks for a grant on `*`."""
    original = iam_actions._ses_v2_resource_arn

    def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/") != "/v2/email/outbound-emails":
            return original(method, path, body, region, account)
        sender = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"

    iam_actions._ses_v2_resource_arn = resource_arn


def send_mail_before_answering(ses: Any, ses_v2: Any) -> None:
    """Has SendEmail answer once the mail server has the mail: with 503 where that does not answer, as SES does when it fails, and with
    BadRequestException where that refuses the address. The engine relays mail behind its answer and loses what is not taken."""
    handle = ses_v2.handle_request

    def relay(source: str, recipients: list[str], message: str) -> None:
        host, port = ses._parse_smtp_host()
        with smtplib.SMTP(host, port, local_hostname="localhost", timeout=3) as server:
            server.sendmail(source, recipients, message)

    def send(*arguments: Any) -> Any:
        try:
            return asyncio.run(handle(*arguments))
        except smtplib.SMTPRecipientsRefused:
            return ses_v2._json_err("BadRequestException", "Nobody lives there.")
        except (OSError, smtplib.SMTPException):
            return ses_v2._json_err("ServiceUnavailableException", "The mail server does not answer.", 503)

    async def handle_request(method: str, path: str, *rest: Any) -> Any:
        if path.rstrip("/") == "/v2/email/outbound-emails":
            return await asyncio.to_thread(send, method, path, *rest)  # it waits, and the event loop must not
        return await handle(method, path, *rest)

    ses_v2._smtp_relay, ses_v2.handle_request = relay, handle_request


def keep_pushes(sns: Any) -> dict[str, list[dict[str, str]]]:
    """Keeps what is pushed to devices, by their tokens, for `GET /_waybill/pushes`; refuses a disabled endpoint as SNS does, and gives
    endpoints ARNs as SNS does. The engine takes whatever is pushed and forgets it, and gives them ARNs of applications."""
    create, publish = sns._create_platform_endpoint, sns._publish
    pushes: dict[str, list[dict[str, str]]] = {}

    def create_endpoint(parameters: dict[str, Any]) -> Any:
        status, headers, body = create(parameters)
        for endpoint in [made for made in sns._platform_endpoints.values() if ":app/" in made["arn"]]:
            arn = endpoint["arn"]
            sns._platform_endpoints.pop(arn)
            endpoint["arn"] = arn.replace(":app/", ":endpoint/")
            sns._platform_endpoints[endpoint["arn"]] = endpoint
            body = body.replace(arn.encode(), endpoint["arn"].encode())
        return status, headers, body

    def publish_kept(parameters: dict[str, Any]) -> Any:
        endpoint = sns._platform_endpoints.get(sns._p(parameters, "TargetArn"))
        if endpoint is None:
            return publish(parameters)
        if endpoint["attributes"].get("Enabled") == "false":
            return sns._error("EndpointDisabled", "Endpoint is disabled", 400)
        message = {"message": sns._p(parameters, "Message"), "structure": sns._p(parameters, "MessageStructure")}
        pushes.setdefault(endpoint["attributes"]["Token"], []).append(message)
        return publish(parameters)

    sns._create_platform_endpoint, sns._publish = create_endpoint, publish_kept
    return pushes


def authorize_batches_as_publish(iam_actions: Any) -> None:
    """Holds sns:PublishBatch against a grant of sns:Publish, as AWS does; the engine asks for one of its own name."""
    original = iam_actions._action_from_query

    def action(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        return found.replace("PublishBatch", "Publish") if isinstance(found, str) else found

    iam_actions._action_from_query = action


def tell_the_callers_address(apigateway: Any, responses: Any) -> None:
    """Puts the caller's own address into the events of HTTP functions, as AWS does; the engine says 127.0.0.1 of everybody."""
    run = apigateway.run_reentrant

    def with_address(function: Any, *arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, dict) and "http" in argument.get("requestContext", {}):
                argument["requestContext"]["http"]["sourceIp"] = responses.get_request_client_ip()
        return run(function, *arguments, **named)

    apigateway.run_reentrant = with_address


def show_pushes(ministack: Any, pushes: dict[str, list[dict[str, str]]]) -> None:
    """`GET /_waybill/pushes` tells what was pushed to each token."""
    app = ministack.app

    async def showing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/_waybill/pushes":
            return await _answer_json(send, pushes)
        await app(scope, receive, send)

    ministack.app = showing


def count_calls(ministack: Any, sts: Any, metered: meter.Meter) -> None:
    """Counts what each function asks of AWS; `GET /_waybill/calls` tells: [function, service, operation, how often], and
    `GET /_waybill/meter` what AWS would bill from then on."""
    register, app = sts.register_session, ministack.app
    functions: dict[str, str] = {}
    calls: Counter[tuple[str, str, str]] = Counter()

    def register_session(access_key: str, session: dict[str, str]) -> Any:
        functions[access_key] = session["UserId"].rpartition(":")[2]
        return register(access_key, session)

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/_waybill/calls":
                return await _answer_json(send, [[*call, times] for call, times in calls.items()])
            if scope["path"] == "/_waybill/meter":
                metered.on = True
                return await _answer_json(send, metered.rows())
            headers = dict(scope["headers"])
            # AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …
            credential = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
            if len(credential) > 3 and credential[0] in functions:
                function, service = functions[credential[0]], credential[3]
                meter.caller.set(function)
                if service != "dynamodb":
                    metered.add(function, service, "calls")
                target = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
                calls[function, service, target or scope["path"]] += 1
        await app(scope, receive, send)

    sts.register_session, ministack.app = register_session, counting


async def _answer_json(send: Any, body: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def leave_health_to_the_shop(ministack: Any) -> None:
    """Lets `/health` through to the HTTP API, as AWS does; the engine answers it for itself, whatever the host."""
    ministack._HEALTH_PATHS = tuple(path for path in ministack._HEALTH_PATHS if path != "/health")


def main() -> None:
    port = int(os.environ.get("WAYBILL_PORT", "4566"))
    state = Path(os.environ.get("WAYBILL_STATE", f".local/{port}")).resolve()
    enforce_iam = os.environ.get("WAYBILL_IAM", "on") != "off"
    with_stripe = os.environ.get("WAYBILL_PAYMENTS") == "stripe"
    functions_endpoint, seed = os.environ.get("WAYBILL_FUNCTIONS_ENDPOINT"), os.environ.get("WAYBILL_MISHAPS")
    (state / "tmp").mkdir(parents=True, exist_ok=True)
    pid_file = claim(state)

    function_log_level = os.environ.get("LOG_LEVEL", "info")
    environment = engine_environment(port, state, enforce_iam, functions_endpoint)
    os.environ.clear()
    os.environ.update(environment)

    import ministack.app as ministack
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
    from ministack.services.cloudformation import engine as cloudformation
    from ministack.services import apigateway, cloudwatch_logs, dynamodb, lambda_svc, ses, ses_v2, sns, sqs, stepfunctions, sts

    os.environ["LOG_LEVEL"] = function_log_level  # the engine has read its own
    if ministack._version() != PINNED:
        raise SystemExit(f"MiniStack {ministack._version()} is installed, engine.py mends {PINNED}: run `make .venv`")
    answer_at_once(lambda_runtime)
    let_idle_functions_sleep(lambda_runtime)
    follow_each_stream_by_itself(lambda_svc, dynamodb)
    gather_batches(lambda_svc, sqs)
    start_workflows_at_once(stepfunctions)
    take_large_templates(cloudformation)
    authorize_mail_by_sender(iam_actions)
    send_mail_before_answering(ses, ses_v2)
    show_pushes(ministack, keep_pushes(sns))
    authorize_batches_as_publish(iam_actions)
    tell_the_callers_address(apigateway, responses)
    leave_health_to_the_shop(ministack)
    metered = meter.Meter()
    meter.meter_all(metered, dynamodb, lambda_svc, stepfunctions)
    count_calls(ministack, sts, metered)
    usage.count_grants(ministack, iam_evaluator)
    cloudwatch.keep_function_logs(lambda_runtime, lambda_svc, cloudwatch_logs)
    if seed:
        mishaps.mend(Plan(int(seed)), lambda_svc, lambda_runtime, ministack)
    growth.offer(ministack, dynamodb)
    payments = stripe.running(port + 3, state / "stripe.log") if with_stripe else nullcontext()
    with open(state / "functions.log", "ab", buffering=0) as log, payments:
        tee_function_logs(lambda_runtime, log)
        inbox.start(smtp_port=port + 1, web_port=port + 2)
        sys.argv = sys.argv[:1]  # MiniStack has options of its own
        try:
            ministack.main()
        finally:
            lambda_runtime.reset()  # ends the function processes
            pid_file.close()


if __name__ == "__main__":
    main()
