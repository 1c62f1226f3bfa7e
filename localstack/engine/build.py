"""Builds the function binaries, and the archive of each at the path that its `CodeUri` names."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from engine import templates
from engine.archive import archive, archive_path, bootstrap
from engine.problem import Problem

DIST = "dist"  # the profile of what ships


class Architecture(NamedTuple):
    """Processors of Lambda: their name in Rust, the option of cargo-lambda, and their number in the head of an ELF file."""

    processor: str
    option: str
    machine: int


# By the value of the parameter `Architecture`.
ARCHITECTURES = {"x86_64": Architecture("x86_64", "--x86-64", 62), "arm64": Architecture("aarch64", "--arm64", 183)}

ELF_MACHINE = slice(18, 20)

# The names of the versions of the C library that a binary needs, and the version that Lambda's `provided.al2023` has.
GLIBC = re.compile(rb"\x00GLIBC_([0-9.]+)(?=\x00)")
GLIBC_OF_LAMBDA = (2, 34)

TOOLS = {
    "cargo": "install Rust (rustup), then open a new shell",
    "cc": "install a C compiler (Debian: apt install build-essential; macOS: xcode-select --install)",
}


def check_tools() -> None:
    """Fails if a required tool is not installed."""
    for tool, advice in TOOLS.items():
        if shutil.which(tool) is None:
            raise Problem(f"{tool} is not installed: {advice}")


def contexts(root: Path) -> list[str]:
    """Returns the bounded contexts, each of which is a nested stack of the root template."""
    return sorted(templates.read(root).contexts)


def build(root: Path, profile: str = "release") -> None:
    """Compiles every context's binary for this machine, and updates `build/<context>/bootstrap` and `build/<context>.zip` where it
    differs."""
    # Always the whole workspace: some of its packages alone would need fewer features, and cargo would compile the SDK again.
    cargo(root, "build", "--profile", profile, "--locked", "--workspace", "--bins")
    for name in contexts(root):
        _update(_target(root) / profile / name, bootstrap(root, name), archive_path(root, name), level=1)


def binaries(root: Path, profile: str) -> Path:
    """Returns the folder in which cargo puts the binaries of a profile."""
    return _target(root) / profile


def openapi(root: Path) -> None:
    """Writes openapi.json and the list of routes. The gateway embeds both and has to be built again afterwards."""
    _write_parts(root, "openapi_is_up_to_date")
    _run_tool(root, "openapi", root)


def asyncapi(root: Path) -> None:
    """Writes asyncapi.json and a JSON Schema for each event; refuses a change that would break a consumer."""
    _write_parts(root, "asyncapi_is_up_to_date")
    _run_tool(root, "asyncapi", root)


def _write_parts(root: Path, test: str) -> None:
    """Runs the test of each context that compares its part of a document, `functions/<context>/*.json`, and has it update the part."""
    cargo(root, "test", "--release", "--locked", "--workspace", "--lib", test, WAYBILL_UPDATE="1")


def model(root: Path) -> None:
    """Model-checks the checkout and prints the number of states; fails if a property does not hold."""
    cargo(root, "build", "--release", "--locked", "--workspace", "--bins")
    if subprocess.run([_target(root) / "release" / "model"], check=False).returncode:
        raise Problem("the model found a state that violates a property; the path to it is above")


def _run_tool(root: Path, name: str, folder: Path) -> None:
    """Builds and runs a program of `tools/` that writes into a folder."""
    cargo(root, "build", "--release", "--locked", "--workspace", "--bins")
    _run(_target(root) / "release" / name, folder)


def _run(program: Path, folder: Path) -> None:
    if not program.exists():
        raise Problem(f"{program.name} does not exist, because the context that it belongs to does not")
    if subprocess.run([program, folder], check=False).returncode:
        raise Problem(f"{program.name} failed, the reason is above")


def preview(root: Path) -> Path:
    """Writes previews of all notifications into a folder, and returns the folder."""
    folder = root / "build" / "preview"
    cargo(root, "build", "--release", "--locked", "--workspace", "--examples")
    _run(_target(root) / "release" / "examples" / "preview", folder)
    return folder


def dist(root: Path, architecture: str) -> None:
    """Builds the archives that ship, `build/<context>.zip`, for Lambda on the given processors, and prints their sizes."""
    for name, binary in _cargo_lambda(root, contexts(root), architecture).items():
        require_lambda(binary, architecture)
        _update(binary, bootstrap(root, name), archive_path(root, name), level=9)
    print(f"\n{architecture:<16}{'binary MB':>10}{'zip MB':>8}")
    for context in contexts(root):
        binary, zipped = bootstrap(root, context), archive_path(root, context)
        print(f"{context:<16}{binary.stat().st_size / 1e6:>10.1f}{zipped.stat().st_size / 1e6:>8.1f}")


def require_lambda(binary: Path, architecture: str) -> None:
    """Fails if a binary cannot run on Amazon Linux 2023 with the given processors."""
    content = binary.read_bytes()
    machine = int.from_bytes(content[ELF_MACHINE], "little")
    if content[:4] != b"\x7fELF" or machine != ARCHITECTURES[architecture].machine:
        raise Problem(f"{binary} is no {architecture} binary for Linux, which Lambda needs")
    needed = max((tuple(map(int, version.split(b"."))) for version in GLIBC.findall(content)), default=(0,))
    if needed > GLIBC_OF_LAMBDA:
        raise Problem(f"{binary} needs glibc {'.'.join(map(str, needed))}, Amazon Linux 2023 has {'.'.join(map(str, GLIBC_OF_LAMBDA))}")


def _cargo_lambda(root: Path, names: list[str], architecture: str) -> dict[str, Path]:
    """Builds the binaries that ship with cargo-lambda, and returns their paths. Zig links them for the C library of Amazon Linux, which
    may be older than that of this machine."""
    if architecture not in ARCHITECTURES:
        raise Problem(f"ARCHITECTURE has to be {' or '.join(ARCHITECTURES)}, not {architecture}")
    zig_programs, folder = root / ".venv" / "zig" / "bin", _target(root) / "lambda" / architecture
    if not zig_programs.exists():
        raise Problem("Zig is not installed: run `make .venv/zig/stamp`")
    if shutil.which("rustup"):  # without it, the compiler says what is missing
        subprocess.run(["rustup", "target", "add", f"{ARCHITECTURES[architecture].processor}-unknown-linux-gnu"], cwd=root, check=False)
    cargo(root, "lambda", "build", "--profile", DIST, "--locked", "--workspace", *(part for name in names for part in ("--bin", name)),
          ARCHITECTURES[architecture].option, "--disable-optimizations", "--lambda-dir", str(folder),  # the profile has the optimizations
          PATH=f"{zig_programs}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    return {name: folder / name / "bootstrap" for name in names}


def cargo(root: Path, *arguments: str, **variables: str) -> None:
    """Runs cargo with its output on the terminal."""
    if subprocess.run(["cargo", *arguments], cwd=root, env={**os.environ, **variables}, check=False).returncode:
        raise Problem(f"cargo {arguments[0]} failed, its reason is above")


def _target(root: Path) -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))


def _update(binary: Path, deployed: Path, zipped: Path, level: int) -> None:
    if deployed.is_file() and zipped.is_file() and filecmp.cmp(binary, deployed):
        return
    deployed.parent.mkdir(parents=True, exist_ok=True)
    fresh = zipped.with_suffix(".new")
    fresh.write_bytes(archive(binary, level))
    fresh.replace(zipped)
    fresh = deployed.with_suffix(".new")
    shutil.copy2(binary, fresh)
    fresh.replace(deployed)  # last, because an equal binary means that the archive is up to date, too
