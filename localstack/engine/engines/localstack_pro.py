"""LocalStack's licensed image in Docker, for those who have an account: `LOCALSTACK_AUTH_TOKEN` is its token.

Nobody has tried it, because no account was at hand. Its CloudFormation deploys the templates as they are, and it runs functions in
containers, so the binaries have to be those of Linux.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping

from engine.deploy import Resources
from engine.engines.interface import LocalEngine
from engine.problem import Problem
from engine.stack import PACKAGES, Stack
from engine.wait import wait_until

COMPOSE_FILE = PACKAGES / "docker-compose.yml"


class LocalStackPro(LocalEngine):
    """LocalStack's licensed image."""

    name = "localstack-pro"
    parameters: Mapping[str, str] = {"CreateMailIdentity": "false"}

    def require(self) -> None:
        if shutil.which("docker") is None:
            raise Problem("ENGINE=localstack-pro needs Docker; ENGINE=localstack runs without it")
        if not os.environ.get("LOCALSTACK_AUTH_TOKEN"):
            raise Problem("ENGINE=localstack-pro needs LOCALSTACK_AUTH_TOKEN, the token of a LocalStack account")

    def start(self, stack: Stack) -> None:
        self._compose(stack, "up", "--detach")
        wait_until(lambda: self.is_healthy(stack), "LocalStack to answer; see `docker compose logs`")

    def is_running(self, stack: Stack) -> bool:
        return bool(self._compose(stack, "ps", "--quiet").strip())

    def is_healthy(self, stack: Stack) -> bool:
        try:
            with urllib.request.urlopen(f"{stack.engine_url}/_localstack/health", timeout=5) as response:
                return "services" in json.loads(response.read())
        except (urllib.error.URLError, ValueError):
            return False

    def stop(self, stack: Stack) -> bool:
        was_running = self.is_running(stack)
        self._compose(stack, "down", "--volumes")
        return was_running

    def api_origin(self, stack: Stack, resources: Resources) -> str:
        return f"http://{resources['AWS::ApiGatewayV2::Api']['HttpApi']}.execute-api.localhost.localstack.cloud:{stack.port}"

    def socket_url(self, stack: Stack, resources: Resources) -> str:
        return f"ws://{resources['AWS::ApiGatewayV2::Api']['SocketApi']}.execute-api.localhost.localstack.cloud:{stack.port}/live"

    def _compose(self, stack: Stack, *arguments: str) -> str:
        command = ["docker", "compose", "--project-name", f"waybill-{stack.port}", "--file", str(COMPOSE_FILE), *arguments]
        try:
            done = subprocess.run(command, env={**os.environ, "WAYBILL_PORT": str(stack.port)}, capture_output=True, text=True, check=False)
        except OSError as error:
            raise Problem(f"`docker compose {arguments[0]}` cannot run: {error.strerror}") from None
        if done.returncode:
            raise Problem(f"`docker compose {arguments[0]}` failed: {done.stderr.strip()}")
        return done.stdout


ENGINE = LocalStackPro()
