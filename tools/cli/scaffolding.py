"""The commands that write new code: contexts and functions."""

from __future__ import annotations

from engine import build
from engine.problem import Problem
from engine.stack import ROOT
from scaffold.new_context import new_context
from scaffold.new_function import ARGUMENTS, new_function
from scaffold.result import Result

CONTEXT_USAGE = """\
make new-context NAME=reviews

NAME   the context, 3 to 20 lower-case letters; its folder, its binary, and its routes below /api/v1/<NAME>"""

FUNCTION_USAGE = """\
make new-function CONTEXT=reviews NAME=get-review KIND=endpoint ROUTE=/api/v1/reviews/{review_id}
make new-function CONTEXT=reviews NAME=count-orders KIND=consumer SOURCE=orders EVENTS=OrderConfirmed,OrderCancelled
make new-function CONTEXT=reviews NAME=expire-reviews KIND=schedule RATE="rate(5 minutes)"

CONTEXT  a context that exists
NAME     the function, lower-case words with dashes between them; its logical id and the names in Rust follow from it
KIND     endpoint, consumer or schedule

KIND=endpoint
METHOD   GET (as it is not given), POST, PUT, PATCH or DELETE
ROUTE    the route's path; /api/v1/<CONTEXT>/<NAME> if it is not given
ACCESS   anyone, customer (if it is not given), owner or admin
LIMIT    unlimited (if it is not given, of GET) or writes (of the other methods)

KIND=consumer
SOURCE   the context whose events it consumes
EVENTS   which of them, with commas between them

KIND=schedule
RATE     rate(1 minute) if it is not given, or another rate or cron expression of EventBridge"""


def write_context(arguments: list[str]) -> None:
    """Write a new context with its table, its health and a first endpoint: NAME=reviews."""
    values = _values(arguments, CONTEXT_USAGE, required=("NAME",), known=())
    build.check_tools()
    _finish(new_context(ROOT, values["NAME"]))


def write_function(arguments: list[str]) -> None:
    """Write a new function of a context: CONTEXT=reviews NAME=get-review KIND=endpoint, consumer or schedule."""
    known = tuple(name for names in ARGUMENTS.values() for name in names)
    values = _values(arguments, FUNCTION_USAGE, required=("CONTEXT", "NAME", "KIND"), known=known)
    build.check_tools()
    context, name, kind = values.pop("CONTEXT"), values.pop("NAME"), values.pop("KIND")
    _finish(new_function(ROOT, context, name, kind, values))


def _finish(result: Result) -> None:
    """Writes the API's document anew, which needs the compiler, and says what was done."""
    print(result, flush=True)
    try:
        build.openapi(ROOT)
    except Problem as problem:
        raise Problem(f"{problem}; all files above are written, but openapi.json is as it was: make openapi") from problem


def _values(arguments: list[str], usage: str, required: tuple[str, ...], known: tuple[str, ...]) -> dict[str, str]:
    """The arguments `NAME=value`, by name."""
    if not arguments:
        raise Problem(f"{required[0]} is missing\n\n{usage}")
    values = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in (*required, *known):
            raise Problem(f"{argument}: the arguments are {', '.join((*required, *known))}, as NAME=value")
        if value:
            values[name] = value
    for name in required:
        if name not in values:
            raise Problem(f"{name} is missing; without any arguments, the usage is shown")
    return values
