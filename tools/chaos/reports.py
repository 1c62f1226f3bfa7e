"""Reads the API's reports of orders and money, which the audit compares with the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from chaos.table_snapshot import Tables, minor


def read(get: Callable[[str], Any], tables: Tables) -> dict[str, Any]:
    """Reads the reports and counters of all days that have events. `get` calls the API as an administrator."""
    days = sorted({event["timestamp"][:10] for event in tables.events.values()})
    span, months = f"from={days[0]}&to={days[-1]}", f"from={days[0][:7]}&to={days[-1][:7]}"
    daily = get(f"/api/v1/analytics/orders/daily?{span}")["items"]
    products = get(f"/api/v1/analytics/products/top?{span}&limit=100")["items"]
    monthly = get(f"/api/v1/analytics/revenue/monthly?{months}")["items"]
    orders, payments = get("/api/v1/orders/stats")["by_status"], get("/api/v1/payments/stats")
    return {
        "days": {day["day"]: day for day in daily},
        "products": {product["product_id"]: product["quantity"] for product in products},
        "revenue": {name: sum(minor(amount) for month in monthly for amount in month[name]) for name in ("gross", "refunded")},
        "payments": {name: sum(minor(amount) for amount in payments[of]["totals"])
                     for name, of in (("gross", "captured"), ("refunded", "refunded"))},
        "by_status": Counter({each["status"]: each["orders"] for each in orders if each["orders"]}),
    }
