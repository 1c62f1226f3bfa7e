"""An HTTP proxy on loopback between the engine and its clients; a subclass decides what happens to a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Forward = Callable[[], Awaitable[bytes]]


class Proxy:
    """Proxies the engine at `engine_port`, and listens on a free port."""

    def __init__(self, engine_port: int) -> None:
        self.engine_port = engine_port
        self.port = 0
        self._clients: set[asyncio.Task[None] | None] = set()  # a reference, or waiting tasks are garbage-collected

    async def answer(self, head: bytes, body: bytes, forward: Forward) -> bytes | None:
        """Returns the response to a request, or None to close the connection. `forward` sends the request to the engine."""
        raise NotImplementedError

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._client, "127.0.0.1", 0)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: Connection | None = None
        task = asyncio.current_task()
        self._clients.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    head, body = await _message(reader)
                    if upstream is None or upstream[0].at_eof():  # the engine closes idle connections
                        if upstream is not None:
                            upstream[1].close()
                        upstream = await asyncio.open_connection("127.0.0.1", self.engine_port)
                    answer = await self.answer(head, body, partial(_forward, upstream, head + body))
                    if answer is None:
                        return
                    writer.write(answer)
                    await writer.drain()
        finally:
            if upstream is not None:
                upstream[1].close()
            writer.close()
            self._clients.discard(task)


P = TypeVar("P", bound=Proxy)


@contextmanager
def running(proxy: P) -> Iterator[P]:
    """Runs the proxy in a thread until the context ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(proxy.serve(), loop).result()
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def header(head: bytes, name: str) -> str:
    """Returns the value of a header, or an empty string if the message does not have it."""
    start = f"{name}:".encode()
    return next((line[len(start):].decode("latin-1").strip() for line in head.split(b"\r\n")
                 if line.lower().startswith(start)), "")


async def _forward(connection: Connection, message: bytes) -> bytes:
    """Sends a message to the engine and returns its response."""
    reader, writer = connection
    writer.write(message)
    return b"".join(await _message(reader))


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Reads one HTTP message with a Content-Length, as head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(header(head, "content-length") or 0))


async def _close(server: asyncio.Server) -> None:
    """Closes a server. It runs in the server's event loop, because to another thread the server might be closing already."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
