"""The commands that generate code: contexts and functions."""

from __future__ import annotations

from engine import build
from engine.problem import Problem
from engine.stack import ROOT
from scaffold.new_context import new_context
from scaffold.new_function import ARGUMENTS, new_function
from scaffold.result import Result

CONTEXT_USAGE = """\
make new-context NAME=reviews

NAME   the context, 3 to 20 lower-case letters; names its folder, its binary, and its routes below /api/v1/<NAME>"""

FUNCTION_USAGE = """\
make new-function CONTEXT=reviews NAME=get-review KIND=endpoint ROUTE=/api/v1/reviews/{review_id}
make new-function CONTEXT=reviews NAME=count-orders KIND=consumer SOURCE=orders EVENTS=OrderConfirmed,OrderCancelled
make new-function CONTEXT=reviews NAME=expire-reviews KIND=schedule RATE="rate(5 minutes)"

CONTEXT  an existing context
NAME     the function, lower-case words with dashes between them; its logical id and the names in Rust follow from it
KIND     endpoint, consumer or schedule

KIND=endpoint
METHOD   GET (default), POST, PUT, PATCH or DELETE
ROUTE    the route's path; default: /api/v1/<CONTEXT>/<NAME>
ACCESS   anyone, customer (default), owner or admin
LIMIT    unlimited (default for GET) or writes (default for the other methods)

KIND=consumer
SOURCE   the context whose events it consumes
EVENTS   the events that it consumes, separated by commas

KIND=schedule
RATE     a rate or cron expression of EventBridge; default: rate(1 minute)"""


def write_context(arguments: list[str]) -> None:
    """Generate a new context with a table, a health function and a first endpoint: NAME=reviews."""
    values = _values(arguments, CONTEXT_USAGE, required=("NAME",), known=())
    build.check_tools()
    _finish(new_context(ROOT, values["NAME"]))


def write_function(arguments: list[str]) -> None:
    """Generate a new function of a context: CONTEXT=reviews NAME=get-review KIND=endpoint, consumer or schedule."""
    known = tuple(name for names in ARGUMENTS.values() for name in names)
    values = _values(arguments, FUNCTION_USAGE, required=("CONTEXT", "NAME", "KIND"), known=known)
    build.check_tools()
    context, name, kind = values.pop("CONTEXT"), values.pop("NAME"), values.pop("KIND")
    _finish(new_function(ROOT, context, name, kind, values))


def _finish(result: Result) -> None:
    """Updates the API's document, which needs the compiler, and prints the result."""
    print(result, flush=True)
    try:
        build.openapi(ROOT)
    except Problem as problem:
        raise Problem(f"{problem}; all files above were written, but openapi.json was not updated: run make openapi") from problem


def _values(arguments: list[str], usage: str, required: tuple[str, ...], known: tuple[str, ...]) -> dict[str, str]:
    """Returns the values of arguments `NAME=value`, by name. Without arguments, prints the usage and ends the program."""
    if not arguments:
        print(usage)
        raise SystemExit
    values = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in (*required, *known):
            raise Problem(f"{argument}: the arguments are {', '.join((*required, *known))}, in the form NAME=value")
        if value:
            values[name] = value
    for name in required:
        if name not in values:
            raise Problem(f"{name} is missing; without any arguments, the usage is shown")
    return values
