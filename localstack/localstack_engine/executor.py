"""Runs functions of the runtime `provided.al2023` as processes on this machine. LocalStack's own executor needs Docker.

Each execution environment is a process, and an HTTP server on loopback that serves the Lambda Runtime API to it: the function asks for
the next event and posts its response or its error.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import subprocess
import threading
import time
import zipfile
from concurrent.futures import Future
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from localstack.config import LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

STATE = Path(os.environ.get("WAYBILL_STATE", "."))  # the folder of functions.log and of the functions' code

NEXT_EVENT = "/2018-06-01/runtime/invocation/next"

# An event, as LocalStack gives it to an executor.
Payload = dict[str, str]


class RuntimeApi(ThreadingHTTPServer):
    """Serves the Lambda Runtime API to one process."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RuntimeApiHandler)
        self.ready: Future[bool] = Future()
        self.events: queue.Queue[Payload | None] = queue.Queue()
        self.answers: dict[str, Future[tuple[bytes, bool]]] = {}  # by request id: the body, and whether it is an error
        self.failure: str | None = None  # why the process has ended
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The host and the port, as AWS_LAMBDA_RUNTIME_API has them."""
        return f"127.0.0.1:{self.server_port}"

    def answer(self, request_id: str, body: bytes, is_error: bool) -> None:
        """Ends the invocation, unless it has ended already, because it took too long."""
        if waiting := self.answers.pop(request_id, None):
            waiting.set_result((body, is_error))

    def fail(self, message: str) -> None:
        """Ends everything that waits for the process, now and later."""
        self.failure = message
        if not self.ready.done():
            self.ready.set_exception(LambdaRuntimeException(message))
        for request_id in list(self.answers):
            self.answer(request_id, error_body("Runtime.ExitError", message), is_error=True)


class RuntimeApiHandler(BaseHTTPRequestHandler):
    """The requests of the function."""

    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # the head and the body of a response are sent together

    def do_GET(self) -> None:
        if self.path != NEXT_EVENT:
            self.send_error(404)
            return
        if not self.server.ready.done():
            self.server.ready.set_result(True)
        event = self.server.events.get()
        if event is None:  # the environment is stopped
            self.close_connection = True
            return
        self._send(200, event["payload"].encode(), {
            "Lambda-Runtime-Aws-Request-Id": event["invoke-id"], "Lambda-Runtime-Invoked-Function-Arn": event["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": event["trace-id"], "Lambda-Runtime-Deadline-Ms": event["deadline"]})

    def do_POST(self) -> None:
        body = self._body()
        request_id, outcome = self.path.rstrip("/").split("/")[-2:]
        if request_id == "init":
            self.server.fail(f"the function failed to start: {body.decode(errors='replace')}")
        else:
            self.server.answer(request_id, body, is_error=outcome == "error")
        self._send(202, b"", {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Writes no line for each request."""


def error_body(error_type: str, message: str) -> bytes:
    """Returns the body of an error in Lambda's form."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc] # LocalStack is untyped
    """One execution environment of a function."""

    api: RuntimeApi | None = None
    process: subprocess.Popen[bytes] | None = None
    stopped = False

    def start(self, env_vars: dict[str, Any]) -> None:
        """Starts the process, and waits until it asks for an event."""
        self.lines: list[str] = []
        self.variables = env_vars
        self._launch()

    def _launch(self) -> None:
        self.api = api = RuntimeApi()
        folder = code_folder(self.function_version)
        environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": os.environ["WAYBILL_ENDPOINT"],
                       **{name: str(value) for name, value in self.variables.items()},
                       "LAMBDA_TASK_ROOT": str(folder), "AWS_LAMBDA_RUNTIME_API": api.address}
        self.process = subprocess.Popen([folder / "bootstrap"], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._watch, args=(self.process, api), daemon=True).start()
        api.ready.result(timeout=LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT)

    def _watch(self, process: subprocess.Popen[bytes], api: RuntimeApi) -> None:
        """Copies the lines that the function prints to functions.log, behind its logical id and a tab, until it ends."""
        name = logical_id(self.function_version.id.function_name)
        assert process.stdout is not None
        with open(STATE / "functions.log", "ab", buffering=0) as log:
            for line in process.stdout:
                self.lines.append(line.decode(errors="replace"))
                log.write(name.encode() + b"\t" + line.rstrip(b"\r\n") + b"\n")
        api.fail(f"the function ended with status {process.wait()}")

    def invoke(self, payload: Payload) -> InvocationResult:
        """Gives the event to the process, and waits for its answer or the end of its time."""
        assert self.api is not None and self.process is not None
        self.lines.clear()
        if self.process.poll() is not None:  # it ended during its last invocation, or was ended; LocalStack keeps its environment
            self._end()
            if self.stopped:
                raise LambdaRuntimeException("the function was updated or deleted")
            self._launch()
        answer: Future[tuple[bytes, bool]] = Future()
        seconds = self.function_version.config.timeout
        self.api.answers[payload["invoke-id"]] = answer
        if self.api.failure is not None:  # the process has ended since it was asked
            self.api.fail(self.api.failure)
        self.api.events.put({**payload, "deadline": str(int((time.time() + seconds) * 1000))})
        try:
            body, is_error = answer.result(timeout=seconds)
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            body, is_error = error_body("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds"), True
        lines = [f"START RequestId: {payload['invoke-id']}\n", *self.lines, f"END RequestId: {payload['invoke-id']}\n"]
        return InvocationResult(payload["invoke-id"], body, is_error=is_error, logs="".join(lines))

    def stop(self) -> None:
        """Ends the process and its Runtime API, for good."""
        self.stopped = True
        self._end()

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
        if self.api is not None:
            self.api.events.put(None)
            self.api.shutdown()
            self.api.server_close()

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "localhost"

    def get_runtime_endpoint(self) -> str:
        return os.environ["WAYBILL_ENDPOINT"]

    def get_logs(self) -> str:
        return "".join(self.lines)

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        code_folder(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Keeps the code, which other functions use."""


def logical_id(function_name: str) -> str:
    """Returns the logical id of a function. LocalStack names it `<stack>-<logical id>-<suffix>`, and cuts the stack's name."""
    return function_name.split("-")[-2] if function_name.count("-") > 1 else function_name


_unpacking = threading.Lock()


def code_folder(version: FunctionVersion) -> Path:
    """Returns the folder with the code of a function. All functions with the same code share it: a context has one archive."""
    code = version.config.code
    folder = STATE / "code" / hashlib.sha256(code.code_sha256.encode()).hexdigest()[:16]
    with _unpacking:
        if not folder.exists():
            archive = io.BytesIO()
            code._download_archive_to_file(archive)
            unpacked = folder.with_suffix(".new")
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(unpacked)
            with suppress(FileNotFoundError):
                (unpacked / "bootstrap").chmod(0o755)
            unpacked.rename(folder)
    return folder


def store_archives_once() -> None:
    """Stores an archive once for all functions of its context. LocalStack stores a copy for each function. The key of an archive contains
    a hash of it, so the archive of a key never changes."""
    store = provider.store_s3_bucket_archive
    stored: dict[tuple[str, str, str | None], Any] = {}

    def store_once(archive_bucket: str, archive_key: str, archive_version: str | None, **more: Any) -> Any:
        place = (archive_bucket, archive_key, archive_version)
        if place not in stored:
            stored[place] = store(*place, **more)
        return stored[place]

    provider.store_s3_bucket_archive = store_once


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """The plugin, chosen by LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> type[ProcessExecutor]:
        return ProcessExecutor
