"""Fixes of the HTTP server that MiniStack runs in."""

from __future__ import annotations

import asyncio
from typing import Any

import hypercorn.asyncio
import uvicorn
import uvloop

from ministack_engine.patching import Engine


def serve_with_uvicorn(engine: Engine) -> None:
    """Serves with uvicorn and httptools on uvloop. Hypercorn parses HTTP in Python, which is 40 % of the engine's work."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    engine.replace(hypercorn.asyncio, "serve", serve)


async def serve(app: Any, config: Any) -> None:
    """Serves an application with Hypercorn's configuration until the process is asked to end."""
    host, _, port = config.bind[0].rpartition(":")
    # MiniStack sends its own Date and Server headers. AWS takes the caller's address from the connection, and sends no pings.
    settings = uvicorn.Config(
        app, host=host, port=int(port), http="httptools", ws="wsproto", lifespan="on", log_level="warning", access_log=False,
        server_header=False, date_header=False, timeout_keep_alive=int(config.keep_alive_timeout), timeout_graceful_shutdown=1,
        proxy_headers=False, ws_ping_interval=None)
    await uvicorn.Server(settings).serve()
