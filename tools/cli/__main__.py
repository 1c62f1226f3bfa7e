"""The local stack from the command line: `make up`, `make down`, `make logs` and `make test` are its commands."""

from __future__ import annotations

import argparse
import signal
import sys

from cli import commands, lanes, measurements, scaffolding
from engine.problem import Problem
from engine.stack import forget_users_aws

COMMANDS = {
    "up": commands.up,
    "down": commands.down,
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

# These take arguments, in the form of make: NAME=reviews.
WITH_ARGUMENTS = {
    "new-context": (scaffolding.write_context, scaffolding.CONTEXT_USAGE),
    "new-function": (scaffolding.write_function, scaffolding.FUNCTION_USAGE),
}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__)
    for name, (writer, usage) in WITH_ARGUMENTS.items():
        added = commands.add_parser(name, help=writer.__doc__, description=writer.__doc__, epilog=usage, formatter_class=raw)
        added.add_argument("arguments", nargs="*", metavar="NAME=value")
    forget_users_aws()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a test run that is ended ends its stack
    given = parser.parse_args()
    try:
        if given.command in WITH_ARGUMENTS:
            WITH_ARGUMENTS[given.command][0](given.arguments)
        else:
            COMMANDS[given.command]()
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
