"""Shows on a running stack that the rate limits hold: it is deployed once more with small ones, and clients call too often."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.api import PASSWORD, Account, Answer, Api, registration
from engine.problem import Problem

# Small enough to meet, and slow enough to refill that a slow machine meets them too.
PARAMETERS = {"RegisterLimit": "3/3600", "LoginLimit": "5/3600", "WriteLimit": "4/3600"}

Say = Callable[[str], None]


def check(api_at: Callable[[str], Api], admin: dict[str, str], redeploy: Callable[[dict[str, str]], None], say: Say) -> None:
    """`api_at` gives the API as called from a loopback address. The stack is left with the small limits."""
    shop, elsewhere, third = (api_at(f"127.0.0.{last}") for last in (21, 22, 23))
    customer, another, hasty = shop.customer(), shop.customer(), shop.customer()
    # A product of its own: those of the seed may have been archived by whoever was here before.
    owner = api_at("127.0.0.24").log_in(admin["email"], admin["password"])
    mug = {"name": "Mug", "category": "Kitchen", "price": "12.50"}
    product = api_at("127.0.0.24").call("POST", "/api/v1/products", mug, token=owner.token).expect(201)
    redeploy(PARAMETERS)

    say("registrations, by address")
    _until_refused("registrations", 3, lambda: shop.call("POST", "/api/v1/auth/register", registration()), 201)
    elsewhere.call("POST", "/api/v1/auth/register", registration()).expect(201)

    say("logins, by address, whoever logs in")
    wrong = lambda: shop.call("POST", "/api/v1/auth/login", {"email": _email(), "password": PASSWORD})
    _until_refused("logins", 5, wrong, 401)
    elsewhere.log_in(customer.email, customer.password)

    say("writes, by user: an order, which is counted in its own transaction")
    order = {"product_id": product["id"], "quantity": 1}
    place = lambda who: lambda: third.call("POST", "/api/v1/orders", order, token=who.token)
    _until_refused("writes", 4, place(customer), 201)
    _require_orders(third, customer, 4)
    place(another)().expect(201)

    say("writes, by user: a profile")
    rename = lambda who: lambda: third.call("PUT", "/api/v1/users/profile", {"full_name": "Another"}, token=who.token)
    _until_refused("writes", 4, rename(customer), 200)
    third.call("GET", "/api/v1/users/profile", token=customer.token).expect(200)
    rename(another)().expect(200)

    say("twenty at once: four orders, four changes of a profile")
    _require_orders(third, hasty, _let_through(4, 201, place(hasty)))
    _let_through(4, 200, rename(hasty))

    say("an answer that was given before is given again, though nothing is left")
    key = {"idempotency-key": str(uuid.uuid4())}
    again = lambda: third.call("POST", "/api/v1/orders", order, token=another.token, headers=key)
    first = again().expect(201)
    _until_refused("writes", 2, place(another), 201)
    if again().expect(201) != first:
        raise Problem("a replayed order differs from the first answer")
    third.log_in(admin["email"], admin["password"])


def _until_refused(limit: str, count: int, call: Callable[[], Answer], status: int) -> None:
    """`count` calls go through and tell what is left; the next one does not."""
    for left in reversed(range(count)):
        answer = call()
        answer.expect(status)
        _require(answer, f'"{limit}";r={left};', str(left))
    refused = call()
    problem = refused.expect(429)
    if problem["code"] != "rate_limited" or refused.headers["content-type"] != "application/problem+json":
        raise Problem(f"a refusal for {limit} is no problem of that kind: {problem}")
    _require(refused, f'"{limit}";r=0;', "0")
    wait = int(refused.headers["retry-after"])
    if not 0 < wait <= 3600 // count + 1:
        raise Problem(f"Retry-After of {limit} is {wait} s, though a token comes back after {3600 // count} s")


def _let_through(count: int, status: int, call: Callable[[], Answer]) -> int:
    """Of twenty calls at the same moment `count` go through, or one less, for the clock of each counts and one may be a moment
    behind; the others are refused. How many it were."""
    with ThreadPoolExecutor(20) as clients:
        statuses = Counter(answer.status for answer in clients.map(lambda _: call(), range(20)))
    if statuses[status] not in (count - 1, count) or statuses[status] + statuses[429] != 20:
        raise Problem(f"of twenty calls at once {count} should go through; the answers were {dict(statuses)}")
    return statuses[status]


def _require(answer: Answer, ratelimit: str, remaining: str) -> None:
    told, left = answer.headers.get("ratelimit", "none"), answer.headers.get("ratelimit-remaining", "none")
    if not told.startswith(ratelimit) or left != remaining:
        raise Problem(f"RateLimit is {told}, RateLimit-Remaining {left}, where {ratelimit}… and {remaining} were expected")


def _require_orders(api: Api, account: Account, count: int) -> None:
    orders = api.call("GET", "/api/v1/orders?limit=100", token=account.token).expect(200)["items"]
    if len(orders) != count:
        raise Problem(f"there are {len(orders)} orders of a customer who was let place {count}")


def _email() -> str:
    return f"nobody-{uuid.uuid4().hex[:16]}@example.com"
