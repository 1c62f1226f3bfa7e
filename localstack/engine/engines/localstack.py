"""LocalStack's community edition, without Docker, and MiniStack in front of it for API Gateway and SES version 2.

`ministack_engine/localstack_proxy.py` starts it and forwards requests to it; `localstack_engine/` is the plugin inside it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from engine.engines.process import ProcessEngine
from engine.problem import Problem
from engine.stack import PACKAGES, REGION, ROOT

PYTHON = ROOT / ".venv" / "localstack" / "bin" / "python"

# LocalStack's settings that do not depend on the stack.
SETTINGS = {
    "AWS_DEFAULT_REGION": REGION,
    "DISABLE_EVENTS": "1",  # sends nothing to LocalStack's makers
    "DNS_ADDRESS": "0",  # no DNS server
    "GATEWAY_SERVER": "hypercorn",  # the default server listens on every address of the machine, whatever GATEWAY_LISTEN says
    "IN_MEMORY_CLIENT": "1",  # its services call each other without HTTP
    "LAMBDA_DISABLE_AWS_ENDPOINT_URL": "1",  # the executor sets it
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",  # of queues without a batching window
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.2",  # of streams
    "LAMBDA_RUNTIME_EXECUTOR": "process",
    "OVERRIDE_IN_DOCKER": "0",  # on a machine that is a container, it would look for its own
    "PROVIDER_OVERRIDE_DYNAMODB": "moto",
    "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
    "SKIP_SSL_CERT_DOWNLOAD": "1",  # nobody uses HTTPS on loopback
    "SQS_DISABLE_CLOUDWATCH_METRICS": "1",  # a write for each poll of each queue
    "SQS_ENDPOINT_STRATEGY": "path",  # queues have URLs at the endpoint, not at host names of regions
}


class LocalStack(ProcessEngine):
    """LocalStack's community edition. It does not enforce IAM."""

    def require(self) -> None:
        if not PYTHON.exists():
            raise Problem("LocalStack is not installed: run `make .venv/localstack/stamp`, which needs Python 3.13")


def find_python() -> str:
    """Returns the command of a Python that LocalStack runs on: that of LOCALSTACK_PYTHON, or the first one on this machine."""
    wanted = os.environ.get("LOCALSTACK_PYTHON")
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [wanted] if wanted else ["python3.13", "python3", *map(str, root.glob("versions/3.13.*/bin/python"))]
    if (found := next(filter(_fits, candidates), None)) is None:
        tried = f"{wanted} is none" if wanted else "this machine has none"
        raise Problem(f"LocalStack needs Python 3.13 with venv, and {tried}: name one with LOCALSTACK_PYTHON=/path/to/python "
                      "(`make test` does without it: WAYBILL_TEST_WITHOUT=localstack)")
    return found


def _fits(python: str) -> bool:
    code = "import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 13))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def command() -> list[str]:
    """Returns the command that runs LocalStack."""
    return [str(PYTHON), "-m", "localstack.runtime.main"]


def environment(port: int, endpoint: str, state: Path) -> dict[str, str]:
    """Returns LocalStack's variables. It listens on `port`, and functions and clients find it at `endpoint`."""
    volume = state / "localstack"
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG", "TZ", "TMPDIR", "LOG_LEVEL") if name in os.environ},
        **SETTINGS,
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": endpoint.removeprefix("http://"),
        "LOCALSTACK_VOLUME_DIR": str(volume),
        "FILESYSTEM_ROOT": str(volume),
        "PYTHONPATH": str(PACKAGES),
        "WAYBILL_ENDPOINT": endpoint,
        "WAYBILL_STATE": str(state),
    }


ENGINE = LocalStack("localstack", "/_localstack/health")
