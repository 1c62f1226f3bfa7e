"""Deploys the shop to an engine without a stack with the stock SAM command line, and uses it as its manual says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from checks.sample_events import listens
from engine import seed
from engine.api import Api
from engine.aws import Aws, variables
from engine.deploy import LOCAL_PARAMETERS, STACK, push_application, resources_of
from engine.problem import Problem
from engine.stack import Stack, free_port
from engine.wait import wait_until

SAMPLE = "events/catalog/ListProducts.json"


def check(root: Path, stack: Stack, say: Callable[[str], None]) -> None:
    """Runs each command on an engine that runs and has no stack, and buys something from what was deployed."""
    def sam(*arguments: str) -> str:
        return _run(root, stack, str(root / ".venv" / "sam" / "bin" / "sam"), *arguments)

    sam("build")
    aws, data = Aws(stack.engine_url), seed.read(seed.FILE)
    sam("deploy", "--no-confirm-changeset")
    say("deployed")
    parameters = {**LOCAL_PARAMETERS, "PushApplicationArn": push_application(aws)}
    sam("deploy", "--no-confirm-changeset", "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items()))
    say("updated with the parameters of `make up`")
    seed.seed(aws, resources_of(aws), data, say)
    _require("HttpApi", sam("list", "endpoints", "--stack-name", STACK, "--output", "json"))
    _require('"statusCode": 200', sam("remote", "invoke", "Catalog/ListProducts", "--stack-name", STACK, "--event-file", SAMPLE))
    _require("GET /api/v1/products", sam("logs", "--stack-name", STACK, "--name", "Catalog/ListProducts"))
    _require('"statusCode": 200', _run(root, stack, str(root / ".venv" / "bin" / "cargo-lambda"), "lambda", "invoke", "ListProducts",
                                     "--invoke-address", "127.0.0.1", "--invoke-port", str(stack.port), "--data-file", SAMPLE))
    _buy(Api(stack.origin), seed.logins(data)["customer"], data["products"][2]["id"])
    say("an order was paid")


def watch(root: Path, stack: Stack, env: Path, say: Callable[[str], None]) -> None:
    """Runs a function by `cargo lambda watch` with its variables in the folder `env`, and invokes it."""
    port, log, cargo_lambda = free_port(), stack.state / "watch.log", str(root / ".venv" / "bin" / "cargo-lambda")
    command = [cargo_lambda, "lambda", "watch", "--release", "--locked", "--bin", "catalog", "--ignore-changes",
               "--env-file", str(env / "ListProducts.env"), "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    with open(log, "wb") as output:
        watching = subprocess.Popen(command, cwd=root, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(lambda: listens(port) or watching.poll() is not None, f"`cargo lambda watch`; see {log}")
        if watching.poll() is not None:
            raise Problem(f"`cargo lambda watch` ended: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        _require('"statusCode":200', _run(root, stack, cargo_lambda, "lambda", "invoke", "catalog", "--invoke-address", "127.0.0.1",
                                          "--invoke-port", str(port), "--data-file", SAMPLE))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(watching.pid, signal.SIGTERM)  # cargo and the function, too
        watching.wait()
    say("a function under `cargo lambda watch` answered")


def _run(root: Path, stack: Stack, *command: str) -> str:
    """Returns the output of a command that uses the engine as AWS."""
    environment = {**os.environ, **variables(stack.engine_url), "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`{' '.join([Path(command[0]).name, *command[1:]])}` failed: {done.stderr or done.stdout}")
    return done.stdout + done.stderr


def _require(part: str, output: str) -> None:
    if part not in output:
        raise Problem(f"the output has no {part}: {output}")


def _buy(api: Api, customer: dict[str, str], product: str) -> None:
    token = api.log_in(customer["email"], customer["password"]).token
    body = {"items": [{"product_id": product, "quantity": 1}], "payment_method": "pm_card_visa"}
    order = api.call("POST", "/api/v1/checkout", body, token=token).expect(201)["id"]
    wait_until(lambda: api.call("GET", f"/api/v1/orders/{order}", token=token).expect(200)["status"], "the order to be paid",
               done=lambda status: status == "paid")
