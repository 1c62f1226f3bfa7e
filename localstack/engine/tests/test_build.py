"""What ships has to run on Lambda, and archives have to be those of their binaries."""

from __future__ import annotations

import unittest
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from engine import build
from engine.problem import Problem


def elf(machine: int, *versions: str) -> bytes:
    """Returns the head of an ELF file, and the versions of the C library that it needs."""
    names = b"".join(f"\0GLIBC_{version}".encode() for version in versions)
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + names + b"\0end"


class Binaries(unittest.TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.binary = self.folder / "orders"

    def require(self, content: bytes, architecture: str = "x86_64") -> None:
        self.binary.write_bytes(content)
        build.require_lambda(self.binary, architecture)

    def test_binaries_for_lambda_are_accepted(self) -> None:
        self.require(elf(62, "2.2.5", "2.34", "2.9"))
        self.require(elf(183, "2.17"), "arm64")
        self.require(elf(62))

    def test_a_newer_c_library_is_refused(self) -> None:
        with self.assertRaisesRegex(Problem, "needs glibc 2.39, Amazon Linux 2023 has 2.34"):
            self.require(elf(62, "2.2.5", "2.39", "2.9"))

    def test_other_processors_and_systems_are_refused(self) -> None:
        for content in (elf(183, "2.17"), b"\xcf\xfa\xed\xfe" + bytes(40), b""):
            with self.subTest(content[:4]), self.assertRaisesRegex(Problem, "no x86_64 binary for Linux"):
                self.require(content)

    def test_an_update_that_was_interrupted_is_repeated(self) -> None:
        self.binary.write_bytes(b"new code")
        deployed, zipped = self.folder / "build" / "orders" / "bootstrap", self.folder / "build" / "orders.zip"
        with patch("shutil.copy2", side_effect=OSError("disk full")), self.assertRaises(OSError):
            build._update(self.binary, deployed, zipped, 1)
        build._update(self.binary, deployed, zipped, 1)
        with zipfile.ZipFile(zipped) as archive:
            self.assertEqual(archive.read("bootstrap"), b"new code")
        self.assertEqual(deployed.read_bytes(), b"new code")


if __name__ == "__main__":
    unittest.main()
