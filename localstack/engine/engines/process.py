"""Engines that are a process of this machine: MiniStack, alone or in front of LocalStack."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from engine.engines.interface import LocalEngine
from engine.problem import Problem
from engine.stack import PACKAGES, Stack, are_free, require_free_ports, running_pid
from engine.wait import STALLED_SECONDS, wait_until

STOP_LIMIT_SECONDS = 10.0  # before it is killed
POLL_SECONDS = 0.05


class ProcessEngine(LocalEngine):
    """An engine that is the process `python -m ministack_engine`, which reads its settings from variables. A GET of `health_path` succeeds
    when it is ready."""

    def __init__(self, name: str, health_path: str) -> None:
        self.name, self.health_path = name, health_path

    def start(self, stack: Stack) -> None:
        require_free_ports(stack)
        stack.function_log.unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "WAYBILL_PORT": str(stack.port), "WAYBILL_STATE": str(stack.state),
                       "WAYBILL_ENGINE": self.name,
                       "WAYBILL_IAM": "on" if stack.enforce_iam else "off",
                       "WAYBILL_PAYMENTS": "stripe" if stack.with_stripe else "simulator",
                       "WAYBILL_FUNCTIONS_ENDPOINT": stack.functions_endpoint or "",
                       "WAYBILL_BRIDGE": stack.bridge or "",
                       "WAYBILL_FAULT_SEED": "" if stack.fault_seed is None else str(stack.fault_seed)}
        with open(stack.engine_log, "wb") as log:
            engine = subprocess.Popen(
                [sys.executable, "-m", "ministack_engine"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)  # a process group of its own: functions end with it, and Ctrl-C does not reach it
        try:
            self._wait_until_healthy(stack, engine)
        except BaseException:
            _end(stack, engine.pid)
            engine.wait()
            raise

    def _wait_until_healthy(self, stack: Stack, engine: subprocess.Popen[bytes]) -> None:
        def healthy_and_last_line() -> tuple[bool, str]:
            healthy = self.is_healthy(stack)
            last_line = _last_line(stack.engine_log)
            if not healthy and engine.poll() is not None:
                raise Problem(f"the engine ended while it started: {last_line} ({stack.engine_log})")
            return healthy, last_line

        wait_until(healthy_and_last_line, f"the engine to answer (see {stack.engine_log})", done=lambda seen: seen[0],
                   poll_seconds=POLL_SECONDS)

    def is_running(self, stack: Stack) -> bool:
        return running_pid(stack) is not None

    def is_healthy(self, stack: Stack) -> bool:
        connection = HTTPConnection("127.0.0.1", stack.port, timeout=STALLED_SECONDS)
        with suppress(OSError, HTTPException), closing(connection):
            connection.request("GET", self.health_path, headers={"Host": f"localhost:{stack.port}"})
            return connection.getresponse().status == 200
        return False

    def stop(self, stack: Stack) -> bool:
        pid = running_pid(stack)
        if pid is None:
            return False
        _end(stack, pid)
        for folder in ("tmp", "code"):
            shutil.rmtree(stack.state / folder, ignore_errors=True)
        return True


def _end(stack: Stack, pid: int) -> None:
    """Ends the engine and the processes of its functions, and waits until its ports are free."""
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    with suppress(ProcessLookupError):  # it has ended by itself
        os.kill(pid, signal.SIGTERM)
        while running_pid(stack) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what outlived the engine
    while not are_free(stack) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)  # it unlocks its pid file a moment before it ends


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"
