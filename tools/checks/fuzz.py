"""Sends requests generated from `openapi.json` to a deployed stack: anonymously, as a customer and as an administrator.

Fails on a 5xx response, on a response that the document does not describe (status, content type, headers, body), on a valid request that
is refused, and on an invalid one that is accepted. Requests that once found an error are in `fuzz_regressions.json` and are sent first in
every run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any

from engine.api import Account, Api
from engine.problem import Problem
from engine.stack import Stack
from engine.wait import STALLED_SECONDS, wait_until

SEED = 20260101  # the generator's default seed; WAYBILL_FUZZ_SEED sets another one
EXAMPLES = 8  # per phase and operation that the caller may call; WAYBILL_FUZZ_EXAMPLES sets another number
EXAMPLES_OF_OTHERS = 2  # per operation that only other callers may call

HERE = Path(__file__).resolve().parent
REGRESSIONS = HERE / "fuzz_regressions.json"

# Called with a session of its own, because it would end the session of all other requests.
LOGOUT = "POST /api/v1/auth/logout"

# Each caller, and the access of the operations that are tested in depth. Of other operations, only access control is tested.
CALLERS = {
    "anyone": frozenset({"anyone"}),
    "customer": frozenset({"customer"}),
    "admin": frozenset({"admin"}),
}

# Health endpoints respond with 503 while a part of the shop is down, as they should.
HEALTH = "^GET (/api/v1)?/health"

# Checks of schemathesis that do not apply to this API, and why.
UNSUITED = {
    "use_after_free": "DELETE cancels an order and archives a product; both stay readable",
    "ensure_resource_availability": "other contexts have a replica of a new resource only after its event",
}

# The places of product ids. Half of the examples have the id of a seeded product there, so that some orders succeed.
PRODUCT_ID = ("path.product_id", "body.product_id", "body.items[*].product_id")

METHODS = ("get", "put", "post", "delete", "patch", "options", "head")
# Methods that a path has to refuse with 405 if it does not support them. The gateway itself responds to OPTIONS.
UNEXPECTED_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH")

PROGRESS = re.compile(r"^ (?:✅|❌|⏭|🚫|⚡) +(Examples|Coverage|Fuzzing|Stateful)\b.*")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Caller:
    """A caller, and the access of the operations that it calls with many examples. It calls all others with a few."""

    name: str
    account: Account | None
    access: frozenset[str]
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The generator's seed and the number of examples. A run has no time limit; only the number of examples bounds it."""

    seed: int = SEED
    examples: int = EXAMPLES


def settings_of_environment() -> Settings:
    """Reads WAYBILL_FUZZ_SEED and WAYBILL_FUZZ_EXAMPLES."""
    numbers = {}
    for field, default in (("seed", SEED), ("examples", EXAMPLES)):
        name = f"WAYBILL_FUZZ_{field.upper()}"
        text = os.environ.get(name) or str(default)
        if not text.isdigit() or int(text) == 0:
            raise Problem(f"{name} has to be a whole number from 1, not {text}")
        numbers[field] = int(text)
    return Settings(**numbers)


def fuzz(stack: Stack, root: Path, seeded: dict[str, list[dict[str, Any]]], settings: Settings, say: Say) -> None:
    """Sends the requests that once found an error, then those of each caller. Prints the failures of all callers before it raises."""
    document, folder = root / "openapi.json", stack.state / "fuzz"
    operations = read_operations(document)
    folder.mkdir(parents=True, exist_ok=True)
    api = Api(stack.origin)
    first_admin = next(user for user in seeded["users"] if user["role"] == "admin")
    replayed = replay(api, read_regressions(REGRESSIONS), first_admin)
    say(f"{replayed} requests of earlier failures have the expected responses; seed {settings.seed}")
    spare, failed = api.customer().id, []
    products = tuple(product["id"] for product in seeded["products"])
    for name, access in CALLERS.items():
        caller = Caller(name, _account(api, name, first_admin), access, products)
        protected = {user["id"] for user in seeded["users"]} | ({caller.account.id} if caller.account else set())
        environment = {"FUZZ_PROTECTED": ",".join(sorted(protected)), "FUZZ_SPARE": spare}
        run = _Run(api.origin, document, folder, caller, settings, environment, say)
        if not run.passes(configuration(operations, caller, settings)):
            failed.append(str(run.log))
        if caller.account is not None:
            _require_session(api, caller, operations)
    if LOGOUT in operations:
        caller = Caller("logout", api.customer(), frozenset())
        run = _Run(api.origin, document, folder, caller, settings, {"FUZZ_PROTECTED": "", "FUZZ_SPARE": spare}, say)
        if not run.passes(logout_configuration(), "--include-name", LOGOUT):
            failed.append(str(run.log))
    if failed:
        raise Problem(f"the API and openapi.json differ, see above and {', '.join(failed)}; repeat it with "
                      f"WAYBILL_FUZZ_SEED={settings.seed} make fuzz")


