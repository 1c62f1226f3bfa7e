"""The binaries of the contexts, and the Lambda archives of them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path


def bootstrap(root: Path, context: str) -> Path:
    """Returns the path of the binary of a context's functions."""
    return root / "build" / context / "bootstrap"


def archive_path(root: Path, context: str) -> Path:
    """Returns the path of the archive of a context's functions, which `CodeUri` names in its template."""
    return root / "build" / f"{context}.zip"


def archive(binary: Path, level: int = 1) -> bytes:
    """Returns the Lambda archive of a binary. The same binary gives the same bytes."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the file mode is applied
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr(entry, binary.read_bytes(), compresslevel=level)
    return content.getvalue()
