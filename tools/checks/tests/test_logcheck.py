"""The check of the logs finds secrets of each kind, and passes for a correct log."""

import contextlib
import io
import json
import re
import tempfile
import unittest
from pathlib import Path

from checks import logcheck
from engine import api, seed
from engine.problem import Problem
from engine.stack import ROOT

SEEDED = seed.read(ROOT / "localstack" / "seed.json")

RESPONDED = {"function": "waybill-PlaceOrder-0A1B", "level": "INFO", "target": "lambda::http", "message": "responded",
            "timestamp": "2026-01-02T03:04:05.678901Z", "name": "request", "route": "POST /api/v1/orders", "status": 201,
            "correlation_id": "01930000-0000-7004-8000-000000000001", "duration_ms": 3,
            "user_id": "01930000-0000-7001-8000-000000000001"}
METRIC = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "Waybill", "Dimensions": [["route"]],
                                                          "Metrics": [{"Name": "http_request_total", "Unit": "Count"}]}]}}


def logged(**fields: object) -> str:
    return "PlaceOrder\t" + json.dumps({**RESPONDED, **fields})


def kinds_in(*lines: str) -> list[str]:
    return [violation.kind for violation in logcheck.violations(lines, SEEDED)]


class Violations(unittest.TestCase):
    """The violations in lines."""

    def test_a_correct_log_passes(self) -> None:
        lines = [logged(), logged(message="consumed", event_type="UserRegistered"), logged(due="2026-01-02T03:04:05+01:00", at="+0000"),
                 "Checkout\t" + json.dumps(METRIC),
                 logged(route="GET /api/v1/products/{product_id}", error="the store failed: dispatch failure"),
                 logged(message="a field named \"password\" was too short", product_id="01930000-0000-7002-8000-000000000001",
                        role="admin")]
        self.assertEqual([], kinds_in(*lines))

    def test_each_kind_is_found(self) -> None:
        token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl-_"
        for kind, secret in [
            ("an access token", f"Bearer {token}"),
            ("a refresh token", "refused wbr_AbC-123"),
            ("a password's hash", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
            ("a key of the payment provider", "Bearer sk_test_replace_me"),
            ("a key of the payment provider", "signed with whsec_AbC123"),
            ("a password", "local-alice-Pa55word"),
            ("a password", "login with a long password"),
            ("a password", api.PASSWORD),
            ("an e-mail address", "sent to carol.jones+shop@mail.example.org"),
            ("a phone number", "sent to +4915112345667"),
            ("a phone number", "to:+14155550123, and another"),
            ("a device's token", "fcm-registration:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"),
            ("a person's name", "hello, Diana Dean"),
            ("a person's name", "user bob"),
            ("a request's body", '{"items":[{"product_id"'),
            ("a request's body", '{"phone_number": "x"}'),
            ("a request's body", '{"email": 1, "password": "x"'),
        ]:
            with self.subTest(kind, secret=secret):
                self.assertIn(kind, kinds_in(logged(detail=secret)))
                self.assertIn(kind, kinds_in(logged(deep=[{"in": {secret: 1}}])))

    def test_a_body_is_found_as_json_and_as_text(self) -> None:
        body = {"items": [{"product_id": "x", "quantity": 1}]}
        self.assertEqual(["a request's body"], kinds_in(logged(body=body)))
        self.assertEqual(["a request's body"], kinds_in(logged(event=json.dumps({"body": json.dumps(body)}))))

    def test_an_escape_hides_nothing(self) -> None:
        self.assertEqual(["an e-mail address"], kinds_in(logged(detail="a@b.example").replace("@", "\\u0040")))

    def test_lines_that_are_no_objects_are_found(self) -> None:
        panic = ["thread 'main' panicked at functions/users/src/lib.rs:1:1:", "note: run with `RUST_BACKTRACE=1`",
                 "   3: tokio::runtime"]
        other = ["no such thing", "[1]", ""]
        lines = [f"Login\t{text}" for text in [*panic, *other]]
        self.assertEqual(["a panic"] * 3 + ["not a JSON object"] * 3, kinds_in(*lines))

    def test_a_panic_that_the_engine_causes_is_no_violation(self) -> None:
        panic = ["", "thread 'main' (8834) panicked at lambda_runtime-1.5.0/src/types.rs:176:10:",
                 "missing lambda-runtime-aws-request-id header", "stack backtrace:"]
        stopped = [f"Login\t{text}" for text in panic]
        other = [f"Logout\t{text}" for text in panic if not text.startswith("missing")]
        self.assertEqual([], kinds_in(logged(), *stopped, logged()))
        self.assertEqual([], kinds_in(*stopped))
        interleaved = [line for pair in zip(stopped, other, strict=False) for line in pair]
        self.assertEqual(["not a JSON object", "a panic", "a panic"], kinds_in(*interleaved))
        ours = "Login\tthread 'main' panicked at functions/users/src/lib.rs:1:1:"
        self.assertEqual(["not a JSON object", "a panic", "not a JSON object", "a panic", "a panic"], kinds_in(*stopped, ours))
        self.assertEqual(["an e-mail address"], kinds_in(*stopped, "Login\tcarol@example.com"))

    def test_an_environment_that_the_engine_ends_is_no_violation(self) -> None:
        refused = '("tcp connect error", 127.0.0.1:35379, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }))'
        self.assertEqual([], kinds_in(f"CountOrders\tError: hyper_util::client::legacy::Error(Connect, ConnectError{refused}"))
        self.assertEqual(["not a JSON object"], kinds_in(f"CountOrders\tError: DispatchFailure(ConnectError{refused}"))

    def test_a_violation_names_the_place_and_never_the_text(self) -> None:
        found = list(logcheck.violations([logged(), logged(detail="a long password")], SEEDED))
        self.assertEqual(["line 2, PlaceOrder: a password"], [str(violation) for violation in found])


class Logs(unittest.TestCase):
    """The result of a whole log."""

    def check(self, text: str) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
            log = Path(folder) / "functions.log"
            log.write_text(text, encoding="utf-8")
            return logcheck.check(log, SEEDED), printed.getvalue()

    def test_a_clean_log_passes(self) -> None:
        self.assertEqual((2, ""), self.check(f"{logged()}\n{logged()}\n"))

    def test_an_empty_log_fails(self) -> None:
        with self.assertRaisesRegex(Problem, "no function has logged"):
            self.check("")

    def test_a_log_with_a_secret_fails(self) -> None:
        with self.assertRaisesRegex(Problem, "has 2 lines"):
            self.check(f"{logged(detail='a@b.example')}\n{logged()}\nLogin\tHello\n")


class Passwords(unittest.TestCase):
    """The check looks for the passwords that the journeys use."""

    def test_every_password_of_the_journeys_is_known(self) -> None:
        sources = [*(ROOT / "tests").glob("**/*.rs"), *(ROOT / "shared/testkit").glob("**/*.rs")]
        self.assertTrue(sources)
        texts = [path.read_text(encoding="utf-8") for path in sources]
        # "password": "…", new_password: "…", and the last text in a call of a function that takes one
        used = {found for text in texts for found in re.findall(r'password"?:\s*"([^"]{8,})"', text)}
        used |= {found for text in texts for found in re.findall(r'"([^"]*\bpassword)"\s*[,)}]', text) if " " in found}
        self.assertEqual(set(), used - set(logcheck.JOURNEY_PASSWORDS))


if __name__ == "__main__":
    unittest.main()
