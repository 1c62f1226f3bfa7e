"""Calls to the API of a deployed stack, and the accounts that the checks make for themselves."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from engine.problem import Problem

# Of every account that a check makes; nobody else has a reason to know it, and no log one to hold it.
PASSWORD = "made for a check, 7 lemons"

# No answer comes later than this: the gateway has given up long before.
ANSWER_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        """The body, which has to be JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise Problem(f"an answer with status {self.status} is not JSON: {self.text[:200]}") from None

    def expect(self, status: int) -> Any:
        """The body, if the status is the expected one."""
        if self.status != status:
            raise Problem(f"the API answered {self.status} where {status} was expected: {self.text[:300]}")
        return self.json()


@dataclass(frozen=True)
class Account:
    """Somebody's account, and the access token of one login."""

    id: str
    email: str
    password: str
    token: str


class _From(HTTPHandler):
    """Calls from another address of this machine."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def http_open(self, request: Request) -> Any:
        return self.do_open(partial(HTTPConnection, source_address=(self._source, 0)), request)


class Api:
    """The API at `origin`, such as `http://127.0.0.1:4566`; paths are whole.

    `source` is the address to call from, `answer_limit` how many seconds a request may stay without an answer.
    """

    def __init__(self, origin: str, source: str | None = None, answer_limit: float = ANSWER_LIMIT_SECONDS) -> None:
        self.origin, self._answer_limit = origin.rstrip("/"), answer_limit
        self._opener = build_opener(ProxyHandler({}), *([_From(source)] if source else []))

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None,
             headers: dict[str, str] | None = None) -> Answer:
        """Sends a request. A body that is text is sent as it is, anything else as JSON."""
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
        """A new customer, logged in."""
        body = registration()
        self.call("POST", "/api/v1/auth/register", body).expect(201)
        return self.log_in(body["email"], body["password"])

    def admin(self, seeded: dict[str, str]) -> Account:
        """A new administrator, made by the one that the seed made."""
        first = self.log_in(seeded["email"], seeded["password"])
        body = {**registration(), "role": "admin"}
        self.call("POST", "/api/v1/users", body, token=first.token).expect(201)
        return self.log_in(body["email"], body["password"])

    def log_in(self, email: str, password: str) -> Account:
        """A login."""
        found = self.call("POST", "/api/v1/auth/login", {"email": email, "password": password}).expect(200)
        return Account(found["user"]["id"], email, password, found["access_token"])


def registration() -> dict[str, str]:
    """What makes a new account, unlike any other."""
    name = f"check-{uuid.uuid4().hex[:16]}"
    return {"email": f"{name}@example.com", "username": name, "password": PASSWORD}


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read().decode("utf-8", "replace"))
