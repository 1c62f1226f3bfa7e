"""Hooks that tell schemathesis what it has to know of this API beyond its document; each run of fuzz.py loads them by name.

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

# Refusals of requests that fit the document: it says what is well-formed, and only the shop knows what exists.
SEMANTIC = {
    "after_to": "a period that ends before it begins",
    "amount_differs": "the amount is not the order's total",
    "bad_signature": "an event that the payment provider has not signed",
    "idempotency_key_reused": "the key was used with another request",
    "invalid_cursor": "a cursor is text, but only this list's own is good",
    "known_to_others": "a password that is the e-mail address of the same request",
    "not_one_amount": "prices in two currencies",
    "price_differs": "the price is not the catalog's",
    "one_of": "two fields of which one says it",
    "stale": "an If-Match of another state",
    "too_long_ago": "a period that is longer than a report",
    "too_little": "an amount of nothing",
    "too_common": "the password is on a list",
    "too_much": "more than is left",
    "too_many_together": "two lines of one product, each of a good quantity",
    "too_many_devices": "ten devices of one user",
    "unknown_payment_method": "a token, but none of the simulator's",
    "unknown_product": "the id is one, but of no product",
    "unknown_token": "a text, but no device's token",
    "unknown_user": "the id is one, but of no user",
    "unsupported_filter": "two filters that do not go together",
    "wrong_password": "the current password is not this one",
    "required price": "beside a currency, only",
    "required current_password": "to change an address or a password, only",
}


def codes(problem: Any) -> set[str]:
    """The codes of a problem's fields, or its own code if it names no field. A missing field is named."""
    if not isinstance(problem, dict):
        return set()
    fields = {f"required {error.get('field')}" if error.get("code") == "required" else error.get("code", "")
              for error in problem.get("errors", [])}
    return fields or {problem.get("code", "")}


def is_undecided(problem: Any) -> bool:
    """Whether a request that fits the document may well be refused with this problem."""
    found = codes(problem)
    return bool(found) and found <= set(SEMANTIC)


def redirected(path_parameters: dict[str, Any], protected: set[str], spare: str) -> dict[str, Any]:
    """The path's parameters, with the spare account in place of a protected one."""
    return {name: spare if name == "user_id" and str(value) in protected else value
            for name, value in path_parameters.items()}


def is_of_another(method: str, path: str, paths: dict[str, Any]) -> bool:
    """Whether a method that `path` does not have belongs to a path with a parameter in place of a word.

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
