"""A client of the deployed HTTP API, and the accounts that the checks create."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from engine.problem import Problem

# The password of every account that a check creates. The check of the logs fails if it finds it.
PASSWORD = "made for a check, 7 lemons"

# The timeout of a request. The gateway times out long before.
ANSWER_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Answer:
    """A response of the API. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        """Returns the body, and fails if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise Problem(f"an answer with status {self.status} is not JSON: {self.text[:200]}") from None

    def expect(self, status: int) -> Any:
        """Returns the JSON body, and fails if the status is not the expected one."""
        if self.status != status:
            raise Problem(f"the API answered {self.status} where {status} was expected: {self.text[:300]}")
        return self.json()


@dataclass(frozen=True)
class Account:
    """A user account with the access token of one login."""

    id: str
    email: str
    password: str
    token: str


class _From(HTTPHandler):
    """An HTTP handler that connects from a given local address."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def http_open(self, request: Request) -> Any:
        return self.do_open(partial(HTTPConnection, source_address=(self._source, 0)), request)


class Api:
    """A client of the API at `origin`, such as `http://127.0.0.1:4566`. Paths are absolute.

    `source` is the local address to call from, `answer_limit` the timeout of a request in seconds.
    """

    def __init__(self, origin: str, source: str | None = None, answer_limit: float = ANSWER_LIMIT_SECONDS) -> None:
        self.origin, self._answer_limit = origin.rstrip("/"), answer_limit
        self._opener = build_opener(ProxyHandler({}), *([_From(source)] if source else []))

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None,
             headers: dict[str, str] | None = None) -> Answer:
        """Sends a request. A string is sent as the body unchanged, anything else as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        content = None
        if body is not None:
            sent.setdefault("content-type", "application/json")
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = Request(self.origin + path, data=content, headers=sent, method=method)
        try:
            with self._opener.open(request, timeout=self._answer_limit) as response:
                return _answer(response)
        except HTTPError as refusal:
            with refusal:
                return _answer(refusal)
        except (URLError, OSError) as error:
            raise Problem(f"{method} {path}: the API does not answer: {error}") from None

    def customer(self) -> Account:
        """Registers a customer and logs in."""
        body = registration()
        self.call("POST", "/api/v1/auth/register", body).expect(201)
        return self.log_in(body["email"], body["password"])

    def admin(self, seeded: dict[str, str]) -> Account:
        """Creates an administrator as the seeded one, and logs in."""
        first = self.log_in(seeded["email"], seeded["password"])
        body = {**registration(), "role": "admin"}
        self.call("POST", "/api/v1/users", body, token=first.token).expect(201)
        return self.log_in(body["email"], body["password"])

    def log_in(self, email: str, password: str) -> Account:
        """Logs in and returns the account with its access token."""
        found = self.call("POST", "/api/v1/auth/login", {"email": email, "password": password}).expect(200)
        return Account(found["user"]["id"], email, password, found["access_token"])


def token_part(token: str, number: int) -> dict[str, Any]:
    """Returns the header (0) or the claims (1) of an access token, without verifying it. Raises ValueError if it is not JSON."""
    text = token.split(".")[number]
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return part


def registration() -> dict[str, str]:
    """Returns the registration data of a new account. Its names are unique."""
    name = f"check-{uuid.uuid4().hex[:16]}"
    return {"email": f"{name}@example.com", "username": name, "password": PASSWORD}


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read().decode("utf-8", "replace"))
