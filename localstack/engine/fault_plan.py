"""The fault plan of `make chaos`: which faults are injected, and when. It depends on the seed alone.

A fault has a site, such as the calls of one operation, the invocations of one function or the deliveries to one consumer. The fault of
the nth of them is a hash of seed, site and n. There is no shared generator, so that the order of threads does not change the faults.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

# Faults of calls come in bursts: the SDK's retries would hide nearly all single ones.
BURST = 8

DYNAMODB_WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
SERVICES = frozenset({"dynamodb", "ses", "sns", "sqs", "states"})

# The calls that functions make most often, for the digest.
OPERATIONS = [*(("dynamodb", operation) for operation in ("BatchGetItem", "GetItem", "Query", *sorted(DYNAMODB_WRITES))),
              ("ses", "POST /v2/email/outbound-emails"), ("sns", "PublishBatch"), ("states", "StartExecution")]

# Consumers with messages that fail at every delivery until the faults are healed. Their queues deliver five times, 36 seconds apart.
POISONED = ("SettleOrder", "OrdersReplicatePayment", "UpdateAvailability")
POISONED_EACH = 2

# The number of occurrences of each site that the digest covers.
DIGESTED = 400


class CallFault(Enum):
    """A fault of a call to AWS."""

    THROTTLED = "throttled"
    FAILED = "answered with 500 or 503"
    CUT_BEFORE = "disconnected before it was processed"
    CUT_AFTER = "disconnected after it was processed"


class DeliveryFault(Enum):
    """A fault of the delivery of a batch to a function."""

    LOST = "lost, then redelivered"
    REPEATED = "delivered twice at once"
    REPEATED_LATER = "delivered again seconds later"
    DELAYED = "delayed"


@dataclass(frozen=True)
class Plan:
    """The faults of one seed."""

    seed: int

    def roll(self, site: str, n: int) -> float:
        """Returns a pseudo-random number from 0 up to 1."""
        digest = hashlib.sha256(f"{self.seed}/{site}/{n}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def between(self, low: float, high: float, site: str, n: int) -> float:
        """Returns a pseudo-random number from `low` up to `high`."""
        return low + (high - low) * self.roll(site, n)

    def call(self, service: str, operation: str, n: int) -> CallFault | None:
        """Returns the fault of the nth call of an operation, if any."""
        if service not in SERVICES:
            return None
        site = f"call/{service}.{operation}"
        is_write = service != "dynamodb" or operation in DYNAMODB_WRITES
        if self.roll(f"{site}/burst", n // BURST) < (0.04 if is_write else 0.02) and self.roll(site, n) < 0.8:
            return CallFault.THROTTLED if service == "dynamodb" else CallFault.FAILED
        return _choose(self.roll(f"{site}/alone", n), [
            (0.004, CallFault.FAILED),
            (0.005, CallFault.CUT_BEFORE),
            (0.010 if is_write else 0.0, CallFault.CUT_AFTER),
        ])

    def kill(self, function: str, n: int) -> float | None:
        """Returns the seconds from the start of a function's nth invocation to the kill of its process; None if it is not killed."""
        site = f"invocation/{function}"
        if self.roll(site, n) >= 0.05:
            return None
        return 0.03 * self.roll(f"{site}/after", n) ** 2  # most work takes a few milliseconds

    def delivery(self, function: str, n: int, from_stream: bool) -> DeliveryFault | None:
        """Returns the fault of the nth delivery to a function, if any."""
        return _choose(self.roll(f"delivery/{function}", n), [
            (0.04, DeliveryFault.LOST),
            (0.04, DeliveryFault.REPEATED),
            (0.04, DeliveryFault.REPEATED_LATER),
            (0.04 if from_stream else 0.0, DeliveryFault.DELAYED),
        ])

    def poisoned(self, function: str) -> frozenset[int]:
        """Returns the numbers of a consumer's poisoned messages, counted by first delivery."""
        if function not in POISONED:
            return frozenset()
        ranks = sorted(range(5, 45), key=lambda n: self.roll(f"poison/{function}", n))
        return frozenset(ranks[:POISONED_EACH])

    def digest(self, functions: Iterable[str]) -> str:
        """Returns a hash of the first faults of all sites. Two runs with the same digest had the same plan."""
        said: list[object] = [[sorted(self.poisoned(function)) for function in POISONED]]
        for function in sorted(functions):
            said += [_named(self.delivery(function, n, stream)) for n in range(DIGESTED) for stream in (False, True)]
            said += [self.kill(function, n) for n in range(DIGESTED)]
        for service, operation in OPERATIONS:
            said += [_named(self.call(service, operation, n)) for n in range(DIGESTED)]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


T = TypeVar("T")


def _choose(roll: float, chances: list[tuple[float, T]]) -> T | None:
    for chance, chosen in chances:
        if roll < chance:
            return chosen
        roll -= chance
    return None


def _named(fault: Enum | None) -> str:
    return fault.name if fault else "-"
