"""The faults of a plan are injected as planned, and no others."""

from typing import Any
from unittest import mock

from engine.fault_plan import Plan
from ministack_engine.fault_injection import MAX_LOSSES, FaultInjector


class Function:
    """A function that records the ids of the messages in each of its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        self.batches.append([record["messageId"] for record in event["Records"]])
        return {"body": {"batchItemFailures": []}}


def message(id: str, receives: int = 1) -> dict[str, Any]:
    return {"messageId": id, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": str(receives)}}


def test_a_poisoned_message_fails_until_it_is_healed_and_others_do_not() -> None:
    injector, function = FaultInjector(Plan(1)), Function()
    injector.poisoned["SettleOrder"].add("b")
    event = {"Records": [message("a"), message("b")]}
    result = injector.deliver("SettleOrder", event, function)
    assert function.batches == [["a"]]
    assert result["body"]["batchItemFailures"] == [{"itemIdentifier": "b"}]
    injector.healed = True
    injector.deliver("SettleOrder", event, function)
    assert function.batches[-1] == ["a", "b"]


def test_nothing_happens_unless_the_injector_is_armed() -> None:
    injector, function = FaultInjector(Plan(1)), Function()
    for _ in range(300):
        injector.deliver("SettleOrder", {"Records": [message("a")]}, function)
    assert (len(function.batches), dict(injector.happened)) == (300, {})


def test_a_message_is_not_lost_again_and_again() -> None:
    injector, function = FaultInjector(Plan(1)), Function()
    injector.armed = True
    with mock.patch("threading.Timer"):
        for _ in range(300):
            injector.deliver("CountOrders", {"Records": [message("a", receives=MAX_LOSSES + 1)]}, function)
    assert len(function.batches) >= 300
