"""Runs `sam validate --lint` on several templates in one process, which loads SAM and its schemas once.

This file is run by the Python of `.venv/sam`, with the templates as arguments.
"""

from __future__ import annotations

import sys

from samcli.cli.main import cli


def main() -> None:
    """Fails for the first template that is not valid; SAM has said why by then."""
    for template in sys.argv[1:]:
        cli.main(["validate", "--lint", "--template", template], prog_name="sam", standalone_mode=False)


if __name__ == "__main__":
    main()
