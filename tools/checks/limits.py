"""Checks the rate limits of a running stack: deploys it again with small limits, and exceeds them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.api import PASSWORD, Account, Answer, Api, registration
from engine.problem import Problem

# Small enough to be reached, and refilled so slowly that a slow machine reaches them too.
PARAMETERS = {"RegisterLimit": "3/3600", "LoginLimit": "5/3600", "WriteLimit": "4/3600"}

Say = Callable[[str], None]


def check(api_at: Callable[[str], Api], admin: dict[str, str], redeploy: Callable[[dict[str, str]], None], say: Say) -> None:
    """Exceeds each limit. `api_at` returns a client that calls from the given loopback address. The stack keeps the small limits."""
    shop, elsewhere, third = (api_at(f"127.0.0.{last}") for last in (21, 22, 23))
    customer, another, hasty = shop.customer(), shop.customer(), shop.customer()
    # A new product: earlier checks may have archived those of the seed.
    owner = api_at("127.0.0.24").log_in(admin["email"], admin["password"])
    mug = {"name": "Mug", "category": "Kitchen", "price": "12.50"}
    product = api_at("127.0.0.24").call("POST", "/api/v1/products", mug, token=owner.token).expect(201)
    order = {"product_id": product["id"], "quantity": 1}

    def log_in_wrongly() -> Answer:
        return shop.call("POST", "/api/v1/auth/login", {"email": _email(), "password": PASSWORD})

    def place(customer: Account, headers: dict[str, str] | None = None) -> Answer:
        return third.call("POST", "/api/v1/orders", order, token=customer.token, headers=headers)

    def rename(customer: Account) -> Answer:
        return third.call("PUT", "/api/v1/users/profile", {"full_name": "Another"}, token=customer.token)

    redeploy(PARAMETERS)

    say("registrations, by address")
    _until_refused("registrations", 3, lambda: shop.call("POST", "/api/v1/auth/register", registration()), 201)
    elsewhere.call("POST", "/api/v1/auth/register", registration()).expect(201)

    say("logins, by address, for all accounts together")
    _until_refused("logins", 5, log_in_wrongly, 401)
    elsewhere.log_in(customer.email, customer.password)

    say("writes, by user: an order, which is counted in its own transaction")
    _until_refused("writes", 4, lambda: place(customer), 201)
    _require_orders(third, customer, 4)
    place(another).expect(201)

    say("writes, by user: a profile")
    _until_refused("writes", 4, lambda: rename(customer), 200)
    third.call("GET", "/api/v1/users/profile", token=customer.token).expect(200)
    rename(another).expect(200)

    say("twenty requests at once: four orders, four changes of a profile")
    _require_orders(third, hasty, _let_through(4, 201, lambda: place(hasty)))
    _let_through(4, 200, lambda: rename(hasty))

    say("a stored response is replayed though the limit is reached")
    key = {"idempotency-key": str(uuid.uuid4())}
    first = place(another, key).expect(201)
    _until_refused("writes", 2, lambda: place(another), 201)
    if place(another, key).expect(201) != first:
        raise Problem("a replayed order differs from the first answer")
    third.log_in(admin["email"], admin["password"])


def _until_refused(limit: str, count: int, call: Callable[[], Answer], status: int) -> None:
    """Makes `count` calls, which have to succeed and say how many are left, and one more, which has to be refused."""
    for left in reversed(range(count)):
        answer = call()
        answer.expect(status)
        _require(answer, f'"{limit}";r={left};', str(left))
    refused = call()
    problem = refused.expect(429)
    if problem["code"] != "rate_limited" or refused.headers["content-type"] != "application/problem+json":
        raise Problem(f"the refusal for {limit} has an unexpected problem document: {problem}")
    _require(refused, f'"{limit}";r=0;', "0")
    wait = int(refused.headers["retry-after"])
    if not 0 < wait <= 3600 // count + 1:
        raise Problem(f"Retry-After of {limit} is {wait} s, though a token comes back after {3600 // count} s")


def _let_through(count: int, status: int, call: Callable[[], Answer]) -> int:
    """Makes twenty calls at the same moment, and returns how many succeeded; all others have to be refused.

    `count` have to succeed, or one less: each function uses its own clock, and one clock may be slightly behind.
    """
    with ThreadPoolExecutor(20) as clients:
        statuses = Counter(answer.status for answer in clients.map(lambda _: call(), range(20)))
    if statuses[status] not in (count - 1, count) or statuses[status] + statuses[429] != 20:
        raise Problem(f"of twenty calls at once {count} should succeed; the answers were {dict(statuses)}")
    return statuses[status]


def _require(answer: Answer, ratelimit: str, remaining: str) -> None:
    header, left = answer.headers.get("ratelimit", "none"), answer.headers.get("ratelimit-remaining", "none")
    if not header.startswith(ratelimit) or left != remaining:
        raise Problem(f"RateLimit is {header}, RateLimit-Remaining {left}, where {ratelimit}… and {remaining} were expected")


def _require_orders(api: Api, account: Account, count: int) -> None:
    orders = api.call("GET", "/api/v1/orders?limit=100", token=account.token).expect(200)["items"]
    if len(orders) != count:
        raise Problem(f"there are {len(orders)} orders of a customer who was allowed to place {count}")


def _email() -> str:
    return f"nobody-{uuid.uuid4().hex[:16]}@example.com"
