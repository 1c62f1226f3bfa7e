"""A stack on a local engine: its ports, URLs and files."""

from __future__ import annotations

import fcntl
import os
import random
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.problem import Problem

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "localstack"  # on the module path of the engine's process
REGION = "eu-central-1"
PORTS = 5  # engine, SMTP, inbox, Stripe, LocalStack


@dataclass(frozen=True)
class Stack:
    """A stack and its engine, whose name is a key of `engine.engines.ENGINES`.

    It has `PORTS` ports from `port` on, and its files in the folder `state`. Payments go to a local Stripe if `with_stripe` is set, else
    to the simulator. Functions call AWS at `functions_endpoint`, or at the engine. Containers reach the engine at the address `bridge`.
    Faults are injected if there is a `fault_seed`.
    """

    port: int
    state: Path
    engine: str = "ministack"
    enforce_iam: bool = True
    with_stripe: bool = False
    functions_endpoint: str | None = None
    bridge: str | None = None
    fault_seed: int | None = None

    @property
    def engine_url(self) -> str:
        """The AWS endpoint. At `127.0.0.1`, the engine serves the HTTP API instead."""
        return f"http://localhost:{self.port}"

    @property
    def container_url(self) -> str:
        """The AWS endpoint for functions in containers."""
        return f"http://{self.bridge}:{self.port}" if self.bridge else self.engine_url

    @property
    def origin(self) -> str:
        """The origin of the HTTP API, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The base URL of the HTTP API."""
        return f"{self.origin}/api/v1"

    @property
    def inbox_url(self) -> str:
        """The page with the mails."""
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def stripe_port(self) -> int:
        """The port of the local Stripe."""
        return self.port + 3

    @property
    def stripe_url(self) -> str:
        """The base URL of the local Stripe."""
        return f"http://127.0.0.1:{self.stripe_port}"

    @property
    def engine_log(self) -> Path:
        """The output of the engine."""
        return self.state / "engine.log"

    @property
    def function_log(self) -> Path:
        """The lines that functions print, each behind the logical id of its function."""
        return self.state / "functions.log"

    @property
    def outputs(self) -> Path:
        """The addresses and names of the deployed stack, as JSON."""
        return self.state / "outputs.json"


def running_pid(stack: Stack) -> int | None:
    """Returns the engine's process id, if it runs. The engine locks its pid file, so that no other process is mistaken for it."""
    with suppress(FileNotFoundError), open(stack.state / "engine.pid", encoding="utf-8") as pid_file:
        try:
            fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(pid_file.read())
    return None


def require_free_ports(stack: Stack) -> None:
    """Fails if another program uses one of the stack's ports."""
    for port in _ports(stack):
        if not _is_free(port):
            raise Problem(f"port {port} is in use by another program; move the stack: WAYBILL_PORT={stack.port + 100} make up")


def are_free(stack: Stack) -> bool:
    """Whether no program uses a port of the stack."""
    return all(_is_free(port) for port in _ports(stack))


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


def ignore_user_aws_configuration() -> None:
    """Removes the user's own AWS configuration from the environment."""
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)

