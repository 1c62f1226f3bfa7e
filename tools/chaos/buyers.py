"""The buyers of `make chaos`: they order, pay and cancel, and repeat a request with the same key until it is answered."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from chaos.violations import CheckResult
from engine.api import Account, Answer, Api, token_part
from engine.fault_plan import Plan
from engine.problem import Problem

AT_ONCE = 16
TRIES = 14
LONGEST_WAIT_SECONDS = 3.0

# The simulator's cards by weight; their behaviour is in functions/payments/src/provider/.
CARDS = [("pm_card_visa", 55), ("pm_card_chargeDeclined", 9), ("pm_card_failsOnce", 9), ("pm_card_failsFive", 5), ("pm_card_slow", 4),
         ("pm_card_captureFail", 6), ("pm_card_refundTimeout", 9), ("pm_card_refundFail", 3)]
# The number of orders that are placed first, because a schedule ends those with the following cards minutes later.
EARLY = 50
EARLY_CARDS = [("pm_card_timeout", 12), *CARDS]
# If the provider refuses the refund of a cancelled order, it is retried for more than a day, and then left to an operator.
ONLY_REFUNDED_BY_HAND = {"pm_card_refundFail"}

Step = Callable[[], None]
Later = tuple[float, int, Step]  # time, unique number, step


class Market:
    """All buyers of a run, and a record of what they did. The first `early` orders also use cards
    whose orders a schedule ends minutes later."""

    def __init__(self, api: Api, plan: Plan, admin: Account, products: list[str], orders: int, early: int = EARLY) -> None:
        self.api, self.plan, self.admin, self.products, self.orders = api, plan, admin, products, orders
        self.early = early
        self.accepted: set[str] = set()
        self.unsure: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.contradictions: list[str] = []
        self._tokens: dict[str, str] = {}
        self._numbers = count()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def count(self, what: str) -> None:
        with self._lock:
            self.done[what] += 1

    def open(self, accounts: list[Account]) -> list[threading.Thread]:
        """Starts a thread for each buyer. The threads end when all orders are placed, or when the market is closed."""
        threads = [threading.Thread(target=self._shop, args=(account,), daemon=True) for account in accounts]
        for thread in threads:
            thread.start()
        return threads

    def result(self) -> CheckResult:
        """Returns counts of what the buyers did, and the answers that contradict each other."""
        found = CheckResult("buyers have their answers", Counter(self.done), list(self.contradictions))
        ended = len(self.accepted) + self.unsure.total()
        found.unless(ended == self.orders, f"of {self.orders} orders {ended} were accepted or given up")
        return found

    def close(self) -> None:
        """Stops all buyers."""
        self._stopped.set()

    def _next(self) -> int | None:
        with self._lock:
            number = next(self._numbers)
        return number if number < self.orders and not self._stopped.is_set() else None

    def _shop(self, account: Account) -> None:
        later: list[Later] = []
        ticket = count()
        while (number := self._next()) is not None:
            order = self._place(account, number)
            if order is not None:
                for seconds, step in self._plans(account, number, order):
                    heapq.heappush(later, (time.monotonic() + seconds, next(ticket), step))
            until = time.monotonic() + self.plan.between(1.0, 7.0, "think", number)
            while later and later[0][0] < until and not self._stopped.is_set():
                self._stopped.wait(max(0.0, later[0][0] - time.monotonic()))
                heapq.heappop(later)[2]()
            self._stopped.wait(max(0.0, until - time.monotonic()))
        while later and not self._stopped.is_set():
            self._stopped.wait(max(0.0, later[0][0] - time.monotonic()))
            heapq.heappop(later)[2]()

    def _place(self, account: Account, number: int) -> str | None:
        """Places an order, by POST /checkout or in two steps, and returns its id, if it was accepted."""
        first = int(self.plan.roll("product", number) * len(self.products))
        lines = [{"product_id": self.products[(first + index * 5) % len(self.products)],
                  "quantity": 1 + int(3 * self.plan.roll(f"quantity/{index}", number))}
                 for index in range(1 + int(2.5 * self.plan.roll("lines", number)))]
        way = self.plan.roll("way", number)
        body: dict[str, Any] = {"items": lines}
        path = "/api/v1/orders"
        if way < 0.6:
            path, body["payment_method"] = "/api/v1/checkout", self._card(number)
        key = f"order-{number}"
        if self.plan.roll("hangs up", number) < 0.12:
            hang_up(self.api.origin, path, body, self._tokens.get(account.id, account.token), key)
            self.count("connections closed before the answer")
        answer = self._request(account, "POST", path, body, key)
        if answer is None or answer.status != 201:
            self.count("orders given up without an answer")
            if answer is not None:
                self.contradictions.append(f"order number {number} was answered with {answer.status} {answer.text[:200]}")
            with self._lock:
                self.unsure[account.id] += 1
            return None
        order: str = answer.json()["id"]
        with self._lock:
            self.accepted.add(order)
        if self.plan.roll("asks again", number) < 0.1:
            again = self._request(account, "POST", path, body, key)
            if again is not None and (again.status != 201 or again.json()["id"] != order):
                self.contradictions.append(f"order {order}: the repeated request was answered with {again.status} {again.text[:200]}")
            self.count("accepted orders requested again with the same key")
        self.count("orders placed by POST /checkout" if way < 0.6 else "orders placed by POST /orders")
        if way >= 0.6 and (number >= self.early or way < 0.96):  # some of the first orders stay unpaid
            self._pay(account, number, order, answer.json()["total_amount"], by_payments=way >= 0.8)
        return order

    def _card(self, number: int) -> str:
        cards = EARLY_CARDS if number < self.early else CARDS
        if not self._may_be_refunded_by_hand(number):
            cards = [(card, weight) for card, weight in cards if card not in ONLY_REFUNDED_BY_HAND]
        at = self.plan.roll("card", number) * sum(weight for _, weight in cards)
        for card, weight in cards:
            at -= weight
            if at < 0:
                return card
        return cards[-1][0]

    def _pay(self, account: Account, number: int, order: str, total: str, by_payments: bool) -> None:
        if by_payments:
            body = {"order_id": order, "amount": total, "method": self._card(number)}
            answer = self._request(account, "POST", "/api/v1/payments", body, f"pay-{number}")
            if answer is not None and answer.status == 202:
                self.count("orders paid by POST /payments")
                return
        # The payments context may not have its replica of the order yet.
        body = {"payment_method": self._card(number)}
        answer = self._request(account, "POST", f"/api/v1/orders/{order}/payment", body, f"pay-order-{number}")
        paid = answer is not None and answer.status == 202
        self.count("orders paid by POST /orders/{id}/payment" if paid else "orders whose payment was refused")

    def _plans(self, account: Account, number: int, order: str) -> list[tuple[float, Step]]:
        """Returns the later steps with an order, each with its delay in seconds."""
        fate, after = self.plan.roll("fate", number), self.plan.between(0.0, 5.0, "fate/after", number)
        if fate < 0.14:
            return [(after, partial(self._cancel, account, order))]
        if self._may_be_refunded_by_hand(number):
            part = "1.00" if fate < 0.22 else None
            return [(3 + after, partial(self._refund, number, order, part))]
        if fate < 0.42:
            steps = ("processing", "shipped", "delivered")[: 1 + int(3 * self.plan.roll("steps", number))]
            moves: list[tuple[float, Step]] = [(4 + after + 2 * index, partial(self._move, order, step))
                                               for index, step in enumerate(steps)]
            if len(steps) == 1:  # cancelled while it is packed
                moves.append((8 + after, partial(self._cancel, account, order)))
            if len(steps) == 3:  # refunded after its delivery
                moves.append((12 + after, partial(self._refund, number, order, None)))
            return moves
        return []

    def _may_be_refunded_by_hand(self, number: int) -> bool:
        """Whether an administrator may refund the order. Nobody cancels such an order."""
        return 0.14 <= self.plan.roll("fate", number) < 0.30

    def _cancel(self, account: Account, order: str) -> None:
        answer = self._request(account, "DELETE", f"/api/v1/orders/{order}")
        self.count(f"cancellations {_answered(answer)}")

    def _move(self, order: str, step: str) -> None:
        answer = self._request(self.admin, "PUT", f"/api/v1/orders/{order}/status", {"status": step})
        self.count(f"changes of status {_answered(answer)}")

    def _refund(self, number: int, order: str, amount: str | None) -> None:
        found = self._request(self.admin, "GET", f"/api/v1/orders/{order}")
        payment = found.json().get("payment_id") if found is not None and found.status == 200 else None
        if payment is None:
            self.count("refunds without a payment")
            return
        body = {"payment_id": payment, "reason": "chaos", **({"amount": amount} if amount else {})}
        answer = self._request(self.admin, "POST", "/api/v1/payments/refund", body, f"refund-{number}")
        self.count(f"refunds {_answered(answer)}")

    def _token(self, account: Account) -> str:
        """Returns an access token that is valid for at least a minute, because on a slow machine a run takes longer than a token lasts."""
        token = self._tokens.get(account.id, account.token)
        if token_part(token, 1)["exp"] > time.time() + 60:
            return token
        login = self.api.call("POST", "/api/v1/auth/login", {"email": account.email, "password": account.password})
        if login.status == 200:
            token = self._tokens[account.id] = login.json()["access_token"]
            self.count("logins because a token expired")
        return token

    def _request(self, account: Account, method: str, path: str, body: Any = None, key: str | None = None) -> Answer | None:
        """Sends a request, with the same key each time, until its answer is final."""
        headers = {"idempotency-key": key} if key else {}
        for tried in range(TRIES):
            try:
                answer = self.api.call(method, path, body, token=self._token(account), headers=headers)
                if not _is_temporary(answer, path):
                    return answer
                self.count(f"requests answered with {answer.status} and repeated")
            except Problem:
                self.count("requests without an answer that were repeated")
            if self._stopped.wait(min(0.2 * 2**tried, LONGEST_WAIT_SECONDS)):
                return None
        return None


def _answered(answer: Answer | None) -> str:
    return f"answered with {answer.status}" if answer else "without an answer"


def _is_temporary(answer: Answer, path: str) -> bool:
    """Whether the same request may succeed in a moment: a failure, a concurrent change, or a replica that is not there yet."""
    if answer.status >= 500 or answer.status == 429:
        return True
    code = json.loads(answer.text).get("code") if answer.status in (404, 409) else None
    return code == "busy" or (code == "not_found" and path == "/api/v1/payments")


def hang_up(origin: str, path: str, body: Any, token: str, key: str) -> None:
    """Sends a request and closes the connection without waiting for the answer."""
    place = urlsplit(origin)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=5)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "idempotency-key": key}
    try:
        connection.request("POST", path, json.dumps(body), headers)
    except OSError:
        pass  # the buyer does not wait for this answer anyway
    finally:
        connection.close()
