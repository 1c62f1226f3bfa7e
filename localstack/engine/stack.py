"""Starts and stops a local engine, and names its ports, URLs and files."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from engine.problem import Problem
from engine.wait import STALLED_SECONDS, wait_until

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "localstack"  # on the module path of the engine's process
REGION = "eu-central-1"
PORTS = 4  # engine, SMTP, inbox, Stripe

STOP_LIMIT_SECONDS = 10.0  # before it is killed
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Stack:
    """One engine.

    It has `PORTS` ports from `port` on, and its files in the folder `state`. Payments go to a local Stripe if `with_stripe` is set, else
    to the simulator. Functions call AWS at `functions_endpoint`, or at the engine. Faults are injected if there is a `fault_seed`.
    """

    port: int
    state: Path
    enforce_iam: bool = True
    with_stripe: bool = False
    functions_endpoint: str | None = None
    fault_seed: int | None = None

    @property
    def engine_url(self) -> str:
        """The AWS endpoint. At `127.0.0.1`, the engine serves the HTTP API instead."""
        return f"http://localhost:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of the HTTP API, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/v1"

    @property
    def inbox_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def stripe_port(self) -> int:
        return self.port + 3

    @property
    def stripe_url(self) -> str:
        return f"http://127.0.0.1:{self.stripe_port}"

    @property
    def engine_log(self) -> Path:
        return self.state / "engine.log"

    @property
    def function_log(self) -> Path:
        return self.state / "functions.log"

    @property
    def outputs(self) -> Path:
        return self.state / "outputs.json"


def stack_of_environment() -> Stack:
    """Returns the stack that WAYBILL_PORT, WAYBILL_IAM and WAYBILL_PAYMENTS describe."""
    text = os.environ.get("WAYBILL_PORT") or "4566"
    if not text.isdigit() or not 1024 <= int(text) <= 65000:
        raise Problem(f"WAYBILL_PORT has to be a port from 1024 to 65000, not {text}")
    payments = os.environ.get("WAYBILL_PAYMENTS") or "simulator"
    if payments not in ("simulator", "stripe"):
        raise Problem(f"WAYBILL_PAYMENTS has to be simulator or stripe, not {payments}")
    return Stack(int(text), ROOT / ".local" / text, enforce_iam=os.environ.get("WAYBILL_IAM") != "off",
                 with_stripe=payments == "stripe")


def running_pid(stack: Stack) -> int | None:
    """Returns the engine's process id, if it runs. The engine locks its pid file, so that no other process is mistaken for it."""
    with suppress(FileNotFoundError), open(stack.state / "engine.pid", encoding="utf-8") as pid_file:
        try:
            fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(pid_file.read())
    return None


def running_stack() -> Stack:
    """Returns the running stack of the environment, and fails if `make up` has not started it."""
    stack = stack_of_environment()
    if running_pid(stack) is None:
        raise Problem(f"no stack runs on port {stack.port}; `make up` starts one")
    if not stack.outputs.exists():
        raise Problem(f"the stack on port {stack.port} is still starting")
    return stack


def require_free_ports(stack: Stack) -> None:
    """Fails if another program uses one of the stack's ports."""
    for port in _ports(stack):
        if not _is_free(port):
            raise Problem(f"port {port} is in use by another program; move the stack: WAYBILL_PORT={stack.port + 100} make up")


def _ports(stack: Stack) -> range:
    return range(stack.port, stack.port + PORTS)


def free_port() -> int:
    """Returns the first port of a new stack. All its ports are free."""
    return free_ports(1)[0]


def free_ports(stacks: int) -> range:
    """Returns the first ports of new stacks. All their ports are free, and below those that systems use for outgoing connections."""
    while True:
        first = random.randrange(20_000, 32_000)
        ports = range(first, first + stacks * PORTS)
        if all(_is_free(port) for port in ports):
            return ports[::PORTS]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start(stack: Stack) -> None:
    """Starts the engine in the background and waits until it answers."""
    require_free_ports(stack)
    stack.state.mkdir(parents=True, exist_ok=True)
    stack.function_log.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "WAYBILL_PORT": str(stack.port), "WAYBILL_STATE": str(stack.state),
                   "WAYBILL_IAM": "on" if stack.enforce_iam else "off",
                   "WAYBILL_PAYMENTS": "stripe" if stack.with_stripe else "simulator",
                   "WAYBILL_FUNCTIONS_ENDPOINT": stack.functions_endpoint or "",
                   "WAYBILL_FAULT_SEED": "" if stack.fault_seed is None else str(stack.fault_seed)}
    with open(stack.engine_log, "wb") as log:
        engine = subprocess.Popen(
            [sys.executable, "-m", "ministack_engine"],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)  # a process group of its own: functions end with it, and Ctrl-C does not reach it
    try:
        _wait_until_healthy(stack, engine)
    except BaseException:
        engine.terminate()
        engine.wait()
        raise


def _wait_until_healthy(stack: Stack, engine: subprocess.Popen[bytes]) -> None:
    def healthy_and_last_line() -> tuple[bool, str]:
        healthy = is_healthy(stack)
        last_line = _last_line(stack.engine_log)
        if not healthy and engine.poll() is not None:
            raise Problem(f"the engine ended at once: {last_line} ({stack.engine_log})")
        return healthy, last_line

    wait_until(healthy_and_last_line, f"the engine to answer (see {stack.engine_log})", done=lambda seen: seen[0],
               poll_seconds=POLL_SECONDS)


def is_healthy(stack: Stack) -> bool:
    """Whether the engine answers."""
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=STALLED_SECONDS)
    with suppress(OSError, HTTPException), closing(connection):
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    return False


def stop(stack: Stack) -> bool:
    """Stops the engine and its function processes, and returns whether the engine was running."""
    pid = running_pid(stack)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    while running_pid(stack) is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # a function that outlived the engine
    while not all(_is_free(port) for port in _ports(stack)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)  # it unlocks its pid file a moment before it ends
    shutil.rmtree(stack.state / "tmp", ignore_errors=True)
    return True


def ignore_user_aws_configuration() -> None:
    """Removes the user's own AWS configuration from the environment."""
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"
