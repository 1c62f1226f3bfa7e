"""LocalStack behind the engine, with a server in its place."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ministack_engine import localstack_proxy
from ministack_engine.localstack_proxy import forward_services, invoke_forwarded
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed, request

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:ListProducts"


class Upstream(ThreadingHTTPServer):
    """Stands for LocalStack: it keeps requests, and answers all of them in the same way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.requests: list[tuple[str, str, bytes]] = []
        self.status, self.body, self.answer_headers = 200, b"{}", {"X-Answer": "LocalStack"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class UpstreamHandler(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, self.headers["Host"], body))
        self.send_response(self.server.status)
        for name, value in {**self.server.answer_headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def front(engine: Engine, upstream: Upstream) -> Engine:
    """MiniStack in front of LocalStack."""
    engine.localstack_url = upstream.url
    return engine


def test_forward_services_fits(front: Engine, upstream: Upstream) -> None:
    forward_services(front)
    upstream.status, upstream.body = 409, b"taken"
    assert request(front, "POST", "/bucket/a%20key?x-id=PutObject&n=%2F", {"n": 1}) == (409, b"taken")
    assert upstream.requests == [("/bucket/a%20key?x-id=PutObject&n=%2F", "localhost", b'{"n": 1}')]


@pytest.mark.parametrize(("path", "host"), [
    ("/_aws/execute-api/api/live", "localhost"), ("/v2/apis", "localhost"), ("/v2/email/identities", "localhost"),
    ("/_waybill/pushes", "localhost"), ("/products", "127.0.0.1:4566")])
def test_what_ministack_serves_is_not_forwarded(front: Engine, upstream: Upstream, path: str, host: str) -> None:
    forward_services(front)
    request(front, "GET", path, headers={"host": host})
    assert upstream.requests == []


def test_localstack_that_does_not_answer_is_named(front: Engine) -> None:
    front.localstack_url = "http://127.0.0.1:9"  # nothing listens there
    forward_services(front)
    status, body = request(front, "GET", "/")
    assert status == 503
    assert b"LocalStack does not answer" in body


def test_a_request_that_is_cut_off_is_not_forwarded(front: Engine, upstream: Upstream) -> None:
    forward_services(front)
    first = {"type": "http.request", "body": b"Message=half", "more_body": True}
    messages: Iterator[dict[str, Any]] = iter([first, {"type": "http.disconnect"}])
    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": [(b"host", b"localhost")]}

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(_: Any) -> None:
        raise AssertionError("nobody waits for an answer")

    asyncio.run(front.module("app").app(scope, receive, send))
    assert upstream.requests == []


def test_forward_services_is_needed(front: Engine, upstream: Upstream) -> None:
    request(front, "GET", "/bucket")
    assert_needed("forward_services", upstream.requests == [])


def invoke(engine: Engine) -> tuple[int, dict[str, str], bytes]:
    """Returns what an HTTP API answers to a request of a route with a function of LocalStack."""
    apigateway = engine.module("services.apigateway")
    answer: tuple[int, dict[str, str], bytes] = asyncio.run(
        apigateway._invoke_lambda_proxy({"integrationUri": FUNCTION}, "api", "$default", "/products", "GET", {}, b"", {}))
    return answer


def test_invoke_forwarded_fits(front: Engine, upstream: Upstream) -> None:
    invoke_forwarded(front)
    upstream.body = json.dumps({"statusCode": 200, "body": "a list"}).encode()
    status, _, body = invoke(front)
    assert (status, body) == (200, b"a list")
    [(path, _, event)] = upstream.requests
    assert path == f"/2015-03-31/functions/{FUNCTION}/invocations"
    assert json.loads(event)["rawPath"] == "/products"


def test_an_error_of_a_function_is_a_bad_gateway(front: Engine, upstream: Upstream) -> None:
    invoke_forwarded(front)
    upstream.body, upstream.answer_headers = b'{"errorMessage": "no"}', {"X-Amz-Function-Error": "Unhandled"}
    assert invoke(front)[0] == 502
    upstream.status = 404
    assert invoke(front)[0] == 502


def test_invoke_forwarded_is_needed(front: Engine, upstream: Upstream) -> None:
    invoke(front)
    assert_needed("invoke_forwarded", upstream.requests == [])


def test_both_do_nothing_without_localstack(engine: Engine) -> None:
    app = engine.module("app").app
    forward_services(engine)
    invoke_forwarded(engine)
    assert engine.module("app").app is app


def test_the_engine_ends_when_localstack_ends(tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
from ministack_engine import localstack_proxy
localstack_proxy.command = lambda: ["sh", "-c", "echo why; exit 3"]
with localstack_proxy.running(1, "http://localhost:1", Path({str(tmp_path)!r})):
    time.sleep(60)
"""
    packages = str(Path(localstack_proxy.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": packages}, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode != 0
    assert "LocalStack ended with status 3" in done.stdout
    assert (tmp_path / "localstack.log").read_text() == "why\n"
