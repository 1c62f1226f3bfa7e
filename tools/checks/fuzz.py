"""Sends generated requests to a deployed stack, as `openapi.json` describes it: as anyone, as a customer and as an administrator.

Fails on a 5xx, on an answer that the document does not describe (status, content type, headers, body), on a request that fits the
document and is refused, and on one that does not fit it and is accepted. Requests that once found an error are kept in
`fuzz_regressions.json` and are sent first in every run.
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

SEED = 20260101  # of the generator; WAYBILL_FUZZ_SEED takes another
EXAMPLES = 8  # of each operation that the caller may call, in each phase; WAYBILL_FUZZ_EXAMPLES takes more
EXAMPLES_OF_OTHERS = 2  # of one that is another caller's

HERE = Path(__file__).resolve().parent
REGRESSIONS = HERE / "fuzz_regressions.json"

# Called with a login of its own, or it would end the session of all the others.
LOGOUT = "POST /api/v1/auth/logout"

# Each caller, and the access of the operations that are tried in depth; of the others only whether they let the caller in.
CALLERS = {
    "anyone": frozenset({"anyone"}),
    "customer": frozenset({"customer"}),
    "admin": frozenset({"admin"}),
}

# It answers 503 while a part of the shop is down: that is its purpose.
HEALTH = "^GET (/api/v1)?/health"

FOR_ADMINISTRATORS = "For administrators."

# Checks that say nothing about this API.
UNSUITED = {
    "use_after_free": "DELETE cancels an order and archives a product; both stay readable",
    "ensure_resource_availability": "what other contexts keep of a new resource is there only after its event",
}

# Where a product's id stands; half of the examples have one of the seed's there, so that some orders go through.
PRODUCT_ID = ("path.product_id", "body.product_id", "body.items[*].product_id")

METHODS = ("get", "put", "post", "delete", "patch", "options", "head")
# What a path that is not taken with them has to refuse with 405; the gateway itself answers OPTIONS.
UNEXPECTED_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH")

PROGRESS = re.compile(r"^ (?:✅|❌|⏭|🚫|⚡) +(Examples|Coverage|Fuzzing|Stateful)\b.*")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Caller:
    """Who calls, and the access of the operations that get many examples; a few are enough for the others."""

    name: str
    account: Account | None
    access: frozenset[str]
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The generator's seed, and the number of examples, which alone bounds a run: no clock does."""

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
    """Sends the requests that once found an error, then those of each caller. Shows the failures of all callers before it raises."""
    document, folder = root / "openapi.json", stack.state / "fuzz"
    operations = read_operations(document)
    folder.mkdir(parents=True, exist_ok=True)
    api = Api(stack.origin)
    first_admin = next(user for user in seeded["users"] if user["role"] == "admin")
    replayed = replay(api, read_regressions(REGRESSIONS), first_admin)
    say(f"{replayed} requests that once found an error are answered as they should; seed {settings.seed}")
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
    """Each operation, `GET /api/v1/orders`, and who may call it: anyone, customer or admin."""
    if not document.is_file():
        raise Problem(f"there is no {document.name}; the fuzzer needs the API's document")
    described = json.loads(document.read_text(encoding="utf-8"))
    shared = described.get("security", [])
    return {f"{method.upper()} {path}": access_of(operation, shared)
            for path, item in described["paths"].items()
            for method, operation in item.items() if method in METHODS}


def access_of(operation: dict[str, Any], shared: list[Any]) -> str:
    """Who may call an operation: the document says it in the last line of what it tells of an administrator's."""
    security = operation.get("security", shared)
    if not security or {} in security:
        return "anyone"
    return "admin" if operation.get("description", "").endswith(FOR_ADMINISTRATORS) else "customer"


def configuration(operations: dict[str, str], caller: Caller, settings: Settings) -> str:
    """A schemathesis.toml for one caller."""
    aside = sorted(name for name, access in operations.items() if access not in caller.access and name != LOGOUT)
    without = [LOGOUT] if caller.account and LOGOUT in operations else []
    return "\n".join([
        *_common(caller),
        f"generation.max-examples = {settings.examples}",
        # Who may call little finds no way from one answer to the next request.
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
    """A schemathesis.toml for the one operation after which the caller is nobody."""
    caller = Caller("logout", Account("", "", "", ""), frozenset())
    return "\n".join([*_common(caller), f"generation.max-examples = {EXAMPLES_OF_OTHERS}",
                      "phases.coverage.enabled = false", "phases.stateful.enabled = false", ""])


def _common(caller: Caller) -> list[str]:
    return [
        "color = false",
        f"hooks = {json.dumps(str(HERE / 'fuzz_hooks.py'))}",
        "continue-on-failure = true",
        f"request-timeout = {STALLED_SECONDS:.0f}",
        # Hypothesis counts it as a failure that a slow machine takes long to generate a request.
        'suppress-health-check = ["too_slow"]',
        "warnings = false",
        "cache.enabled = false",
        'generation.database = "none"',
        # Everything in it is the run's own; hidden, a request could not be repeated.
        "output.sanitization.enabled = false",
        *(['headers = {Authorization = "Bearer ${FUZZ_TOKEN}"}'] if caller.account else []),
        *(f"checks.{check}.enabled = false" for check in UNSUITED),
        f"phases.coverage.unexpected-methods = {json.dumps(UNEXPECTED_METHODS)}",
    ]


class _Run:
    """One run of schemathesis; its whole output is in a log."""

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
        """Whether nothing was found; shows what was."""
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
                # Between two requests it may compute for minutes, on a machine that has other things to do.
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
        """How many answers there were so far, by status."""
        if not self._tally.is_file():
            return "no answer"
        statuses = json.loads(self._tally.read_text(encoding="utf-8"))
        return f"{sum(statuses.values())} answers: " + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))


def processor_time(pid: int) -> str:
    """The processor time of a process, as `ps` writes it; nothing, once it has ended."""
    return subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()


def shown(lines: list[str], account: Account | None) -> list[str]:
    """The failures in a run's output, with requests that can be sent again; the whole output, if it has none."""
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
    """Sends each request again. Fails on the first answer that has none of the expected statuses, or is an error without a problem
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
    """Fails when the caller's session has ended: then much of the run has shown nothing."""
    path = "/api/v1/users/profile"
    if caller.account and f"GET {path}" in operations:
        status = api.call("GET", path, token=caller.account.token).status
        if status != 200:
            raise Problem(f"the session of the {caller.name} ended during the run: GET {path} answers {status}")
