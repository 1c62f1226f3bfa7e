"""Packages import only packages that are above them in the table of tools/README.md."""

import ast
import unittest
from collections.abc import Iterator
from pathlib import Path

from engine.stack import ROOT

FOLDERS = {
    "engine": "localstack",
    "ministack_engine": "localstack",
    "localstack_engine": "localstack",
    "operations": "tools",
    "cost": "tools",
    "chaos": "tools",
    "benchmarks": "tools",
    "scaffold": "tools",
    "checks": "tools",
    "cli": "tools",
}

ALLOWED = {
    "engine": set(),
    "ministack_engine": {"engine"},
    "localstack_engine": {"engine"},
    "operations": {"engine"},
    "cost": {"engine"},
    "chaos": {"engine", "operations"},
    "benchmarks": {"engine", "operations", "cost"},
    "scaffold": {"engine"},
    "checks": {"engine", "operations", "cost", "chaos", "benchmarks", "scaffold"},
    "cli": {"engine", "operations", "cost", "chaos", "benchmarks", "scaffold", "checks"},
}


def modules(package: str) -> Iterator[Path]:
    """Yields the files of a package."""
    yield from sorted((ROOT / FOLDERS[package] / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Yields the modules that a file imports anywhere, with the lines of the imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ("." * node.level + (node.module or ""), node.lineno)


class Imports(unittest.TestCase):
    def test_every_package_is_in_the_table(self) -> None:
        found = {path.parent.name for folder in ("localstack", "tools") for path in (ROOT / folder).glob("*/__init__.py")}
        self.assertEqual(set(FOLDERS), found)

    def test_a_package_imports_only_packages_above_it(self) -> None:
        for package, allowed in ALLOWED.items():
            for path in modules(package):
                for name, line in imported(path):
                    top = name.partition(".")[0]
                    with self.subTest(package, path=str(path.relative_to(ROOT)), line=line):
                        self.assertTrue(top not in FOLDERS or top == package or top in allowed, f"it imports {name}")
                        self.assertFalse(name.startswith("."), "imports are absolute")

    def test_only_the_package_inside_the_engine_imports_ministack(self) -> None:
        for package in FOLDERS.keys() - {"ministack_engine"}:
            for path in modules(package):
                tops = {name.partition(".")[0] for name, _ in imported(path)}
                self.assertNotIn("ministack", tops, str(path.relative_to(ROOT)))

    def test_the_readme_has_the_same_table(self) -> None:
        readme = (ROOT / "tools" / "README.md").read_text(encoding="utf-8")
        order = [line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")]
        self.assertEqual(list(FOLDERS), order)


if __name__ == "__main__":
    unittest.main()
