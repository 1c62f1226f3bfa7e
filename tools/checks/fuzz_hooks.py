"""What schemathesis has to know of this API beyond its document; it loads this by name in each of fuzz.py's runs.

Takes its place from the environment: FUZZ_DOCUMENT (the API's document), FUZZ_PROTECTED (ids of accounts that no request may
change), FUZZ_SPARE (the id that takes their place), FUZZ_TALLY (the file that gets the count of the answers by status).
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

# Refusals of requests that are as the document says: it tells what is well-formed, and the shop what it has and what it knows.
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
    """What a problem says is wrong: the codes of its fields, its own if it names none. Of a missing field, which."""
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
    """Whether a method that `path` does not take is taken by one that has a parameter where it has a word: a PUT of
    `/products/search` is one of the product `search`."""
    words = path.split("/")
    for other, item in paths.items():
        pattern = other.split("/")
        fits = len(pattern) == len(words) and all(theirs.startswith("{") or theirs == ours
                                                  for theirs, ours in zip(pattern, words))
        if fits and method.lower() in item:
            return True
    return False


def register() -> None:
    """Hooks into schemathesis."""
    import schemathesis
    from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

    paths = json.loads(Path(os.environ["FUZZ_DOCUMENT"]).read_text(encoding="utf-8"))["paths"]
    protected = set(os.environ["FUZZ_PROTECTED"].split(","))
    spare, tally = os.environ["FUZZ_SPARE"], Path(os.environ["FUZZ_TALLY"])
    statuses: Counter[int] = Counter()
    atexit.register(lambda: tally.write_text(json.dumps(statuses), encoding="utf-8"))

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
        statuses[response.status_code] += 1


if "FUZZ_TALLY" in os.environ:
    register()
