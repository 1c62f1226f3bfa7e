"""Checks that the logs of a stack's functions contain no secrets and no personal data.

These are tokens, hashes, passwords, addresses, phone numbers, device tokens, names and request bodies. Only the place of a violation is
printed, never the text that was found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from engine import api
from engine.problem import Problem

# The passwords of the journeys. A test compares them with the sources of the journeys.
JOURNEY_PASSWORDS = ("a long password", "a wrong password", "another long password", "another password")

SHOWN = 20

Pattern = re.Pattern[str]

JWT = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
REFRESH_TOKEN = re.compile(r"\bwbr_")
PROVIDER_KEY = re.compile(r"\b(sk_(test|live)_|whsec)")
HASH = re.compile(r"\$argon2")
EMAIL = re.compile(r"[\w.%+'-]+@[\w-]+(\.[\w-]+)+")
# E.164 numbers, but not the UTC offsets of times.
PHONE_NUMBER = re.compile(r"(?<![\w+])\+[1-9]\d{6,14}(?!\d)")
# The registration tokens of FCM. The journeys use these, because the tokens of APNs, 64 hexadecimal digits, look like hashes.
DEVICE_TOKEN = re.compile(r"APA91b[\w-]+")
# As JSON, and as JSON within a JSON string.
BODY = re.compile(
    r'\\*"(password|current_password|currentPassword|refresh_token|refreshToken|items|phone_number|phoneNumber)\\*"\s*:\s*(\\*"|\[)')

# What lambda_runtime says when the engine has stopped its environment.
STOPPED_BY_THE_ENGINE = "missing lambda-runtime-aws-request-id header"

# With this, `lambda_runtime` ends when nobody answers the request for the next event. The only plain connections of a function to loopback
# are those to its Runtime API; the client of AWS is not this one.
NO_RUNTIME_API = re.compile(r'\tError: hyper_util::client::legacy::Error\(Connect, ConnectError\("tcp connect error", 127\.0\.0\.1:\d+, ')

# Parts of names that are ordinary words as well.
ORDINARY = {"Admin", "admin"}


@dataclass(frozen=True)
class Violation:
    """A line with a secret or with personal data."""

    line: int
    function: str
    kind: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.function}: {self.kind}"


def check(log: Path, seeded: dict[str, list[dict[str, Any]]]) -> int:
    """Returns the number of lines. Fails if the log is empty, or has lines with secrets or personal data."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = text.splitlines()
    if not lines:
        raise Problem(f"{log} is empty: no function has logged anything")
    found = list(violations(lines, seeded))
    if found:
        for violation in found[:SHOWN]:
            print(violation, flush=True)
        more = f"the first {SHOWN} of them are above" if len(found) > SHOWN else "see above"
        raise Problem(f"{log} has {len(found)} lines with secrets or personal data; {more}")
    return len(lines)


def violations(lines: Iterable[str], seeded: dict[str, list[dict[str, Any]]]) -> Iterator[Violation]:
    """Yields the violations in the lines, each of which is `<function>\\t<JSON object>`."""
    patterns = kinds(seeded)
    lines = list(lines)
    of_the_engine = stopped_by_the_engine(lines)
    for number, line in enumerate(lines, start=1):
        function, _, text = line.partition("\t")
        entry = _object(text)
        if entry is None and number not in of_the_engine:
            yield Violation(number, function, "a panic" if _is_of_a_panic(text) else "not a JSON object")
        # Both the raw line and its decoded strings, so that an escape hides nothing.
        said = "\n".join([text, *_strings(entry)])
        for kind, pattern in patterns.items():
            if pattern.search(said):
                yield Violation(number, function, kind)


def stopped_by_the_engine(lines: list[str]) -> set[int]:
    """Returns the numbers of the lines that the engine causes: that a function cannot reach its Runtime API any more, because the engine
    is ending its environment, and the lines of panics, each with the lines of its function around it.

    An environment whose invocation has timed out is answered with 500 when it asks for the next event, which lambda_runtime panics on
    in the moment before the engine kills the process. On AWS, the process is killed without an answer.
    """
    stopped = {line.partition("\t")[0] for line in lines if line.endswith(f"\t{STOPPED_BY_THE_ENGINE}")}
    found = {number for number, line in enumerate(lines, start=1) if NO_RUNTIME_API.search(line)}
    for function in stopped:
        own = [(number, line.partition("\t")[2]) for number, line in enumerate(lines, start=1) if line.startswith(f"{function}\t")]
        for is_text, group in groupby(own, key=lambda numbered: _object(numbered[1]) is None):
            block = list(group)
            panics = [text for _, text in block if "panicked at" in text]
            if is_text and panics and all("lambda_runtime-" in text for text in panics):
                found.update(number for number, _ in block)
    return found


def kinds(seeded: dict[str, list[dict[str, Any]]]) -> dict[str, Pattern]:
    """Returns the patterns that no line may match, by what they find."""
    users = seeded["users"]
    passwords = {api.PASSWORD, *JOURNEY_PASSWORDS, *(user["password"] for user in users)}
    names = {word for user in users for word in [user["username"], user["full_name"], *user["full_name"].split()]}
    return {
        "an access token": JWT,
        "a refresh token": REFRESH_TOKEN,
        "a password's hash": HASH,
        "a key of the payment provider": PROVIDER_KEY,
        "a password": _any_of(passwords),
        "an e-mail address": EMAIL,
        "a person's name": _any_of(names - ORDINARY),
        "a phone number": PHONE_NUMBER,
        "a device's token": DEVICE_TOKEN,
        "a request's body": BODY,
    }


def _any_of(texts: set[str]) -> Pattern:
    return re.compile(r"(?<!\w)(" + "|".join(map(re.escape, sorted(texts, reverse=True))) + r")(?!\w)")


def _object(text: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _is_of_a_panic(text: str) -> bool:
    signs = ("panicked at", "stack backtrace:", "RUST_BACKTRACE", "fatal runtime error")
    return any(sign in text for sign in signs) or bool(re.match(r" +(\d+: |at )", text))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