def read_operations(document: Path) -> dict[str, str]:
    """Returns who may call each operation, such as `GET /api/v1/orders`: anyone, customer or admin."""
    if not document.is_file():
        raise Problem(f"there is no {document.name}; the fuzzer needs the API's document")
    described = json.loads(document.read_text(encoding="utf-8"))
    return {f"{method.upper()} {path}": access_of(operation)
            for path, item in described["paths"].items()
            for method, operation in item.items() if method in METHODS}


def access_of(operation: dict[str, Any]) -> str:
    """Returns who may call an operation. Customers may call the operations of owners, for their own data."""
    access = str(operation["x-access"])
    return "customer" if access == "owner" else access


def configuration(operations: dict[str, str], caller: Caller, settings: Settings) -> str:
    """Returns the schemathesis.toml of one caller."""
    aside = sorted(name for name, access in operations.items() if access not in caller.access and name != LOGOUT)
    without = [LOGOUT] if caller.account and LOGOUT in operations else []
    return "\n".join([
        *_common(caller),
        f"generation.max-examples = {settings.examples}",
        # An anonymous caller can use hardly any response for a next request.
        *(["phases.stateful.enabled = false"] if caller.account is None else []),
        f"dictionaries.products.values = {json.dumps(caller.products)}",
        *(f'parameters."{place}" = {{dictionary = "products", probability = 0.5}}' for place in PRODUCT_ID),
        f"\n[[operations]]\ninclude-name-regex = {json.dumps(HEALTH)}",
        'checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]',
        *(f"\n[[operations]]\ninclude-name = {json.dumps(name)}\nenabled = false" for name in without),
        *(f"\n[[operations]]\ninclude-name = {json.dumps(name)}\n"
          "phases = {coverage.enabled = false}\n"
          f"generation = {{max-examples = {EXAMPLES_OF_OTHERS}}}" for name in aside),
        ""])


def logout_configuration() -> str:
    """Returns the schemathesis.toml of logout, after which the caller has no session."""
    caller = Caller("logout", Account("", "", "", ""), frozenset())
    return "\n".join([*_common(caller), f"generation.max-examples = {EXAMPLES_OF_OTHERS}",
                      "phases.coverage.enabled = false", "phases.stateful.enabled = false", ""])


def _common(caller: Caller) -> list[str]:
    return [
        "color = false",
        f"hooks = {json.dumps(str(HERE / 'fuzz_hooks.py'))}",
        "continue-on-failure = true",
        f"request-timeout = {STALLED_SECONDS:.0f}",
        # Otherwise Hypothesis reports a failure if a slow machine takes long to generate a request.
        'suppress-health-check = ["too_slow"]',
        "warnings = false",
        "cache.enabled = false",
        'generation.database = "none"',
        # All secrets belong to the run alone, and a request without them could not be repeated.
        "output.sanitization.enabled = false",
        *(['headers = {Authorization = "Bearer ${FUZZ_TOKEN}"}'] if caller.account else []),
        *(f"checks.{check}.enabled = false" for check in UNSUITED),
        f"phases.coverage.unexpected-methods = {json.dumps(UNEXPECTED_METHODS)}",
    ]


