"""The commands for the local stack and for the code."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys

from botocore.exceptions import BotoCoreError, ClientError

from checks import fuzz, steps
from cli.progress import detail, say
from cli.stacks import bring_up, parameters_of_environment, welcome, write_local_files
from engine import build, engines, seed
from engine.aws import CREDENTIALS, Aws
from engine.engines import localstack, running_stack, stack_of_environment
from engine.problem import Problem
from engine.stack import REGION, ROOT, ignore_user_aws_configuration, require_free_ports
from operations import dead_letters_cli, logs, rebuild, tail


def up() -> None:
    """Build, start or update the local stack, seed it, and print its URLs."""
    stack, parameters = stack_of_environment(), parameters_of_environment()
    build.check_tools()
    engines.of(stack).require()
    if not engines.is_running(stack):
        require_free_ports(stack)  # fails before minutes of compiling, not after
    say("building the functions")
    build.build(ROOT)
    bring_up(stack, parameters)
    shutil.copyfile(stack.outputs, ROOT / ".local" / "outputs.json")
    print(welcome(json.loads(stack.outputs.read_text(encoding="utf-8"))))


def print_localstack_python() -> None:
    """Print the Python that LocalStack is installed with."""
    print(localstack.find_python())


def build_functions() -> None:
    """Build the archives of the functions, build/<context>.zip."""
    build.check_tools()
    build.build(ROOT)


def start_engine() -> None:
    """Start a local AWS engine without a stack, and print how to deploy to it with SAM."""
    stack = stack_of_environment()
    if not engines.is_running(stack):
        engines.start(stack)
    print(f"""
  AWS       {stack.engine_url}
  API       {stack.api_url}  (once it is deployed)
  Inbox     {stack.inbox_url}

Deploy to it:
  export AWS_ENDPOINT_URL={stack.engine_url} AWS_DEFAULT_REGION={REGION}
  export AWS_ACCESS_KEY_ID={CREDENTIALS['access_key_id']} AWS_SECRET_ACCESS_KEY={CREDENTIALS['secret_access_key']}
  make build && sam deploy --no-confirm-changeset --parameter-overrides SeedData=true

`make down` stops it.""")


def write_environments() -> None:
    """Write what `sam local` and `cargo lambda watch` need: the variables of each function of the running stack, and a template.

    Containers find AWS at the stack's bridge, or at ENDPOINT.
    """
    stack = stack_of_environment()
    if not engines.is_running(stack):
        raise Problem(f"no engine runs on port {stack.port}; `make up` starts one with a stack, `make engine` one without")
    functions, endpoint = write_local_files(stack, ROOT / "env.json", ROOT / "build" / "env", os.environ.get("ENDPOINT"))
    print(f"env.json has the variables of {functions} functions, which call AWS at {endpoint}; build/local-api.json has the API for "
          "`sam local start-api`, build/env/<Function>.env the variables for `cargo lambda watch`")


def down() -> None:
    """Stop the stack and delete its data."""
    stack = stack_of_environment()
    print(f"stopped the stack on port {stack.port}" if engines.stop(stack) else f"no stack runs on port {stack.port}")


def status() -> None:
    """Print whether the stack runs, and its URLs and logins."""
    try:
        stack = running_stack()
    except Problem as problem:
        print(problem)
        return
    print(welcome(json.loads(stack.outputs.read_text(encoding="utf-8"))))


def follow_logs() -> None:
    """Follow the engine's and the functions' logs."""
    stack = stack_of_environment()
    if not stack.engine_log.exists():
        raise Problem(f"there is no log for port {stack.port} yet; `make up` starts a stack")
    logs.follow(stack)


def check() -> None:
    """Run the quick checks: ruff, format, templates, mypy, clippy."""
    build.check_tools()
    steps.run(steps.static(ROOT))


def fuzz_running() -> None:
    """Send generated requests to the running stack, which changes its data."""
    stack = running_stack()
    fuzz.fuzz(stack, ROOT, seed.read(seed.FILE), fuzz.settings_of_environment(), detail)


def _function(logical_id: str) -> tuple[Aws, str]:
    """Returns the clients of the running stack, and the deployed name of one of its functions."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    return Aws(stack.engine_url), functions[logical_id]


def rebuild_search() -> None:
    """Rebuild the search index of the running stack."""
    print(rebuild.search(*_function("RebuildSearch")))


def rebuild_orders() -> None:
    """Rebuild the views of all orders of the running stack from their events."""
    print(rebuild.orders(*_function("RebuildOrders")))


def rebuild_analytics() -> None:
    """Rebuild the figures of analytics of the running stack from its log of events."""
    print(rebuild.analytics(*_function("RebuildAnalytics")))


def tail_events() -> None:
    """Show the events of the running stack as they are published, one per line; with ORDER, only those of one order."""
    stack = running_stack()
    topics = list(json.loads(stack.outputs.read_text(encoding="utf-8"))["topics"].values())
    tail.follow(Aws(stack.engine_url), topics, os.environ.get("ORDER") or None)


def dead_letters(options: argparse.Namespace) -> int:
    """List, show, redrive or drop dead letters, on the running stack or on AWS."""
    if not options.aws:
        ignore_user_aws_configuration()
    try:
        return dead_letters_cli.run(options)
    except (BotoCoreError, ClientError) as error:
        raise Problem(str(error)) from None
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def asyncapi() -> None:
    """Write asyncapi.json and the events' JSON Schemas from the code."""
    build.check_tools()
    build.asyncapi(ROOT)


def openapi() -> None:
    """Write openapi.json and the routes that the gateway knows from the code."""
    build.check_tools()
    build.openapi(ROOT)


def preview_mails() -> None:
    """Write previews of all notifications, with sample data."""
    build.check_tools()
    folder = build.preview(ROOT)
    print(f"look at {folder / 'index.html'}")


def explore_model() -> None:
    """Model-check one and two orders: nothing is sold or charged twice, and every order ends."""
    build.check_tools()
    build.model(ROOT)


def fuzz_parsers() -> None:
    """Test all parsers of external input with generated input, PROPTEST_CASES times each."""
    build.check_tools()
    cases = os.environ.get("PROPTEST_CASES", "20000")
    build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--lib", PROPTEST_CASES=cases)


def dist() -> None:
    """Build the release archives, and print their sizes."""
    build.check_tools()
    build.dist(ROOT, os.environ.get("ARCHITECTURE") or "x86_64")
