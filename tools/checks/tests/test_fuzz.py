"""The decisions of the fuzzer: who may call an operation, which refusals are not failures, and which requests are sent again."""

import contextlib
import functools
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from schemathesis.config import SchemathesisConfig

from checks import fuzz, fuzz_hooks
from engine import wait
from engine.api import Account, Answer
from engine.problem import Problem

CUSTOMER = Account("id-1", "a@b.example", "secret", "eyJ.token")
OPERATIONS = {"GET /products": "anyone", "GET /orders": "customer", "POST /products": "admin", fuzz.LOGOUT: "customer"}


def problem(*codes: str) -> dict[str, Any]:
    return {"code": "validation_failed", "errors": [{"field": "x", "code": code} for code in codes]}


class Operations(unittest.TestCase):
    """The access of operations, according to the document."""

    def test_it_is_that_of_the_route(self) -> None:
        found = [fuzz.access_of({"x-access": access}) for access in ("anyone", "customer", "owner", "admin")]
        self.assertEqual(["anyone", "customer", "customer", "admin"], found)

    def test_a_missing_document_is_named(self) -> None:
        with self.assertRaisesRegex(Problem, "openapi.json"):
            fuzz.read_operations(Path("/nowhere/openapi.json"))


class Configuration(unittest.TestCase):
    """The configuration of schemathesis, which has to be able to parse it."""

    def parsed(self, text: str) -> Any:
        with mock.patch.dict(os.environ, FUZZ_TOKEN="eyJ"):
            return SchemathesisConfig.from_str(text)

    def test_the_configuration_of_each_caller_is_valid(self) -> None:
        for name, access in fuzz.CALLERS.items():
            account = None if name == "anyone" else CUSTOMER
            caller = fuzz.Caller(name, account, access, ("01930000-0000-7002-8000-000000000001",))
            with self.subTest(name):
                text = fuzz.configuration(OPERATIONS, caller, fuzz.Settings())
                self.parsed(text)
                self.assertEqual(account is not None, "FUZZ_TOKEN" in text)
                self.assertNotIn(CUSTOMER.token, text)
        self.parsed(fuzz.logout_configuration())

    def test_operations_of_other_callers_get_few_examples(self) -> None:
        text = fuzz.configuration(OPERATIONS, fuzz.Caller("customer", CUSTOMER, frozenset({"customer"}), ("x",)), fuzz.Settings())
        few = f"max-examples = {fuzz.EXAMPLES_OF_OTHERS}"
        blocks = {block.splitlines()[1]: few in block for block in text.split("[[operations]]")[1:] if fuzz.HEALTH not in block}
        self.assertEqual({'include-name = "GET /products"': True, 'include-name = "POST /products"': True,
                          f'include-name = "{fuzz.LOGOUT}"': False}, blocks)

    def test_only_the_run_of_logout_logs_out(self) -> None:
        text = fuzz.configuration(OPERATIONS, fuzz.Caller("admin", CUSTOMER, fuzz.CALLERS["admin"], ("x",)), fuzz.Settings())
        self.assertIn(f'include-name = "{fuzz.LOGOUT}"\nenabled = false', text)


class Failures(unittest.TestCase):
    """The failures of schemathesis that are ignored."""

    def test_an_error_that_the_document_cannot_describe_is_undecided(self) -> None:
        self.assertTrue(fuzz_hooks.is_undecided(problem("unknown_product", "price_differs")))
        self.assertTrue(fuzz_hooks.is_undecided({"code": "invalid_cursor"}))
        missing = {"errors": [{"field": "current_password", "code": "required"}]}
        self.assertTrue(fuzz_hooks.is_undecided(missing))
        self.assertFalse(fuzz_hooks.is_undecided(problem("required")))

    def test_a_malformed_field_is_decided(self) -> None:
        refusals: list[Any] = [problem("wrong_type"), problem("unknown_product", "out_of_range"), {"message": "no"}, [], "text"]
        for refusal in refusals:
            with self.subTest(refusal=refusal):
                self.assertFalse(fuzz_hooks.is_undecided(refusal))

    def test_a_method_may_belong_to_a_path_with_a_parameter(self) -> None:
        paths: dict[str, dict[str, Any]] = {
            "/products/search": {"get": {}}, "/products/{product_id}": {"get": {}, "put": {}}, "/orders": {"post": {}}}
        self.assertTrue(fuzz_hooks.is_of_another("PUT", "/products/search", paths))
        self.assertFalse(fuzz_hooks.is_of_another("DELETE", "/products/search", paths))
        self.assertFalse(fuzz_hooks.is_of_another("PUT", "/orders", paths))

    def test_protected_accounts_are_replaced(self) -> None:
        self.assertEqual({"user_id": "spare"}, fuzz_hooks.redirected({"user_id": "admin"}, {"admin"}, "spare"))
        self.assertEqual({"user_id": "other"}, fuzz_hooks.redirected({"user_id": "other"}, {"admin"}, "spare"))
        self.assertEqual({"order_id": "admin"}, fuzz_hooks.redirected({"order_id": "admin"}, {"admin"}, "spare"))


