"""Runs `sam validate --lint` on several templates in one process, which loads SAM and its schemas once.

This file is run by the Python of `.venv/sam`, with the templates as arguments.
"""

from __future__ import annotations

import sys

from click import ClickException
from samcli.cli.main import cli


def main() -> None:
    """Prints the errors of each template, and exits with status 1 if a template is not valid."""
    failed = False
    for template in sys.argv[1:]:
        try:
            cli.main(["validate", "--lint", "--template", template], prog_name="sam", standalone_mode=False)
        except ClickException as error:  # noqa: PERF203 - the other templates are validated as well
            failed = True
            print(f"{template}: {error.format_message()}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
