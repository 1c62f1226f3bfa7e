"""Runs functions in containers of Podman with the stock `sam local` commands, as docs/running.md says.

Nothing is downloaded: the image is made of this machine's own C library, and tagged as the one that SAM would pull.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import sample_events
from engine import seed, templates
from engine.api import Api
from engine.aws import variables
from engine.problem import Problem
from engine.stack import Stack, free_port
from engine.wait import wait_until

# The image of the runtime. SAM asks for it under this name.
IMAGE = "public.ecr.aws/lambda/provided:al2023-x86_64"

PROGRAMS = ("podman", "runc", "netavark", "iptables", "busybox")

# The commands that SAM runs in a container while it makes its image, and those of the image's shell.
SHELL = ("sh", "mv", "chmod", "ls", "env", "cat", "mkdir", "rm")

# Inside a container, limits may not be raised, hence the lower ones, and there is no systemd to manage cgroups and events. crun refuses
# machines with both versions of cgroups. The proxy of this machine is not that of the functions.
SETTINGS = """[containers]
http_proxy = false
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""

END_SECONDS = 20.0  # `sam local` removes its containers

# The gateway of Podman's default network for root, at which containers reach this machine.
GATEWAY = "10.88.0.1"


def missing_requirement() -> str | None:
    """Returns why containers cannot run on this machine, or None if they can."""
    if platform.system() != "Linux" or platform.machine() != "x86_64" or os.geteuid() != 0:
        return "it needs Podman as root on x86-64 Linux"
    path = f"{os.environ['PATH']}:/usr/lib/podman:/usr/sbin"
    if lacking := [program for program in PROGRAMS if shutil.which(program, path=path) is None]:
        return f"this machine lacks {', '.join(lacking)} (Debian: apt install podman runc netavark iptables busybox-static)"
    return None


@dataclass(frozen=True)
class Podman:
    """Podman with its own storage, below a folder."""

    folder: Path

    @property
    def socket(self) -> Path:
        """The socket at which Podman answers as Docker."""
        return self.folder / "podman.sock"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of Podman's commands, and of programs that use it as Docker."""
        return {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf"), "DOCKER_HOST": f"unix://{self.socket}"}

    def command(self, *arguments: str) -> list[str]:
        """Returns a command line of Podman."""
        return ["podman", "--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run"), *arguments]

    def run(self, *arguments: str) -> str:
        """Runs a command of Podman and returns its output."""
        done = subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Problem(f"`podman {arguments[0]}` failed: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def running_podman(binary: Path) -> Iterator[Podman]:
    """Runs Podman's service with an image that runs binaries like the given one, and removes all of it at the end."""
    with tempfile.TemporaryDirectory(prefix="waybill-podman-") as folder:
        made = Podman(Path(folder))
        (made.folder / "containers.conf").write_text(SETTINGS, encoding="utf-8")
        with open(made.folder / "service.log", "wb") as log:
            service = subprocess.Popen(made.command("system", "service", "--time=0", f"unix://{made.socket}"), env=made.environment,
                                       stdout=log, stderr=log)
        try:
            wait_until(made.socket.exists, "Podman's service", poll_seconds=0.05)
            _import_image(made, binary)
            yield made
        finally:
            _end(service)
            with suppress(Problem):
                made.run("rm", "--all", "--force", "--time", "0")
            subprocess.run(["umount", str(made.folder / "storage" / "overlay")], capture_output=True, check=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server, and kills it if it does not end."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _import_image(podman: Podman, binary: Path) -> None:
    """Makes an image with a shell, the certificates of this machine, and the libraries of a binary."""
    archive = podman.folder / "image.tar"
    with tarfile.open(archive, "w") as image:
        for path in ("/etc/ssl/certs/ca-certificates.crt", *_libraries(binary)):
            image.add(Path(path).resolve(), path.lstrip("/"))  # the file, where the path is a link
        image.add(str(shutil.which("busybox")), "bin/busybox")
        for name in SHELL:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            image.addfile(link)
        for folder, mode in (("tmp", 0o1777), ("var/task", 0o755), ("var/runtime", 0o755), ("var/rapid", 0o755), ("opt", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            image.addfile(entry)
    podman.run("import", "--change", "ENV PATH=/bin", str(archive), IMAGE)
    archive.unlink()


def _libraries(binary: Path) -> list[str]:
    """Returns the shared libraries of a binary, and those with which the C library resolves names."""
    lines = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [word for line in lines for word in line.split() if word.startswith("/")]
    folder = next(Path(path).parent for path in found if "/libc.so" in path)
    return [*found, *(str(folder / name) for name in ("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"))]


@contextmanager
def sam_local(root: Path, podman: Podman, stack: Stack, command: str, *arguments: str) -> Iterator[str]:
    """Runs `sam local start-…`, and returns its URL."""
    port, log = free_port(), stack.state / f"{command}.log"
    line = [str(root / ".venv" / "sam" / "bin" / "sam"), "local", command, "--port", str(port), "--env-vars", str(stack.state / "env.json"),
            "--skip-pull-image", *arguments]
    environment = {**podman.environment, **variables(stack.engine_url), "SAM_CLI_TELEMETRY": "0"}
    with open(log, "wb") as output:
        server = subprocess.Popen(line, cwd=root, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: sample_events.listens(port) or server.poll() is not None, f"`sam local {command}`; see {log}", poll_seconds=0.1)
        if server.poll() is not None:
            raise Problem(f"`sam local {command}` ended: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(server)


def check_samples(root: Path, podman: Podman, stack: Stack, say: Callable[[str], None]) -> None:
    """Invokes all functions with their samples through `sam local start-lambda`, and compares the answers."""
    with sam_local(root, podman, stack, "start-lambda") as url:
        def invoke(logical_id: str, event: bytes) -> Any:
            request = urllib.request.Request(f"{url}/2015-03-31/functions/{logical_id}/invocations", event)
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.loads(response.read() or b"null")

        sample_events.check_all(root, templates.read(root), invoke, say)


def check_api(root: Path, podman: Podman, stack: Stack, say: Callable[[str], None]) -> None:
    """Logs in and buys something through `sam local start-api`. The functions behind queues run on the stack."""
    data = seed.read(seed.FILE)
    with sam_local(root, podman, stack, "start-api", "--template", "build/local-api.json") as url:
        api, customer = Api(url), seed.logins(data)["customer"]
        token = api.log_in(customer["email"], customer["password"]).token
        body = {"items": [{"product_id": data["products"][2]["id"], "quantity": 1}], "payment_method": "pm_card_visa"}
        order = api.call("POST", "/api/v1/checkout", body, token=token).expect(201)["id"]
        wait_until(lambda: api.call("GET", f"/api/v1/orders/{order}", token=token).expect(200)["status"], "the order to be paid",
                   done=lambda status: status == "paid")
        api.call("GET", "/api/v1/users/profile").expect(401)
    say("a customer logged in, and an order was paid")
