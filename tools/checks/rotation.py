"""Checks on a running stack that signing keys can be rotated while users are logged in.

A token is valid as long as its key is one of `SigningKeys`, and no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.api import Account, Api, token_part
from engine.problem import Problem
from engine.wait import STALLED_SECONDS, wait_until

# The gateway caches an authorizer's result for seconds, and functions of the old deployment may serve requests for a moment.
LIMIT_SECONDS = STALLED_SECONDS
POLL_SECONDS = 0.2

PROFILE = "/api/v1/users/profile"
KEYS = "/api/v1/auth/jwks"

Say = Callable[[str], None]


def check(api: Api, redeploy: Callable[[str], None], say: Say) -> None:
    """Rotates from key A to both keys, then to B alone. `redeploy` takes the template's SigningKeys. The stack is left with B."""
    first = api.customer()
    _require_keys(api, {kid(first.token)}, "with A alone")
    _require_profile(api, first, 200, "with A alone")

    say("SigningKeys=B,A: the old token and a new one")
    redeploy("B,A")
    second = _login_with_another_key(api, first)
    both = {kid(first.token), kid(second.token)}
    _wait("both keys to be published", lambda: _keys(api), both)
    _require_profile(api, first, 200, "a token of A while B signs")
    _require_profile(api, second, 200, "a token of B")

    say("SigningKeys=B: only the new one")
    redeploy("B")
    _wait("the token of A to be refused", lambda: _profile_status(api, first), 401)
    _wait("only B to be published", lambda: _keys(api), {kid(second.token)})
    _require_profile(api, second, 200, "a token of B after A is gone")


def kid(token: str) -> str:
    """Returns the id of the key that signed a token, which is in the token's header."""
    try:
        key: str = token_part(token, 0)["kid"]
        return key
    except (ValueError, KeyError):
        raise Problem("the token of a login has no key id") from None


def _login_with_another_key(api: Api, before: Account) -> Account:
    """Logs in until the token is signed with another key than before."""
    return wait_until(
        lambda: api.log_in(before.email, before.password), "a login that is no longer signed with the old key",
        done=lambda account: kid(account.token) != kid(before.token), progress=lambda account: kid(account.token),
        stalled_seconds=LIMIT_SECONDS, poll_seconds=POLL_SECONDS)


def _wait(what: str, look: Callable[[], Any], wanted: Any) -> None:
    wait_until(look, what, done=lambda found: found == wanted, stalled_seconds=LIMIT_SECONDS, poll_seconds=POLL_SECONDS)


def _keys(api: Api) -> set[str]:
    return {key["kid"] for key in api.call("GET", KEYS).expect(200)["keys"]}


def _require_keys(api: Api, wanted: set[str], when: str) -> None:
    if (found := _keys(api)) != wanted:
        raise Problem(f"{when}, {KEYS} names {sorted(found)}, not {sorted(wanted)}")


def _profile_status(api: Api, account: Account) -> int:
    return api.call("GET", PROFILE, token=account.token).status


def _require_profile(api: Api, account: Account, status: int, when: str) -> None:
    if (found := _profile_status(api, account)) != status:
        raise Problem(f"{when}: GET {PROFILE} answers {found}, not {status}")
