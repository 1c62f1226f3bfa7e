"""The meter's units are those of DynamoDB's price list."""

import unittest
from typing import Any

from ministack_engine import meter

TABLE = {"RequestItems": {"orders": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}


def size(item: dict[str, int]) -> int:
    """Returns the size that an item names itself."""
    return item["bytes"]


class Reads(unittest.TestCase):
    def test_an_item_costs_a_unit_for_each_four_kilobytes(self) -> None:
        for found, units in ((1, 1), (4096, 1), (4097, 2)):
            answer = {"Item": {"bytes": found}}
            self.assertEqual(units, meter.read_units("GetItem", {"ConsistentRead": True}, answer, size))
            self.assertEqual(units / 2, meter.read_units("GetItem", {}, answer, size))

    def test_a_missing_item_costs_a_unit(self) -> None:
        self.assertEqual(1, meter.read_units("GetItem", {"ConsistentRead": True}, {}, size))

    def test_a_query_costs_the_total_size_of_its_items(self) -> None:
        answer = {"Items": [{"bytes": 3000}] * 3}
        self.assertEqual(3, meter.read_units("Query", {"ConsistentRead": True}, answer, size))

    def test_each_item_of_a_batch_is_rounded_up_by_itself(self) -> None:
        answer = {"Responses": {"orders": [{"bytes": 10}, {"bytes": 5000}]}}
        self.assertEqual(4, meter.read_units("BatchGetItem", TABLE, answer, size))


class Writes(unittest.TestCase):
    def test_a_transaction_costs_its_conditions_too(self) -> None:
        request: dict[str, Any] = {"TransactItems": [{"Put": {}}, {"ConditionCheck": {}}]}
        answer = {"ConsumedCapacity": [{"CapacityUnits": 3.0}]}
        self.assertEqual(5, meter.write_units("TransactWriteItems", request, 200, answer))

    def test_a_refused_write_costs_too(self) -> None:
        self.assertEqual(4, meter.write_units("TransactWriteItems", {"TransactItems": [{"Put": {}}, {"Put": {}}]}, 400, {}))
        self.assertEqual(1, meter.write_units("PutItem", {}, 400, {}))


if __name__ == "__main__":
    unittest.main()
