"""The buyers of a chaos run keep a valid access token."""

import base64
import json
import time
import unittest
from unittest import mock

from chaos.buyers import Market
from engine.api import Account, Answer, Api
from engine.fault_plan import Plan


def token(seconds: float) -> str:
    """Returns an access token that expires after the given number of seconds."""
    claims = json.dumps({"exp": int(time.time() + seconds)}).encode()
    return ".".join(["header", base64.urlsafe_b64encode(claims).decode().rstrip("="), "signature"])


class Tokens(unittest.TestCase):
    def sent(self, first: str, *answers: tuple[int, str]) -> list[tuple[str, str | None]]:
        """Returns the path and the token of each call that one request of a buyer makes."""
        api = Api("http://localhost:1")
        market = Market(api, Plan(1), Account("admin", "", "", ""), [], 0)
        with mock.patch.object(Api, "call", side_effect=[Answer(status, {}, text) for status, text in answers]) as call:
            market._request(Account("id", "a@b.example", "secret", first), "GET", "/api/v1/orders")
        return [(made.args[1], made.kwargs.get("token")) for made in call.call_args_list]

    def test_a_valid_token_is_used(self) -> None:
        valid = token(600)
        self.assertEqual([("/api/v1/orders", valid)], self.sent(valid, (200, "[]")))

    def test_an_expiring_token_is_replaced(self) -> None:
        fresh = token(900)
        self.assertEqual([("/api/v1/auth/login", None), ("/api/v1/orders", fresh)],
                         self.sent(token(5), (200, json.dumps({"access_token": fresh})), (200, "[]")))


if __name__ == "__main__":
    unittest.main()
