"""Functions as processes. The function of these tests speaks the Runtime API with Python's standard library."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException

from localstack_engine import executor
from localstack_engine.executor import ProcessExecutor, logical_id

FUNCTION = f"""#!{sys.executable}
import json, os, sys, time, urllib.request
runtime = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
if os.environ.get("FAILS_TO_START"):
    urllib.request.urlopen(urllib.request.Request(runtime + "init/error", b"no table", method="POST"))
    sys.exit(1)
while True:
    with urllib.request.urlopen(runtime + "invocation/next") as asked:
        id, event = asked.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(asked.read())
    print("received", event, flush=True)
    if event == "sleep":
        time.sleep(60)
    if event == "exit":
        sys.exit(7)
    answer = json.dumps({{"got": event, "endpoint": os.environ["AWS_ENDPOINT_URL"]}}).encode()
    what = "error" if event == "fail" else "response"
    urllib.request.urlopen(urllib.request.Request(runtime + f"invocation/{{id}}/{{what}}", answer, method="POST"))
"""


class Functions(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name)
        bootstrap = self.state / "bootstrap"
        bootstrap.write_text(FUNCTION, encoding="utf-8")
        bootstrap.chmod(0o755)
        for target, name, value in ((executor, "STATE", self.state), (executor, "code_folder", lambda _: self.state)):
            patched = patch.object(target, name, value)
            patched.start()
            self.addCleanup(patched.stop)
        environment = patch.dict(os.environ, {"WAYBILL_ENDPOINT": "http://localhost:1"})
        environment.start()
        self.addCleanup(environment.stop)

    def start(self, **variables: str) -> ProcessExecutor:
        version = SimpleNamespace(config=SimpleNamespace(timeout=2), id=SimpleNamespace(function_name="waybill-Catalog-1a-ListProducts-2b"))
        running = ProcessExecutor("one", version)
        self.addCleanup(running.stop)
        running.start(variables)
        return running

    def invoke(self, running: ProcessExecutor, event: Any) -> Any:
        return running.invoke({"invoke-id": "1", "invoked-function-arn": "arn", "trace-id": "Root=1", "payload": json.dumps(event)})

    def test_an_event_is_answered_and_its_lines_are_logged(self) -> None:
        result = self.invoke(self.start(), {"n": 1})
        self.assertEqual(json.loads(result.payload), {"got": {"n": 1}, "endpoint": "http://localhost:1"})
        self.assertFalse(result.is_error)
        self.assertTrue(result.logs.startswith("START RequestId: 1\n"))
        log, deadline = self.state / "functions.log", time.monotonic() + 30
        while not log.read_text(encoding="utf-8") and time.monotonic() < deadline:  # another thread reads what the function prints
            time.sleep(0.01)
        self.assertEqual(log.read_text(encoding="utf-8"), "ListProducts\treceived {'n': 1}\n")

    def test_an_error_is_reported(self) -> None:
        self.assertTrue(self.invoke(self.start(), "fail").is_error)

    def test_a_function_that_ends_fails_its_invocation(self) -> None:
        running = self.start()
        result = self.invoke(running, "exit")
        self.assertTrue(result.is_error)
        self.assertEqual(json.loads(result.payload)["errorMessage"], "the function ended with status 7")
        self.assertFalse(self.invoke(running, "again").is_error, "the next event has a new process")

    def test_a_function_that_takes_too_long_is_ended(self) -> None:
        running = self.start()
        result = self.invoke(running, "sleep")
        self.assertIn("timed out after 2.00 seconds", json.loads(result.payload)["errorMessage"])
        self.assertFalse(self.invoke(running, "again").is_error, "the next event has a new process")

    def test_a_function_that_fails_to_start_says_why(self) -> None:
        with self.assertRaisesRegex(LambdaRuntimeException, "no table"):
            self.start(FAILS_TO_START="1")

    def test_the_logical_id_is_part_of_the_name(self) -> None:
        self.assertEqual(logical_id("waybill-Catalog-1a-ListProducts-2b"), "ListProducts")
        self.assertEqual(logical_id("alone"), "alone")


if __name__ == "__main__":
    unittest.main()
