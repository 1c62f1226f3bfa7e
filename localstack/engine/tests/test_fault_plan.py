"""The fault plan of `make chaos`: the same seed gives the same faults in any order, another seed gives other faults."""

import random
import unittest

from engine.fault_plan import POISONED, POISONED_EACH, CallFault, DeliveryFault, Plan

FUNCTIONS = ["CountOrders", "SettleOrder", "PlaceOrder"]


def faults_of(plan: Plan, asked: list[tuple[str, int]]) -> dict[tuple[str, int], object]:
    """Returns the faults of calls, invocations and deliveries, requested in this order."""
    found: dict[tuple[str, int], object] = {}
    for site, n in asked:
        found[site, n] = (plan.call("dynamodb", site, n), plan.kill(site, n), plan.delivery(site, n, from_stream=n % 2 == 0))
    return found


class Plans(unittest.TestCase):
    def test_the_faults_of_a_seed_do_not_depend_on_the_order_of_requests(self) -> None:
        asked = [(site, n) for site in ("PutItem", "SettleOrder") for n in range(500)]
        shuffled = random.Random(7).sample(asked, len(asked))
        self.assertEqual(faults_of(Plan(3), asked), faults_of(Plan(3), shuffled))
        self.assertEqual(Plan(3).digest(FUNCTIONS), Plan(3).digest(FUNCTIONS[::-1]))

    def test_another_seed_has_other_faults(self) -> None:
        asked = [("PutItem", n) for n in range(500)]
        self.assertNotEqual(faults_of(Plan(3), asked), faults_of(Plan(4), asked))
        self.assertNotEqual(Plan(3).digest(FUNCTIONS), Plan(4).digest(FUNCTIONS))

    def test_every_kind_of_fault_occurs(self) -> None:
        plan, many = Plan(1), range(3000)
        self.assertEqual({plan.call("dynamodb", "PutItem", n) for n in many}, {None, *CallFault})
        self.assertEqual({plan.delivery("OrdersPublish", n, from_stream=True) for n in many}, {None, *DeliveryFault})
        self.assertNotIn(DeliveryFault.DELAYED, {plan.delivery("SettleOrder", n, from_stream=False) for n in many})
        killed = [after for n in many if (after := plan.kill("PlaceOrder", n)) is not None]
        self.assertTrue(killed and all(0 <= after <= 0.03 for after in killed))
        self.assertTrue(all(len(plan.poisoned(function)) == POISONED_EACH for function in POISONED))
        self.assertFalse(plan.poisoned("PlaceOrder"))

    def test_a_read_is_never_cut_after_it_was_processed(self) -> None:
        self.assertNotIn(CallFault.CUT_AFTER, {Plan(1).call("dynamodb", "GetItem", n) for n in range(3000)})


if __name__ == "__main__":
    unittest.main()
