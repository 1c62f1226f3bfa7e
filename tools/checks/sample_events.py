"""Invokes functions with their sample events, `events/<context>/<Function>.json`, and compares the answers.

`<Function>.expected.json` beside a sample has the answer. There, `"…"` stands for any value, an object may have further
members, and the body of an HTTP response is JSON instead of its text.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import templates
from engine.archive import bootstrap
from engine.aws import Aws, variables
from engine.problem import Problem
from engine.stack import Stack, free_port
from engine.wait import wait_until
from scaffold.samples import ANY

# The emulator of the Lambda Runtime API that `sam local` starts in its containers.
EMULATOR = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64", "arm64": "aws-lambda-rie-arm64"}

# It runs before DeferCheckout, whose sample defers an unknown order, which it could not start.
FIRST = ("ResumeCheckouts",)

# Samples that change what others read come last, in this order.
LAST = ("DeleteOrder", "SetOrderStatus", "ArchiveProduct", "Logout", "DeleteUser")


@dataclass(frozen=True)
class Function:
    """A function that the emulator runs."""

    logical_id: str
    handler: str
    bootstrap: Path
    environment: dict[str, str]


def environment_of(aws: Aws, functions: dict[str, str], endpoint: str) -> dict[str, dict[str, str]]:
    """Returns the variables of each function of a running stack, by logical id, with `endpoint` as the endpoint of AWS.

    This is the form of `sam local invoke --env-vars`.
    """
    deployed = {found["FunctionName"]: found.get("Environment", {}).get("Variables", {})
                for page in aws.functions.get_paginator("list_functions").paginate() for found in page["Functions"]}
    return {
        logical_id: {**{variable: value.replace(aws.endpoint, endpoint) for variable, value in deployed[name].items()},
                     "AWS_ENDPOINT_URL": endpoint}
        for logical_id, name in sorted(functions.items())
    }


def emulator(root: Path) -> Path:
    """Returns the path of the Runtime Interface Emulator, which is part of SAM."""
    name = EMULATOR.get(platform.machine())
    found = sorted((root / ".venv" / "sam" / "lib").glob(f"python3.*/site-packages/samcli/local/rapid/{name}"))
    if not found:
        raise Problem(f"SAM has no Runtime Interface Emulator for {platform.machine()} in .venv/sam: run `make .venv/sam/stamp`")
    return found[0]


def check(root: Path, stack: Stack, functions: dict[str, str], say: Callable[[str], None]) -> None:
    """Invokes all functions with their samples in the emulator, and fails with all answers that differ from the expected ones."""
    environments = environment_of(Aws(stack.engine_url), functions, stack.engine_url)
    shop, program = templates.read(root), emulator(root)
    contexts = {path.stem: path.parent.name for path in _samples(root, shop)}

    def invoke_in_emulator(logical_id: str, event: bytes) -> Any:
        function = Function(logical_id, shop.of_type(templates.FUNCTION)[logical_id]["Properties"]["Handler"],
                            bootstrap(root, contexts[logical_id]), environments[logical_id])
        return invoke(program, function, event)

    check_all(root, shop, invoke_in_emulator, say)


def check_all(root: Path, shop: templates.Templates, invoke: Callable[[str, bytes], Any], say: Callable[[str], None]) -> None:
    """Invokes all functions with their samples, and fails with all answers that differ from the expected ones. `invoke` takes the logical
    id of a function and the event."""
    failures: list[str] = []
    samples = _samples(root, shop)
    for path in samples:
        answer = with_json_body(invoke(path.stem, path.read_bytes()))
        expected = json.loads(expected_path(path).read_text(encoding="utf-8"))
        if found := differences(expected, answer):
            failures.append(f"{path.relative_to(root)}: {'; '.join(found)}; the answer is {json.dumps(answer)[:300]}")
    if failures:
        raise Problem("\n".join([f"{len(failures)} answers differ from the expected ones:", *failures]))
    say(f"{len(samples)} functions answered their samples as expected")


def expected_path(sample: Path) -> Path:
    """Returns the path of the expected answer to a sample."""
    return sample.with_suffix(".expected.json")


def _samples(root: Path, shop: templates.Templates) -> list[Path]:
    samples = [path for context in sorted(shop.contexts) for path in sorted((root / "events" / context).glob("*.json"))
               if not path.stem.endswith(".expected")]
    return sorted(samples, key=lambda path: (path.stem not in FIRST, LAST.index(path.stem) if path.stem in LAST else -1))


def invoke(program: Path, function: Function, event: bytes) -> Any:
    """Returns the answer of a function to an event. `program` is the emulator."""
    with _running(program, function) as url:
        request = urllib.request.Request(url, event)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())


def with_json_body(answer: Any) -> Any:
    """Returns the answer of a function with the body of an HTTP response as JSON."""
    if isinstance(answer, dict) and isinstance(body := answer.get("body"), str) and body and not answer.get("isBase64Encoded"):
        with suppress(ValueError):  # a page, or a style sheet
            answer["body"] = json.loads(body)
    return answer


@contextmanager
def _running(program: Path, function: Function) -> Iterator[str]:
    """Runs a function in the emulator, and returns the URL at which it is invoked."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": function.logical_id, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60", "_HANDLER": function.handler,
        **variables(function.environment["AWS_ENDPOINT_URL"]), **function.environment,
    }
    emulated = subprocess.Popen(
        [program, "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{port + 1}",
         function.bootstrap, function.handler],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    try:
        wait_until(lambda: listens(port), f"the emulator of {function.logical_id}", poll_seconds=0.02)
        yield url
    finally:
        emulated.terminate()
        emulated.wait()


def listens(port: int) -> bool:
    """Whether a program listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def differences(expected: Any, answer: Any, path: str = "") -> list[str]:
    """Returns where an answer differs from the expected one."""
    if expected == ANY:
        return []
    if isinstance(expected, dict) and isinstance(answer, dict):
        return [difference for name, value in expected.items()
                for difference in (differences(value, answer[name], f"{path}.{name}") if name in answer else [f"{path}.{name} is missing"])]
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        return [difference for index, value in enumerate(expected) for difference in differences(value, answer[index], f"{path}[{index}]")]
    return [] if expected == answer else [f"{path or 'the answer'} is {json.dumps(answer)[:200]}, expected {json.dumps(expected)[:200]}"]
