"""A local Stripe: localstripe in a process of its own, with features of Stripe that localstripe lacks.

These are: idempotency keys; refusals of changes that the state of a payment does not allow; the cards of the payment simulator; events;
and two paths for tests, `GET /_config/requests` (all changing requests) and `POST /_config/failures` (idempotency keys whose next
request fails).

Cards fail as they do with Stripe: a failure is stored under the idempotency key of the request and is replayed until the key changes.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from engine.problem import Problem
from engine.stack import PACKAGES
from engine.wait import STALLED_SECONDS, wait_until

PINNED = "1.15.10"
STOP_LIMIT_SECONDS = 5.0  # before it is killed
POLL_SECONDS = 0.05

# The events that the shop subscribes to.
EVENTS = ["payment_intent.amount_capturable_updated", "payment_intent.succeeded", "payment_intent.canceled",
          "payment_intent.payment_failed", "refund.created"]

# Localstripe identifies cards by their numbers. The code of each operation has the rest of their behaviour.
GOOD, DECLINED, ASKS_FOR_MORE = "4242424242424242", "4000000000000341", "4000002500003155"
CARDS = {
    "pm_card_visa": GOOD,
    "pm_card_chargeDeclined": DECLINED,
    "pm_card_authenticationRequired": ASKS_FOR_MORE,
    "pm_card_timeout": GOOD,
    "pm_card_failsOnce": GOOD,
    "pm_card_failsFive": GOOD,
    "pm_card_slow": GOOD,
    "pm_card_captureFail": GOOD,
    "pm_card_refundFail": GOOD,
    "pm_card_refundTimeout": GOOD,
}
FAILURES = {"pm_card_failsOnce": 1, "pm_card_failsFive": 5}
SLOW_SECONDS = 2.0

# The first request with an idempotency key, and its response once there is one.
StoredResponse = tuple[bytes, "tuple[int, bytes] | None"]


@contextmanager
def running(port: int, log: Path) -> Iterator[str]:
    """Runs localstripe until the context ends, and yields its URL."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "engine.stripe", str(port)], env={**os.environ, "PYTHONPATH": str(PACKAGES)},
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_until(lambda: (answers(port), process.poll()), f"localstripe to answer (see {log})",
                   done=lambda seen: seen != (False, None), poll_seconds=POLL_SECONDS)
        if process.poll() is not None:
            raise Problem(f"localstripe does not start; see {log}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_SECONDS)
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether localstripe runs on the port."""
    connection = HTTPConnection("127.0.0.1", port, timeout=STALLED_SECONDS)
    with suppress(OSError, HTTPException), closing(connection):
        connection.request("GET", "/_config/requests")
        return connection.getresponse().status == 200
    return False


def register_webhook(port: int, url: str, secret: str) -> None:
    """Registers `url` as the endpoint of the webhook; its events are signed with `secret`."""
    connection = HTTPConnection("127.0.0.1", port, timeout=STALLED_SECONDS)
    with closing(connection):
        body = json.dumps({"url": url, "secret": secret, "events": EVENTS})
        connection.request("POST", "/_config/webhooks/shop", body, {"content-type": "application/json"})
        if (status := connection.getresponse().status) != 200:
            raise Problem(f"localstripe does not accept the webhook: {status}")


def disable_persistence(resources: Any) -> None:
    """Stops localstripe from writing all its data to a file in /tmp at each change."""
    resources.Store.dump_to_disk = lambda store: None


def add_error_codes(errors: Any) -> None:
    """Adds Stripe's types and codes to the errors."""
    original = errors.UserError.__init__

    def init(error: Any, code: int, message: str | None = None, contents: dict[str, Any] | None = None) -> None:
        original(error, code, message, contents)
        if code == 402:
            error.body["error"]["type"] = "card_error"
        elif code >= 500:
            error.body["error"]["type"] = "api_error"
        elif code == 404:
            error.body["error"].setdefault("code", "resource_missing")

    errors.UserError.__init__ = init


def add_test_cards(resources: Any, user_error: Any) -> None:
    """Adds the test cards above. Other cards are refused as Stripe refuses them."""
    methods = resources.PaymentMethod
    retrieve = methods._api_retrieve

    def find(name: str) -> Any:
        if name in CARDS:
            return methods(type="card", card={"number": CARDS[name], "exp_month": "12", "exp_year": "2030", "cvc": "123"})
        try:
            return retrieve(name)
        except user_error:
            raise user_error(400, f"No such PaymentMethod: '{name}'",
                             {"code": "resource_missing", "param": "payment_method"}) from None

    methods._api_retrieve = staticmethod(find)


def enforce_payment_states(resources: Any, user_error: Any) -> None:
    """Allows a change of a payment only in the states in which Stripe allows it, and sends an event for each change."""
    intents, refunds = resources.PaymentIntent, resources.Refund
    cancel, capture = intents._api_cancel, intents._api_capture
    failures: Counter[str] = Counter()

    def send_event(kind: str, of: Any) -> None:
        resources.schedule_webhook(resources.Event(kind, of))

    def require(intent: Any, *states: str) -> Any:
        if intent.status not in states:
            raise user_error(400, f"The PaymentIntent's status is {intent.status}.", {"code": "payment_intent_unexpected_state"})
        return intent

    def do_confirm(id: str, payment_method: str | None = None) -> Any:
        intent = require(intents._api_retrieve(id), "requires_payment_method", "requires_confirmation")
        if payment_method is not None:
            resources.PaymentMethod._api_retrieve(payment_method)
            intent.payment_method, intent.latest_charge = payment_method, None
        if failures[id] < FAILURES.get(intent.payment_method, 0):
            failures[id] += 1
            raise user_error(500, "Something went wrong at Stripe.")
        intent._confirm(on_failure_now=intent._report_failure)
        if intent.status == "requires_capture":
            send_event("payment_intent.amount_capturable_updated", intent)
        return intent

    def do_capture(id: str, **more: Any) -> Any:
        intent = require(intents._api_retrieve(id), "requires_capture")
        if intent.payment_method == "pm_card_captureFail":
            raise user_error(400, "The authorization has expired.", {"code": "charge_expired_for_capture"})
        return capture(id, **more)

    def do_cancel(id: str) -> Any:
        require(intents._api_retrieve(id), "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
        intent = cancel(id)
        send_event("payment_intent.canceled", intent)
        return intent

    def do_refund(payment_intent: str, amount: str | None = None, **more: Any) -> Any:
        intent = require(intents._api_retrieve(payment_intent), "succeeded")
        charge = intent.latest_charge
        left = charge.amount - charge.amount_refunded
        wanted = left if amount is None else int(amount)
        if intent.payment_method == "pm_card_refundFail":
            raise user_error(400, "The charge is disputed.", {"code": "charge_disputed"})
        if not 0 < wanted <= left:
            raise user_error(400, f"Refund amount ({wanted}) is greater than unrefunded amount ({left}).")
        refund = refunds(payment_intent=payment_intent, amount=wanted, **more)
        send_event("refund.created", refund)
        return refund

    def list_refunds(url: str, payment_intent: str | None = None, charge: str | None = None, **page: Any) -> Any:
        if payment_intent is not None and intents._api_retrieve(payment_intent).latest_charge is None:
            return resources.List(url, limit=page.get("limit"))
        return all_refunds(url, payment_intent=payment_intent, charge=charge, **page)

    all_refunds = refunds._api_list_all
    refunds._api_create, refunds._api_list_all = staticmethod(do_refund), staticmethod(list_refunds)
    # The server reads these from a list once, when it starts.
    changed = {"/confirm": do_confirm, "/capture": do_capture, "/cancel": do_cancel}
    resources.extra_apis[:] = [
        (method, url, changed.get(url.removeprefix("/v1/payment_intents/{id}"), function))
        for method, url, function in resources.extra_apis]


class Gate:
    """A middleware of localstripe that stores responses under idempotency keys, and delays or withholds the responses for some cards."""

    def __init__(self, web: Any, resources: Any) -> None:
        self.web, self.resources = web, resources
        self.kept: dict[tuple[str, str], StoredResponse] = {}
        self.running: set[tuple[str, str]] = set()
        self.to_fail: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[dict[str, str]] = []

    def middleware(self) -> Any:
        async def gate(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
            if request.path == "/_config/requests":
                return self.web.json_response(self.asked)
            if request.path == "/_config/failures":
                self.to_fail.update((await request.json())["keys"])
                return self.web.json_response({})
            if request.method != "POST" or not request.path.startswith("/v1/"):
                return await self._answered(request, handler)
            return await self._once(request, handler)

        return self.web.middleware(gate)

    async def _once(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        body = await request.read()
        key, account = request.headers.get("idempotency-key", ""), request.headers.get("authorization", "")
        self.asked.append({"path": request.path, "key": key, "body": body.decode(),
                           "version": request.headers.get("stripe-version", "")})
        if not key:
            return await self._answered(request, handler)
        words = request.path.encode() + b"?" + body
        first, answer = self.kept.setdefault((account, key), (words, None))
        if first != words:
            return self._refusal(400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters.")
        if answer is not None:
            await self._silence(request, dict(parse_qsl(body.decode())))
            return self._replayed(*answer)
        if (account, key) in self.running:
            return self._refusal(409, "invalid_request_error", "There is another request in progress.", "idempotency_key_in_use")
        self.running.add((account, key))
        try:
            form = dict(parse_qsl(body.decode()))
            if form.get("payment_method") == "pm_card_slow":
                await asyncio.sleep(SLOW_SECONDS)
            response = await self._answered(request, handler)
            if response.status == 401:  # the request was not processed
                del self.kept[account, key]
            else:
                self.kept[account, key] = (words, (response.status, response.body))
        finally:
            self.running.discard((account, key))
        await self._silence(request, form)
        return response

    async def _silence(self, request: Any, form: dict[str, str]) -> None:
        """Never returns if requests with this card are never answered; for a refund, only the first time."""
        if request.path == "/v1/refunds" and request.headers["idempotency-key"] not in self.silent:
            intent = self.resources.store.get(f"payment_intent:{form.get('payment_intent')}")
            if intent is not None and intent.payment_method == "pm_card_refundTimeout":
                self.silent.add(request.headers["idempotency-key"])
                await asyncio.Event().wait()
        if form.get("payment_method") == "pm_card_timeout":
            intent = self.resources.store.get(f"payment_intent:{request.path.split('/')[3]}")
            if intent is not None and intent.status in ("requires_capture", "succeeded"):
                await asyncio.Event().wait()

    async def _answered(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        if request.headers.get("idempotency-key") in self.to_fail:
            self.to_fail.discard(request.headers["idempotency-key"])
            return self._refusal(500, "api_error", "Something went wrong at Stripe.")
        try:
            response = await handler(request)
        except self.web.HTTPException:
            raise
        except Exception as error:  # to the client, any exception of localstripe is an internal error of Stripe
            print(f"{request.method} {request.path}: {error!r}", flush=True)
            response = self._refusal(500, "api_error", "Something went wrong at Stripe.")
        response.headers["request-id"] = f"req_{uuid4().hex[:14]}"
        return response

    def _refusal(self, status: int, kind: str, message: str, code: str | None = None) -> Any:
        error = {"type": kind, "message": message, **({"code": code} if code else {})}
        return self.web.json_response({"error": error}, status=status, headers={"request-id": f"req_{uuid4().hex[:14]}"})

    def _replayed(self, status: int, body: bytes) -> Any:
        headers = {"idempotent-replayed": "true", "request-id": f"req_{uuid4().hex[:14]}"}
        return self.web.Response(status=status, body=body, content_type="application/json", headers=headers)


def main() -> None:
    if version("localstripe") != PINNED:
        raise SystemExit(f"localstripe {version('localstripe')} is installed, stripe.py adds to {PINNED}: run `make .venv`")
    from aiohttp import web
    from localstripe import errors, resources

    disable_persistence(resources)
    add_error_codes(errors)
    add_test_cards(resources, errors.UserError)
    enforce_payment_states(resources, errors.UserError)
    from localstripe import server  # imported last, because it copies what was changed above

    server.app.middlewares.insert(0, Gate(web, resources).middleware())
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, shutdown_timeout=0.5, print=None)


if __name__ == "__main__":
    main()
