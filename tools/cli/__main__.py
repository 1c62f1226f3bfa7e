"""The commands behind the Makefile: the local stack, checks, measurements and operations."""

from __future__ import annotations

import argparse
import signal
import sys

from cli import commands, lanes, measurements, scaffolding
from engine.problem import Problem
from engine.stack import ignore_user_aws_configuration
from operations import dead_letters_cli

COMMANDS = {
    "up": commands.up,
    "down": commands.down,
    "build": commands.build_functions,
    "engine": commands.start_engine,
    "localstack-python": commands.print_localstack_python,
    "env-json": commands.write_environments,
    "status": commands.status,
    "logs": commands.follow_logs,
    "tail": commands.tail_events,
    "check": commands.check,
    "test": lanes.test,
    "model": commands.explore_model,
    "fuzz": commands.fuzz_running,
    "fuzz-parsers": commands.fuzz_parsers,
    "check-login-timing": measurements.measure_logins,
    "bench": measurements.run_bench,
    "bench-quick": measurements.run_quick_bench,
    "bench-stock": measurements.bench_stock,
    "bench-search": measurements.bench_search,
    "bench-websocket": measurements.bench_websocket,
    "cost": measurements.show_cost,
    "chaos": measurements.run_chaos,
    "rebuild-search": commands.rebuild_search,
    "rebuild-orders": commands.rebuild_orders,
    "rebuild-analytics": commands.rebuild_analytics,
    "preview-mails": commands.preview_mails,
    "openapi": commands.openapi,
    "asyncapi": commands.asyncapi,
    "dist": commands.dist,
}

# Commands with arguments, in the form of make: NAME=reviews.
WITH_ARGUMENTS = {
    "new-context": (scaffolding.write_context, scaffolding.CONTEXT_USAGE),
    "new-function": (scaffolding.write_function, scaffolding.FUNCTION_USAGE),
}

DEAD_LETTERS = "dead-letters"


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog="python -m cli", description=__doc__, formatter_class=raw)
    subparsers = made.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        subparsers.add_parser(name, help=command.__doc__)
    dead_letters_cli.add_arguments(subparsers.add_parser(
        DEAD_LETTERS, help=commands.dead_letters.__doc__, description=dead_letters_cli.__doc__, epilog=dead_letters_cli.EXAMPLES,
        formatter_class=raw))
    for name, (writer, usage) in WITH_ARGUMENTS.items():
        added = subparsers.add_parser(name, help=writer.__doc__, description=writer.__doc__, epilog=usage, formatter_class=raw)
        added.add_argument("arguments", nargs="*", metavar="NAME=value")
    return made


def main() -> None:
    """Runs one command."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a terminated test run stops its stacks
    try:
        if options.command == DEAD_LETTERS:
            sys.exit(commands.dead_letters(options))
        ignore_user_aws_configuration()
        if options.command in WITH_ARGUMENTS:
            WITH_ARGUMENTS[options.command][0](options.arguments)
        else:
            COMMANDS[options.command]()
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
