"""A proxy of LocalStack, for `ENGINE=localstack`.

LocalStack's community edition has no API Gateway version 2 and no SES version 2. MiniStack serves both at the endpoint, and forwards
everything else, so that clients and functions know one address.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from engine.engines.localstack import command, environment
from ministack_engine.invocations import AUTHORIZATION
from ministack_engine.patching import Engine

# The start of the paths that MiniStack serves: APIs and WebSocket connections, API Gateway, SES, and what MiniStack and Waybill add.
OWN_PATHS = ("/_aws/execute-api/", "/v2/apis", "/v2/domainnames", "/v2/tags/", "/v2/email/", "/_ministack/", "/_waybill/")

# Hop-by-hop headers (RFC 9110), and those that the server or the client sets itself.
HOP_BY_HOP_HEADERS = (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"date", b"server")

STOP_LIMIT_SECONDS = 5.0  # `engine.engines.process` ends this process after 10


@contextmanager
def running(port: int, endpoint: str, state: Path) -> Iterator[str]:
    """Runs LocalStack on a port, and returns its URL. Its output is in `localstack.log`."""
    with open(state / "localstack.log", "wb") as log:
        process = subprocess.Popen(command(), env=environment(port, endpoint, state), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stopping = threading.Event()
        threading.Thread(target=_end_with, args=(process, stopping, log.name), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            stopping.set()
            process.terminate()
            try:
                process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _end_with(process: subprocess.Popen[bytes], stopping: threading.Event, log: str) -> None:
    """Ends this process when LocalStack ends by itself."""
    status = process.wait()
    if not stopping.is_set():
        print(f"LocalStack ended with status {status}, see {log}", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)


def forward_services(engine: Engine) -> None:
    """Sends every request to LocalStack that is not for a service of MiniStack."""
    if engine.localstack_url is None:
        return
    ministack, upstream = engine.module("app"), engine.localstack_url
    app = ministack.app
    sessions: list[aiohttp.ClientSession] = []

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or _is_own(scope):
            await app(scope, receive, send)
            return
        if not sessions:  # a session belongs to the event loop in which it was made
            sessions.append(aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0),
                                                  timeout=aiohttp.ClientTimeout(total=None), skip_auto_headers=("User-Agent",)))
        await _forward(sessions[0], upstream, scope, receive, send)

    engine.replace(ministack, "app", serve)


def _is_own(scope: Any) -> bool:
    host = next((value for name, value in scope["headers"] if name.lower() == b"host"), b"")
    # The HTTP API has the IP address as its domain (`sam.API_DOMAIN`).
    return host.startswith(b"127.0.0.1") or scope["path"].startswith(OWN_PATHS)


async def _forward(session: aiohttp.ClientSession, upstream: str, scope: Any, receive: Any, send: Any) -> None:
    parts, more = list[bytes](), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":  # the request is not complete
            return
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    url = URL(upstream + scope["raw_path"].decode("latin-1") + query, encoded=True)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
               if name.lower() not in HOP_BY_HOP_HEADERS]
    try:
        async with session.request(scope["method"], url, headers=headers, data=b"".join(parts), allow_redirects=False) as response:
            content = await response.read()
            kept = [(name, value) for name, value in response.raw_headers if name.lower() not in HOP_BY_HOP_HEADERS]
            length = response.headers.get("Content-Length", "0") if scope["method"] == "HEAD" else str(len(content))
            kept.append((b"content-length", length.encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": kept})
            await send({"type": "http.response.body", "body": content})
    except aiohttp.ClientError as error:
        text = f"LocalStack does not answer: {error}".encode()
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", str(len(text)).encode())]})
        await send({"type": "http.response.body", "body": text})


def invoke_forwarded(engine: Engine) -> None:
    """Has API Gateway invoke the functions of LocalStack."""
    if engine.localstack_url is None:
        return
    functions, upstream = engine.module("services.lambda_svc"), engine.localstack_url

    def find(function: str, **_: Any) -> tuple[dict[str, Any], dict[str, Any], str]:
        record = {"FunctionArn": function, "FunctionName": function, "Runtime": "provided.al2023"}
        return {"config": record}, record, function

    def invoke(function: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{upstream}/2015-03-31/functions/{function['config']['FunctionArn']}/invocations",
                                         json.dumps(event).encode(), {"Authorization": AUTHORIZATION.decode()})
        try:
            with urllib.request.urlopen(request) as response:
                return {"body": json.loads(response.read() or b"null"), "error": "X-Amz-Function-Error" in response.headers}
        except urllib.error.HTTPError as error:
            return {"body": {"message": error.read().decode()}, "error": True, "throttle": error.code == 429}

    engine.replace(functions, "_get_func_record_for_ref_in_scope", find)
    engine.replace(functions, "_execute_function_with_config_scope", invoke)
