"""The data of an audit, and the result of a check with its violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chaos.table_snapshot import Event, Item, Tables

# The status that each event gives an order, and the statuses that it can follow.
STEPS: dict[str, tuple[str, set[str]]] = {
    "OrderPlaced": ("pending", {""}),
    "CheckoutStarted": ("pending", {"pending"}),
    "OrderConfirmed": ("paid", {"pending"}),
    "OrderProcessing": ("processing", {"paid"}),
    "OrderShipped": ("shipped", {"processing"}),
    "OrderDelivered": ("delivered", {"shipped"}),
    "OrderCancelled": ("cancelled", {"pending", "paid", "processing"}),
    "OrderRefunded": ("refunded", {"cancelled", "delivered"}),
}


@dataclass
class CheckResult:
    """The result of a check: counts of what it has checked, and the violations that it found."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def unless(self, holds: bool, violation: str) -> None:
        """Adds a violation unless the condition holds."""
        if not holds:
            self.violations.append(violation)


@dataclass
class Shop:
    """All data that is audited. `accepted` has the orders that the API accepted, `unsure` how many more orders each user may have."""

    tables: Tables
    accepted: set[str] = field(default_factory=set)
    unsure: Counter[str] = field(default_factory=Counter)
    older_orders: set[str] = field(default_factory=set)
    older_events: set[str] = field(default_factory=set)
    stock: dict[str, int] = field(default_factory=dict)
    received: dict[str, Event] = field(default_factory=dict)
    mails: list[Item] = field(default_factory=list)
    shown: dict[str, Item] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)

    @property
    def orders(self) -> dict[str, list[Event]]:
        """The logs of the orders of this run."""
        return {order: log for order, log in self.tables.logs.items() if order not in self.older_orders}


def status(log: Iterable[Event]) -> str:
    """Returns the status of an order according to its log, or an empty string if the log is impossible."""
    now = ""
    for event in log:
        becomes, may = STEPS[event["event_type"]]
        if now not in may:
            return ""
        now = becomes
    return now


def is_sold(log: Iterable[Event]) -> bool:
    """Whether the order is sold, so that its pieces belong to the customer."""
    types = [event["event_type"] for event in log]
    return "OrderConfirmed" in types and "OrderCancelled" not in types
