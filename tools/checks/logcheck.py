"""Reads every line that the functions of a stack have logged, and fails on what no log may hold: tokens, hashes, passwords,
addresses, phone numbers, device tokens, names, request bodies. What it finds it never prints, only where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import api
from engine.problem import Problem

# Those of the journeys; a test holds this against their sources.
JOURNEY_PASSWORDS = ("a long password", "a wrong password", "another long password", "another password")

SHOWN = 20

Pattern = re.Pattern[str]

JWT = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
REFRESH_TOKEN = re.compile(r"\bwbr_")
PROVIDER_KEY = re.compile(r"\b(sk_(test|live)_|whsec)")
HASH = re.compile(r"\$argon2")
EMAIL = re.compile(r"[\w.%+'-]+@[\w-]+(\.[\w-]+)+")
# E.164, and no offset of a time.
PHONE_NUMBER = re.compile(r"(?<![\w+])\+[1-9]\d{6,14}(?!\d)")
# FCM's registration tokens; APNs' are 64 hexadecimal digits, as hashes are, so that the journeys use these.
DEVICE_TOKEN = re.compile(r"APA91b[\w-]+")
# As JSON, and as JSON inside of a JSON string.
BODY = re.compile(r'\\*"(password|current_password|currentPassword|refresh_token|refreshToken|items|phone_number|phoneNumber)\\*"\s*:\s*(\\*"|\[)')

# Words of names that are no names.
ORDINARY = {"Admin", "admin"}


@dataclass(frozen=True)
class Finding:
    """A line that must not be so."""

    line: int
    function: str
    kind: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.function}: {self.kind}"


def check(log: Path, seeded: dict[str, list[dict[str, Any]]]) -> int:
    """Fails if there is anything in the log that must not be there, or nothing at all; how many lines there are."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = text.splitlines()
    if not lines:
        raise Problem(f"{log} is empty: no function has logged anything")
    found = list(findings(lines, seeded))
    if found:
        for finding in found[:SHOWN]:
            print(finding, flush=True)
        more = f"the first {SHOWN} of them are above" if len(found) > SHOWN else "see above"
        raise Problem(f"{log} holds what it must not, {len(found)} times; {more}")
    return len(lines)


def findings(lines: Iterable[str], seeded: dict[str, list[dict[str, Any]]]) -> Iterator[Finding]:
    """What is wrong with the lines, each `<function>\\t<JSON object>`."""
    patterns = kinds(seeded)
    for number, line in enumerate(lines, start=1):
        name, _, text = line.partition("\t")
        function = name.split("-")[1] if name.count("-") > 1 else name
        entry = _object(text)
        if entry is None:
            yield Finding(number, function, "a panic" if _is_of_a_panic(text) else "not a JSON object")
        # As it stands and as it reads: an escape hides nothing.
        said = "\n".join([text, *_strings(entry)])
        for kind, pattern in patterns.items():
            if pattern.search(said):
                yield Finding(number, function, kind)


def kinds(seeded: dict[str, list[dict[str, Any]]]) -> dict[str, Pattern]:
    """What no line may hold."""
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
