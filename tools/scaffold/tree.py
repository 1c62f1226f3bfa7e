"""The files of the repository with changes that are not written yet, so that all of them are written or none."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template

from engine.problem import Problem

TEMPLATES = Path(__file__).parent / "templates"


class _Text(Template):
    """`@{name}` is replaced: `$` belongs to CloudFormation."""

    delimiter = "@"


def rendered(template: str, **values: str) -> str:
    """A file of `templates/` with its values."""
    return _Text((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)


class Tree:
    """Files below a root; paths are relative to it, with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder, written or not."""
        return path in self._texts or (self.root / path).exists()

    def read(self, path: str) -> str:
        """The text of a file as it will be."""
        if path not in self._texts:
            if not (self.root / path).is_file():
                raise Problem(f"{path} does not exist, which the generator changes")
            return (self.root / path).read_text(encoding="utf-8")
        return self._texts[path]

    def write(self, path: str, text: str) -> None:
        """Remembers what a file will be."""
        self._texts[path] = text

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Remembers a change of a file; a reason why it cannot be made names the file."""
        try:
            self.write(path, change(self.read(path)))
        except LookupError as error:
            raise Problem(f"{path}: {error.args[0]}") from error

    def changed(self) -> list[str]:
        """The files that will be different, sorted."""
        return sorted(path for path, text in self._texts.items()
                      if not (self.root / path).is_file() or (self.root / path).read_text(encoding="utf-8") != text)

    def format_rust(self) -> None:
        """Formats all Rust files that will be different."""
        if shutil.which("rustfmt") is None:
            raise Problem("rustfmt is not installed: rustup component add rustfmt")
        [edition] = re.findall(r'^edition = "(\d+)"$', self.read("Cargo.toml"), re.MULTILINE)
        for path in [path for path in self.changed() if path.endswith(".rs")]:
            done = subprocess.run(["rustfmt", "--edition", edition, "--config-path", self.root], input=self._texts[path],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                raise Problem(f"{path}: rustfmt does not read what would be written: {done.stderr.strip()}")
            self._texts[path] = done.stdout

    def save(self, check: Callable[[], None], also: Iterable[str] = ()) -> list[str]:
        """Writes all changes, and says which files that were. If that or `check` fails, all is as it was, including the
        files that `check` writes itself, which `also` names."""
        changed = self.changed()
        before = {path: (self.root / path).read_bytes() if (self.root / path).is_file() else None for path in {*changed, *also}}
        folders: list[Path] = []
        try:
            for path in changed:
                target = self.root / path
                folders += _missing(target.parent, self.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self._texts[path], encoding="utf-8")
            check()
        except BaseException:
            for path, content in before.items():
                if content is None:
                    (self.root / path).unlink(missing_ok=True)
                else:
                    (self.root / path).write_bytes(content)
            for folder in sorted(set(folders), key=lambda folder: len(folder.parts), reverse=True):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
            raise
        written = [path for path in also if path not in changed and (self.root / path).read_bytes() != before[path]]
        return sorted([*changed, *written])


def _missing(folder: Path, root: Path) -> list[Path]:
    """The folders that have to be made for `folder`."""
    return [each for each in (folder, *folder.parents) if each.is_relative_to(root) and not each.exists()]
