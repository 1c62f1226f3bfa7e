"""Runs the local AWS engine (MiniStack) and the mail inbox in one process, on loopback.

`make up` starts it as `python -m ministack_engine`. It reads these variables: WAYBILL_PORT (the engine's port; SMTP is
the next one, the inbox the one after), WAYBILL_STATE (a folder for its pid file, function log and temporary files),
WAYBILL_IAM (`off` allows every call), WAYBILL_PAYMENTS (`stripe` starts a local Stripe at the port after the inbox,
which ends with the engine), WAYBILL_ENGINE (`localstack` runs LocalStack behind it, at the port after Stripe),
WAYBILL_FUNCTIONS_ENDPOINT (where functions find AWS, if not at the engine itself), WAYBILL_BRIDGE (another address at
which the engine is served, for containers), WAYBILL_FAULT_SEED (injects the faults of this seed) and
WAYBILL_ENGINE_WITHOUT (names of patches to leave out, separated by commas).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from engine import bridge, inbox, stripe
from engine.fault_plan import Plan
from engine.stack import REGION
from ministack_engine.patches import PATCHES
from ministack_engine.patching import Engine, UnknownPatchError, select

# The variables that the engine inherits. Functions inherit the engine's environment, which must not have the user's AWS configuration.
INHERITED_VARIABLES = ("LANG", "PATH", "RUST_BACKTRACE", "SFN_WAIT_SCALE", "TZ")


def engine_environment(port: int, state: Path, enforce_iam: bool, functions_endpoint: str | None) -> dict[str, str]:
    """Returns the variables that MiniStack reads while it is imported, and that functions inherit."""
    inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    return {
        **inherited,
        "AUTH": "true" if enforce_iam else "false",
        "AWS_ENDPOINT_URL": functions_endpoint or f"http://localhost:{port}",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # would open port 8883
        "LAMBDA_WARM_TTL_SECONDS": "60",  # idle functions of a burst end after a minute instead of five
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "SMTP_HOST": f"127.0.0.1:{port + 1}",
        "TMPDIR": str(state / "tmp"),
    }


def lock_pid_file(state: Path) -> IO[str]:
    """Writes the pid file and returns it locked. It stays locked while it is open: `engine.stack` concludes
    that an engine has ended when it can lock the file."""
    pid_file = open(state / "engine.pid", "a+", encoding="utf-8")  # noqa: SIM115 - open until the engine ends
    try:
        fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"an engine already runs in {state}; stop it with `make down`") from None
    pid_file.truncate(0)
    pid_file.write(str(os.getpid()))
    pid_file.flush()
    return pid_file


def main() -> None:
    """Runs the engine until the process is ended."""
    port = int(os.environ.get("WAYBILL_PORT", "4566"))
    state = Path(os.environ.get("WAYBILL_STATE", f".local/{port}")).resolve()
    with_stripe = os.environ.get("WAYBILL_PAYMENTS") == "stripe"
    with_localstack = os.environ.get("WAYBILL_ENGINE") == "localstack"
    enforce_iam = os.environ.get("WAYBILL_IAM", "on") != "off" and not with_localstack  # which has no IAM to enforce
    functions_endpoint, seed = os.environ.get("WAYBILL_FUNCTIONS_ENDPOINT"), os.environ.get("WAYBILL_FAULT_SEED")
    bridge_address = os.environ.get("WAYBILL_BRIDGE")
    without = [name for name in os.environ.get("WAYBILL_ENGINE_WITHOUT", "").split(",") if name]
    try:
        patches = select(PATCHES, without)
    except UnknownPatchError as error:
        raise SystemExit(str(error)) from None
    (state / "tmp").mkdir(parents=True, exist_ok=True)
    pid_file = lock_pid_file(state)

    function_log_level = os.environ.get("LOG_LEVEL", "info")
    environment = engine_environment(port, state, enforce_iam, functions_endpoint)
    os.environ.clear()
    os.environ.update(environment)

    from ministack_engine import localstack_proxy, server

    server.set_function_log_level(function_log_level)
    server.require_pinned_version()
    payments = stripe.running(port + 3, state / "stripe.log") if with_stripe else nullcontext()
    localstack_process = localstack_proxy.running(port + 4, environment["AWS_ENDPOINT_URL"], state) if with_localstack else nullcontext()
    with open(state / "functions.log", "ab", buffering=0) as log, payments, pid_file, localstack_process as localstack_url:
        engine = Engine(plan=Plan(int(seed)) if seed else None, function_log=log, localstack_url=localstack_url)
        server.prepare(engine, patches)
        if bridge_address:
            bridge.start(bridge_address, port)
        inbox.start(smtp_port=port + 1, web_port=port + 2)
        server.serve()


if __name__ == "__main__":
    main()