class _Run:
    """One run of schemathesis. Its complete output is in a log."""

    def __init__(self, origin: str, document: Path, folder: Path, caller: Caller, settings: Settings,
                 environment: dict[str, str], say: Say) -> None:
        self.caller, self.say = caller, say
        self.log, self._tally = folder / f"{caller.name}.log", folder / f"{caller.name}.json"
        self._folder, self._config = folder, folder / f"{caller.name}.toml"
        self._command = [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(self._config),
            "run", str(document), "--url", origin, "--seed", str(settings.seed)]
        self._environment = {
            **os.environ, **environment, "FUZZ_DOCUMENT": str(document), "FUZZ_TALLY": str(self._tally),
            "FUZZ_TOKEN": caller.account.token if caller.account else "", "COLUMNS": "140", "NO_PROXY": "*",
            "PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}

    def passes(self, config: str, *arguments: str) -> bool:
        """Runs schemathesis, prints the failures that it found, and returns whether there were none."""
        self._config.write_text(config, encoding="utf-8")
        self._tally.unlink(missing_ok=True)
        started = time.monotonic()
        lines: list[str] = []
        with self.log.open("w", encoding="utf-8") as log, subprocess.Popen(
                [*self._command, *arguments], cwd=self._folder, env=self._environment, text=True, encoding="utf-8",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            follower = Thread(target=self._follow, args=(process, log, lines), daemon=True)
            follower.start()
            try:
                # On a busy machine, the generator may compute for minutes between two requests.
                code, *_ = wait_until(
                    lambda: (process.poll(), len(lines), self._answers(), processor_time(process.pid)),
                    f"the fuzzer, as {self.caller.name} (see {self.log})", done=lambda seen: seen[0] is not None, poll_seconds=1)
            finally:
                process.kill()
                follower.join()
        self.say(f"{self.caller.name}: {self._answers()} in {time.monotonic() - started:.0f} s")
        if code:
            print("\n".join(shown(lines, self.caller.account)), flush=True)
        return code == 0

    def _follow(self, process: subprocess.Popen[str], log: IO[str], lines: list[str]) -> None:
        """Copies the output to the log and to `lines`, and reports each phase."""
        for line in process.stdout or ():
            log.write(line)
            lines.append(line.rstrip())
            if PROGRESS.match(line):
                self.say(f"{self.caller.name}: {' '.join(line.split()[1:])}")

    def _answers(self) -> str:
        """Returns the number of responses so far, by status."""
        if not self._tally.is_file():
            return "no answer"
        statuses = json.loads(self._tally.read_text(encoding="utf-8"))
        return f"{sum(statuses.values())} answers: " + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))


def processor_time(pid: int) -> str:
    """Returns the processor time of a process as `ps` prints it, or an empty string if it has ended."""
    return subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()


def shown(lines: list[str], account: Account | None) -> list[str]:
    """Returns the failures in a run's output, with requests that can be sent again, or the whole output if it has no failures."""
    start = next((number for number, line in enumerate(lines) if re.match(r"=+ (FAILURES|ERRORS) =+$", line)), 0)
    kept = [line for line in lines[start:] if "st replay" not in line]
    if account is None:
        return kept
    login = json.dumps({"email": account.email, "password": account.password})
    token = (f"    TOKEN=$(curl -s $API/api/v1/auth/login -d '{login}' "
             """| python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')""")
    asked = [re.sub(rf"'Authorization: Bearer {re.escape(account.token)}'", '"Authorization: Bearer $TOKEN"', line)
             for line in kept]
    return [*asked, "The token is that of:", token]


def read_regressions(path: Path) -> list[dict[str, Any]]:
    """Reads the requests that once found an error."""
    regressions: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return regressions


def replay(api: Api, regressions: list[dict[str, Any]], first_admin: dict[str, str]) -> int:
    """Sends each request again. Fails on the first response that has none of the expected statuses, or is an error without a problem
    document."""
    accounts: dict[str, Account | None] = {}
    for request in regressions:
        name = request.get("as", "anyone")
        if name not in accounts:
            accounts[name] = _account(api, name, first_admin)
        account = accounts[name]
        answer = api.call(request["method"], request["path"], request.get("body"),
                          token=account.token if account else None, headers=request.get("headers"))
        what = f"{request['method']} {request['path']}, which once found “{request['found']}”"
        if answer.status not in request["expect"]:
            raise Problem(f"{what}, answers {answer.status}, not {request['expect']}: {answer.text[:300]}")
        content_type = answer.headers.get("content-type", "")
        if answer.status >= 400 and content_type != request.get("content_type", "application/problem+json"):
            raise Problem(f"{what}, answers with {content_type or 'no content type'}: {answer.text[:300]}")
    return len(regressions)


def _account(api: Api, name: str, first_admin: dict[str, str]) -> Account | None:
    if name == "anyone":
        return None
    return api.admin(first_admin) if name == "admin" else api.customer()


def _require_session(api: Api, caller: Caller, operations: dict[str, str]) -> None:
    """Fails if the caller's session has ended, because requests after its end test nothing."""
    path = "/api/v1/users/profile"
    if caller.account and f"GET {path}" in operations:
        status = api.call("GET", path, token=caller.account.token).status
        if status != 200:
            raise Problem(f"the session of the {caller.name} ended during the run: GET {path} answers {status}")
