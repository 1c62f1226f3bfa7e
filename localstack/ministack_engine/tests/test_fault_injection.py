"""What goes wrong inside the engine does so as the plan has it, and nothing else."""

import unittest
from unittest import mock

from engine.fault_plan import Plan
from ministack_engine.fault_injection import MOST_LOSSES, Mishaps, logical


def message(id: str, receives: int = 1) -> dict[str, object]:
    return {"messageId": id, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": str(receives)}}


class Engine(unittest.TestCase):
    def test_a_poisoned_message_fails_until_it_is_healed_and_the_others_do_not(self) -> None:
        mishaps, seen = Mishaps(Plan(1)), []
        mishaps.poisoned["SettleOrder"].add("b")
        event = {"Records": [message("a"), message("b")]}

        def invoke(batch: dict[str, object]) -> dict[str, object]:
            seen.append([record["messageId"] for record in batch["Records"]])
            return {"body": {"batchItemFailures": []}}

        done = mishaps.deliver("SettleOrder", event, invoke)
        self.assertEqual((seen, done["body"]["batchItemFailures"]), ([["a"]], [{"itemIdentifier": "b"}]))
        mishaps.healed = True
        mishaps.deliver("SettleOrder", event, invoke)
        self.assertEqual(seen[-1], ["a", "b"])

    def test_nothing_happens_unless_it_is_armed(self) -> None:
        mishaps, times = Mishaps(Plan(1)), []
        for _ in range(300):
            mishaps.deliver("SettleOrder", {"Records": [message("a")]}, lambda batch: times.append(1) or {"body": None})
        self.assertEqual((len(times), dict(mishaps.happened)), (300, {}))

    def test_a_message_is_not_lost_again_and_again(self) -> None:
        mishaps, times = Mishaps(Plan(1)), []
        mishaps.armed = True
        often = {"Records": [message("a", receives=MOST_LOSSES + 1)]}
        with mock.patch("threading.Timer"):
            for _ in range(300):
                mishaps.deliver("CountOrders", often, lambda batch: times.append(1) or {"body": None})
        self.assertGreaterEqual(len(times), 300)

    def test_a_function_is_known_by_its_name_in_the_template(self) -> None:
        self.assertEqual(logical("waybill-PlaceOrder-9D60391C5540F"), "PlaceOrder")


if __name__ == "__main__":
    unittest.main()
