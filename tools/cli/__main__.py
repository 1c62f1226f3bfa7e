"""The local stack from the command line: `make up`, `make down`, `make logs` and `make test` are its commands."""

from __future__ import annotations

import argparse
import signal
import sys

from cli import commands, lanes, measurements
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__)
    forget_users_aws()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a test run that is ended ends its stack
    try:
        COMMANDS[parser.parse_args().command]()
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
