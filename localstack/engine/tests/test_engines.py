"""The engines: their requirements, and the choice between them."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from urllib.request import urlopen

from engine import bridge, engines
from engine.engines import localstack, localstack_pro
from engine.problem import Problem
from engine.stack import Stack, free_port


class Environment(unittest.TestCase):
    """The stack that variables describe."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for patched in (patch.object(engines, "ROOT", self.root), patch.dict(os.environ, {}, clear=True)):
            patched.start()
            self.addCleanup(patched.stop)

    def stack(self, **variables: str) -> Stack:
        with patch.dict(os.environ, variables):
            return engines.stack_of_environment()

    def running(self, engine: str, bridge_address: str | None = None) -> None:
        """Makes a stack that seems to run on the default port."""
        state = self.root / ".local" / "4566"
        state.mkdir(parents=True)
        (state / "engine.json").write_text(json.dumps({"engine": engine, "bridge": bridge_address}), encoding="utf-8")
        patched = patch.object(type(engines.ENGINES[engine]), "is_running", return_value=True)
        patched.start()
        self.addCleanup(patched.stop)

    def test_ministack_is_the_default(self) -> None:
        self.assertEqual((self.stack().engine, self.stack().port), ("ministack", 4566))
        self.assertEqual(self.stack(ENGINE="localstack").engine, "localstack")

    def test_wrong_values_are_named(self) -> None:
        for wrong in ({"ENGINE": "moto"}, {"WAYBILL_PORT": "80"}, {"WAYBILL_PAYMENTS": "cash"}, {"WAYBILL_BRIDGE": "0.0.0.0"},
                      {"WAYBILL_BRIDGE": "127.0.0.1"}, {"WAYBILL_BRIDGE": "8.8.8.8"}, {"WAYBILL_BRIDGE": "docker0"}):
            with self.subTest(wrong), self.assertRaisesRegex(Problem, next(iter(wrong))):
                self.stack(**wrong)

    def test_a_running_stack_keeps_its_engine_and_its_bridge(self) -> None:
        self.running("localstack", "172.17.0.1")
        self.assertEqual((self.stack().engine, self.stack().bridge), ("localstack", "172.17.0.1"))
        self.assertEqual(self.stack().container_url, "http://172.17.0.1:4566")
        self.assertEqual(self.stack(ENGINE="localstack", WAYBILL_BRIDGE="172.17.0.1").engine, "localstack")

    def test_another_engine_needs_a_new_start(self) -> None:
        self.running("localstack")
        with self.assertRaisesRegex(Problem, "runs without ENGINE=ministack: run `make down` first"):
            self.stack(ENGINE="ministack")
        with self.assertRaisesRegex(Problem, "runs without WAYBILL_BRIDGE=172.17.0.1"):
            self.stack(WAYBILL_BRIDGE="172.17.0.1")


class Needs(unittest.TestCase):
    """One line says what is missing."""

    def test_localstack_needs_its_environment(self) -> None:
        with patch.object(localstack, "PYTHON", Path("/nowhere/python")), self.assertRaisesRegex(Problem, "make .venv/localstack/stamp"):
            localstack.ENGINE.require()

    def test_localstack_needs_a_certain_python(self) -> None:
        with patch.dict(os.environ, {"LOCALSTACK_PYTHON": "/nowhere/python"}), self.assertRaisesRegex(Problem, "/nowhere/python is none"):
            localstack.find_python()
        with patch.object(localstack, "_fits", return_value=False), self.assertRaisesRegex(Problem, "needs Python 3.13"):
            localstack.find_python()

    def test_the_licensed_image_needs_docker_and_a_token(self) -> None:
        with patch("shutil.which", return_value=None), self.assertRaisesRegex(Problem, "needs Docker"):
            localstack_pro.ENGINE.require()
        with (patch("shutil.which", return_value="docker"), patch.dict(os.environ, {}, clear=True),
              self.assertRaisesRegex(Problem, "LOCALSTACK_AUTH_TOKEN")):
            localstack_pro.ENGINE.require()


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the engine")


class Bridge(unittest.TestCase):
    """The second address of the engine."""

    def test_connections_are_forwarded(self) -> None:
        port = free_port()
        server = ThreadingHTTPServer(("127.0.0.1", port), Page)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bridge._listen("127.0.0.2", port)
        for _ in range(2):
            with urlopen(f"http://127.0.0.2:{port}/", timeout=10) as answer:
                self.assertEqual(answer.read(), b"the engine")

    def test_a_port_in_use_is_named(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.2", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(SystemExit, f"WAYBILL_BRIDGE=127.0.0.2, port {port}"):
                bridge._listen("127.0.0.2", port)

    def test_callers_of_other_networks_are_not_served(self) -> None:
        port = free_port()
        with patch.object(bridge, "_network", return_value=ipaddress.ip_network("172.17.0.0/16")):
            bridge._listen("127.0.0.2", port)
        with socket.create_connection(("127.0.0.2", port)) as connection:
            self.assertEqual(connection.recv(1), b"", "the connection is closed")


if __name__ == "__main__":
    unittest.main()
