"""The files of the repository with pending changes, of which either all or none are written."""

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
    """A template with placeholders `@{name}`, because CloudFormation uses `$`."""

    delimiter = "@"


def rendered(template: str, **values: str) -> str:
    """Returns a file of `templates/` with its placeholders replaced."""
    return _Text((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)


class Tree:
    """The files below a root, with pending changes. Paths are relative to the root, with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    def exists(self, path: str) -> bool:
        """Whether the file or folder exists, changes included."""
        return path in self._texts or (self.root / path).exists()

    def read(self, path: str) -> str:
        """Returns the text of a file, changes included."""
        if path not in self._texts:
            if not (self.root / path).is_file():
                raise Problem(f"the generator has to change {path}, which does not exist")
            return (self.root / path).read_text(encoding="utf-8")
        return self._texts[path]

    def write(self, path: str, text: str) -> None:
        """Records the new text of a file."""
        self._texts[path] = text

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Records a change of a file. If the change fails, the error message names the file."""
        try:
            self.write(path, change(self.read(path)))
        except LookupError as error:
            raise Problem(f"{path}: {error.args[0]}") from error

    def changed(self) -> list[str]:
        """Returns the paths of the changed files, sorted."""
        return sorted(path for path, text in self._texts.items()
                      if not (self.root / path).is_file() or (self.root / path).read_text(encoding="utf-8") != text)

    def format_rust(self) -> None:
        """Formats all changed Rust files."""
        if shutil.which("rustfmt") is None:
            raise Problem("rustfmt is not installed: rustup component add rustfmt")
        [edition] = re.findall(r'^edition = "(\d+)"$', self.read("Cargo.toml"), re.MULTILINE)
        for path in [path for path in self.changed() if path.endswith(".rs")]:
            done = subprocess.run(["rustfmt", "--edition", edition, "--config-path", self.root], input=self._texts[path],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                raise Problem(f"{path}: rustfmt cannot parse the generated code: {done.stderr.strip()}")
            self._texts[path] = done.stdout

    def save(self, check: Callable[[], None], also: Iterable[str] = ()) -> list[str]:
        """Writes all changes, and returns the paths of the written files. If writing or `check` fails, all files are restored,
        including those in `also`, which `check` writes itself."""
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
    """Returns the folders that have to be created for `folder`."""
    return [each for each in (folder, *folder.parents) if each.is_relative_to(root) and not each.exists()]
