"""Builds the function binaries and puts each where its `CodeUri` points."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

from engine import templates
from engine.deploy import archive, bootstrap
from engine.problem import Problem

TOOLS = {
    "cargo": "install Rust (rustup), then open a new shell",
    "cc": "install a C compiler (Debian: apt install build-essential; macOS: xcode-select --install)",
}


def check_tools() -> None:
    """Fails on the first missing tool."""
    for tool, advice in TOOLS.items():
        if shutil.which(tool) is None:
            raise Problem(f"{tool} is not installed: {advice}")


def contexts(root: Path) -> list[str]:
    """The bounded contexts: each a nested stack of the root template."""
    return sorted(templates.read(root).contexts)


def build(root: Path, profile: str = "release") -> None:
    """Compiles every context's binary and updates `build/<context>/bootstrap` where it differs."""
    names = contexts(root)
    # The whole workspace, always: a selection of packages has a selection of features, and compiles the SDK anew.
    cargo(root, "build", "--profile", profile, "--locked", "--workspace", "--bins")
    for name in names:
        _update(_target(root) / profile / name, bootstrap(root, name))


def binaries(root: Path, profile: str) -> Path:
    """Where the binaries of the programs of `tools/` are."""
    return _target(root) / profile


def openapi(root: Path) -> None:
    """Writes openapi.json. The gateway embeds the file: build it again afterwards."""
    _write_parts(root, "openapi_is_up_to_date")
    _run_tool(root, "openapi", root)


def asyncapi(root: Path) -> None:
    """Writes asyncapi.json and a JSON Schema for each event; refuses a change that would break a consumer."""
    _write_parts(root, "asyncapi_is_up_to_date")
    _run_tool(root, "asyncapi", root)


def _write_parts(root: Path, test: str) -> None:
    """Has each context write its part of a document, `functions/<context>/*.json`: the test that compares the two does so."""
    cargo(root, "test", "--release", "--locked", "--workspace", "--lib", test, WAYBILL_UPDATE="1")


def model(root: Path) -> None:
    """Model-checks the checkout and prints the number of states; fails if a property does not hold."""
    cargo(root, "build", "--release", "--locked", "--workspace", "--bins")
    if subprocess.run([_target(root) / "release" / "model"], check=False).returncode:
        raise Problem("the model found a state that violates a property; the path to it is above")


def _run_tool(root: Path, name: str, folder: Path) -> None:
    """Runs a program of `tools/`, which writes into a folder."""
    cargo(root, "build", "--release", "--locked", "--workspace", "--bins")
    _run(_target(root) / "release" / name, folder)


def _run(program: Path, folder: Path) -> None:
    if not program.exists():
        raise Problem(f"there is no {program.name}: the context that it belongs to is not there")
    if subprocess.run([program, folder], check=False).returncode:
        raise Problem(f"{program.name} has not written, the reason is above")


def preview(root: Path) -> Path:
    """Writes what customers are told into a folder, and says which."""
    folder = root / "build" / "preview"
    cargo(root, "build", "--release", "--locked", "--workspace", "--examples")
    _run(_target(root) / "release" / "examples" / "preview", folder)
    return folder


def dist(root: Path) -> None:
    """Builds what ships, into `build/` for `sam deploy` and as `build/dist/<context>.zip`, and prints the sizes."""
    build(root, "dist")
    folder = root / "build" / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\n{'context':<16}{'binary MB':>10}{'zip MB':>8}")
    for context in contexts(root):
        binary, zipped = bootstrap(root, context), folder / f"{context}.zip"
        zipped.write_bytes(archive(binary, level=9))
        print(f"{context:<16}{binary.stat().st_size / 1e6:>10.1f}{zipped.stat().st_size / 1e6:>8.1f}")


def cargo(root: Path, *arguments: str, **variables: str) -> None:
    """Runs cargo with its output on the terminal."""
    if subprocess.run(["cargo", *arguments], cwd=root, env={**os.environ, **variables}, check=False).returncode:
        raise Problem(f"cargo {arguments[0]} failed, its reason is above")


def _target(root: Path) -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))


def _update(binary: Path, deployed: Path) -> None:
    if deployed.is_file() and filecmp.cmp(binary, deployed):
        return
    deployed.parent.mkdir(parents=True, exist_ok=True)
    fresh = deployed.with_suffix(".new")
    shutil.copy2(binary, fresh)
    fresh.replace(deployed)
