"""Hooks that adapt schemathesis to what the API's document does not describe. Each run of fuzz.py loads them by name.

Reads from the environment: FUZZ_DOCUMENT (the API's document), FUZZ_PROTECTED (ids of accounts that no request may change),
FUZZ_SPARE (the id that takes their place), FUZZ_TALLY (the file that gets the count of the answers by status, every second).
"""

from __future__ import annotations

import atexit
import json
import os
import time
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

# Codes of errors that valid requests may cause: the document describes the syntax, and only the shop knows what exists.
SEMANTIC = {
    "after_to": "a period that ends before it begins",
    "amount_differs": "the amount is not the order's total",
    "bad_signature": "an event that the payment provider has not signed",
    "idempotency_key_reused": "the key was used with another request",
    "invalid_cursor": "a cursor may be any text, but only a cursor of the same list is accepted",
    "known_to_others": "a password that is the e-mail address of the same request",
    "not_one_amount": "prices in two currencies",
    "price_differs": "the price is not the catalog's",
    "one_of": "two fields of which only one may be given",
    "stale": "an If-Match with another version",
    "too_long_ago": "a period that is longer than a report",
    "too_little": "an amount of zero",
    "too_common": "the password is on a list",
    "too_much": "an amount or a quantity above what is left",
    "too_many_together": "two lines of one product whose quantities are valid by themselves",
    "too_many_devices": "ten devices of one user",
    "unknown_payment_method": "a valid token that the simulator does not know",
    "unknown_product": "a valid id of no product",
    "unknown_token": "a text that is not the token of a device",
    "unknown_user": "a valid id of no user",
    "unsupported_filter": "two filters that cannot be combined",
    "wrong_password": "a password that is not the current one",
    "required price": "required only with a currency",
    "required current_password": "required only to change the e-mail address or the password",
}


def codes(problem: Any) -> set[str]:
    """Returns the codes of a problem's fields, or its own code if it names no field. The code of a missing field includes the name."""
    if not isinstance(problem, dict):
        return set()
    fields = {f"required {error.get('field')}" if error.get("code") == "required" else error.get("code", "")
              for error in problem.get("errors", [])}
    return fields or {problem.get("code", "")}


def is_undecided(problem: Any) -> bool:
    """Whether a valid request may be refused with this problem."""
    found = codes(problem)
    return bool(found) and found <= set(SEMANTIC)


def redirected(path_parameters: dict[str, Any], protected: set[str], spare: str) -> dict[str, Any]:
    """Returns the path's parameters with protected accounts replaced by the spare one."""
    return {name: spare if name == "user_id" and str(value) in protected else value
            for name, value in path_parameters.items()}


def is_of_another(method: str, path: str, paths: dict[str, Any]) -> bool:
    """Whether a method that `path` does not support belongs to a path with a parameter in place of a literal segment.

    A PUT of `/products/search` is a PUT of the product `search`."""
    words = path.split("/")
    for other, item in paths.items():
        pattern = other.split("/")
        fits = len(pattern) == len(words) and all(theirs.startswith("{") or theirs == ours
                                                  for theirs, ours in zip(pattern, words, strict=True))
        if fits and method.lower() in item:
            return True
    return False


def register() -> None:
    """Registers the hooks with schemathesis."""
    paths = json.loads(Path(os.environ["FUZZ_DOCUMENT"]).read_text(encoding="utf-8"))["paths"]
    protected = set(os.environ["FUZZ_PROTECTED"].split(","))
    spare, tally = os.environ["FUZZ_SPARE"], Path(os.environ["FUZZ_TALLY"])
    statuses: Counter[int] = Counter()
    lock, written = Lock(), time.monotonic()

    def write() -> None:
        fresh = tally.with_suffix(".new")
        fresh.write_text(json.dumps(statuses), encoding="utf-8")
        fresh.replace(tally)

    atexit.register(write)

    @schemathesis.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
        if isinstance(failure, UnsupportedMethodResponse):
            return not is_of_another(response.request.method, case.operation.path, paths)
        if not isinstance(failure, RejectedPositiveData):
            return True
        try:
            return not is_undecided(response.json())
        except ValueError:
            return True

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        if case.path_parameters and case.method.upper() != "GET":
            case.path_parameters = redirected(case.path_parameters, protected, spare)

    @schemathesis.hook
    def after_call(context: Any, case: Any, response: Any) -> None:
        nonlocal written
        with lock:
            statuses[response.status_code] += 1
            if time.monotonic() > written + 1:
                written = time.monotonic()
                write()


if "FUZZ_TALLY" in os.environ:
    register()
