"""Copies of orders have keys of their own, and share all other attributes with the original."""

import unittest
import uuid
from types import SimpleNamespace
from typing import Any

from ministack_engine import growth

ORDER, ALICE = "01a20012-39fa-72c6-91af-dfa87876398c", "01930000-0000-7001-8000-000000000001"


def text(value: str) -> dict[str, str]:
    return {"S": value}


def stored_order() -> dict[str, Any]:
    """Returns a table with one order: its first event, its payment, and its view."""
    event: dict[str, Any] = {"pk": text(f"ORDER#{ORDER}"), "sk": text("EVENT#000001"), "envelope": text("{…}"),
             "actor": {"M": {"user_id": text(ALICE)}}}
    payment: dict[str, Any] = {"pk": text(f"ORDER#{ORDER}"), "sk": text("PAYMENT"), "version": {"N": "1"}}
    view: dict[str, Any] = {"pk": text(f"USER#{ALICE}"), "sk": text(f"ORDER#{ORDER}"), "id": text(ORDER), "user_id": text(ALICE),
            "gsi1pk": text("STATUS#paid#0"), "gsi1sk": text(ORDER), "lines": {"L": []}}
    items: dict[str, dict[str, Any]] = {}
    for item in (event, payment, view):
        items.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
    return {"items": items, "ItemCount": 3}


class Copies(unittest.TestCase):
    def setUp(self) -> None:
        self.table = stored_order()
        self.engine = SimpleNamespace(_tables={"orders": self.table}, _set_item=self.set_item)

    def set_item(self, table: dict[str, Any], pk: str, sk: str, item: dict[str, Any]) -> None:
        self.assertNotIn(sk, table["items"].get(pk, {}), "a copy is not written over another")
        table["items"].setdefault(pk, {})[sk] = item
        table["ItemCount"] += 1

    def test_a_copy_is_an_order_of_another_user_with_its_own_keys(self) -> None:
        event, payment, view = growth.copies(growth.items_of(self.table, ORDER), "01890000-0000-7000-8000-00000000000a", "bob")
        self.assertEqual(event["pk"], payment["pk"])
        self.assertEqual(event["pk"], text("ORDER#01890000-0000-7000-8000-00000000000a"))
        self.assertEqual((view["pk"], view["sk"]), (text("USER#bob"), event["pk"]))
        self.assertEqual((view["id"], view["gsi1sk"]), (text("01890000-0000-7000-8000-00000000000a"),) * 2)
        self.assertEqual((view["user_id"], view["gsi1pk"]), (text("bob"), text("STATUS#paid#2")))

    def test_attributes_that_are_not_keys_are_shared(self) -> None:
        of = growth.items_of(self.table, ORDER)
        for copy, item in zip(growth.copies(of, str(uuid.uuid4()), "bob"), of, strict=True):
            for name in item.keys() - {"pk", "sk", "id", "user_id", "gsi1pk", "gsi1sk"}:
                self.assertIs(copy[name], item[name])

    def test_the_requested_number_of_copies_is_made_and_the_original_stays(self) -> None:
        self.assertEqual(growth.fill(self.engine, "orders", [ORDER], 25), 3 * 26)
        self.assertEqual(self.table["items"][f"USER#{ALICE}"][f"ORDER#{ORDER}"], stored_order()["items"][f"USER#{ALICE}"][f"ORDER#{ORDER}"])
        users = [len(orders) for pk, orders in self.table["items"].items() if pk.startswith("USER#") and ALICE not in pk]
        self.assertEqual(users, [10, 10, 5])
        ids = [item["id"]["S"] for orders in self.table["items"].values() for item in orders.values() if "id" in item]
        self.assertEqual({uuid.UUID(id).version for id in ids}, {7})


if __name__ == "__main__":
    unittest.main()
