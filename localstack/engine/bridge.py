"""Serves the engine at a second address, at which containers reach this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress

from engine.problem import Problem

IP_FREEBIND = 15  # linux/in.h; the address of a bridge appears with its first container

CHUNK_BYTES = 65_536


def require_private(address: str) -> None:
    """Fails unless the address is private. The engine checks no passwords, so no other machine may reach it. The check does
    not distinguish a network of containers from a local network."""
    try:
        parsed = ipaddress.ip_address(address)
        allowed = parsed.is_private and not parsed.is_loopback and not parsed.is_unspecified  # 0.0.0.0 would be every address
    except ValueError:
        allowed = False
    if not allowed:
        raise Problem(f"WAYBILL_BRIDGE has to be the private address of a container network, such as 172.17.0.1, not {address}")


def start(address: str, port: int) -> None:
    """Forwards connections to a port of the address to the same port of loopback, in a thread of its own. Only callers in the network of
    the address are served."""
    require_private(address)
    _listen(address, port)


def _listen(address: str, port: int) -> None:
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with suppress(OSError):  # not Linux
        listening.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    try:
        listening.bind((address, port))
        listening.listen()
    except OSError as error:
        raise SystemExit(f"cannot listen at WAYBILL_BRIDGE={address}, port {port}: {error.strerror}") from None
    threading.Thread(target=asyncio.run, args=(_serve(listening, port, _network(address)),), daemon=True).start()


def _network(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Returns the network of a bridge, whose prefix is that of Docker's and Podman's default networks."""
    return ipaddress.ip_network(f"{address}/{64 if ':' in address else 16}", strict=False)


async def _serve(listening: socket.socket, port: int, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ipaddress.ip_address(writer.get_extra_info("peername")[0]) not in network:
            writer.close()
            return
        with suppress(ConnectionError):
            to_engine = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, to_engine[1]), _copy(to_engine[0], writer))

    async with await asyncio.start_server(forward, sock=listening) as server:
        await server.serve_forever()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    target.close()