class Output(unittest.TestCase):
    """The output of a run with failures."""

    def test_requests_can_be_sent_again(self) -> None:
        lines = ["Schemathesis", "===== FAILURES =====", "    curl -H 'Authorization: Bearer eyJ.token' http://x/",
                 "    st replay abc"]
        text = "\n".join(fuzz.shown(lines, CUSTOMER))
        self.assertIn('curl -H "Authorization: Bearer $TOKEN" http://x/', text)
        self.assertIn("TOKEN=$(curl", text)
        self.assertNotIn("eyJ.token", text)
        self.assertNotIn("st replay", text)
        self.assertNotIn("Schemathesis", text)

    def test_output_without_failures_is_shown_whole(self) -> None:
        self.assertEqual(["no schema"], fuzz.shown(["no schema"], None))


class Runs(unittest.TestCase):
    """A run of schemathesis, for which another program is substituted."""

    def passes(self, program: str) -> tuple[bool, str, list[str]]:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            said: list[str] = []
            run = fuzz._Run("http://x", Path("openapi.json"), Path(folder), fuzz.Caller("anyone", None, frozenset()), fuzz.Settings(), {},
                            said.append)
            run._command = [sys.executable, "-c", program]
            return run.passes(""), run.log.read_text(encoding="utf-8"), said

    def test_its_exit_code_is_the_result_and_its_output_is_logged(self) -> None:
        passes, log, said = self.passes("print('one')\nprint(' ✅  Coverage (in 1.00s)')")
        self.assertEqual((True, "one\n ✅  Coverage (in 1.00s)\n", "anyone: Coverage (in 1.00s)"), (passes, log, said[0]))
        self.assertFalse(self.passes("raise SystemExit(1)")[0])

    def test_a_run_that_hangs_is_ended(self) -> None:
        impatient = functools.partial(wait.wait_until, stalled_seconds=0.5)
        with mock.patch.object(fuzz, "wait_until", impatient), self.assertRaisesRegex(Problem, "waited for the fuzzer, as anyone"):
            self.passes("import time\nprint('begun', flush=True)\ntime.sleep(600)")


class Sent:
    """An API with a fixed response."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def call(self, *_: Any, **__: Any) -> Answer:
        return self.answer


class Regressions(unittest.TestCase):
    """Requests that once found an error."""

    def test_each_has_all_its_fields(self) -> None:
        for request in fuzz.read_regressions(fuzz.REGRESSIONS):
            with self.subTest(request.get("found")):
                self.assertLessEqual({"found", "method", "path", "expect"}, set(request))
                known = {"found", "as", "method", "path", "headers", "body", "expect", "content_type"}
                self.assertLessEqual(set(request), known)
                self.assertIn(request.get("as", "anyone"), fuzz.CALLERS)
                self.assertTrue(all(isinstance(status, int) and status < 500 for status in request["expect"]))

    def test_another_status_or_content_type_fails(self) -> None:
        request = {"found": "a 500", "method": "GET", "path": "/", "expect": [404]}
        as_problem = {"content-type": "application/problem+json"}

        def send(status: int, headers: dict[str, str]) -> int:
            api: Any = Sent(Answer(status, headers, json.dumps({})))
            return fuzz.replay(api, [request], {})

        self.assertEqual(1, send(404, as_problem))
        with self.assertRaisesRegex(Problem, "answers 500"):
            send(500, as_problem)
        with self.assertRaisesRegex(Problem, "answers with application/json"):
            send(404, {"content-type": "application/json"})


if __name__ == "__main__":
    unittest.main()
