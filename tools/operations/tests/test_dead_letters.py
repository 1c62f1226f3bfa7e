"""Dead letters stay unchanged when they are read, are sent before they are deleted, and are never lost."""

import argparse
import json
import unittest
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from engine.problem import Problem
from operations import dead_letters, dead_letters_cli, reasons
from operations.dead_letters import DeadLetters

EVENT = {"event_type": "OrderPlaced", "source": "orders", "subject": "an order", "correlation_id": "a request"}


class Sqs:
    """Two queues and a topic in memory, with operations that may fail."""

    def __init__(self, bodies: list[str]) -> None:
        self.dead: list[dict[str, Any]] = [{"MessageId": f"m{index}", "ReceiptHandle": f"r{index}", "Body": body, "MessageAttributes": {
            "event_type": {"DataType": "String", "StringValue": "OrderPlaced"}},
            "Attributes": {"SentTimestamp": str(1000 + index), "ApproximateReceiveCount": "5"}} for index, body in enumerate(bodies)]
        self.hidden: set[str] = set()
        self.sent: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        self.deletes = True

    def receive_message(self, **_: Any) -> dict[str, Any]:
        seen = [message for message in self.dead if message["ReceiptHandle"] not in self.hidden][:10]
        self.hidden |= {message["ReceiptHandle"] for message in seen}
        return {"Messages": seen} if seen else {}

    def change_message_visibility_batch(self, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803, boto3's name
        self.hidden -= {entry["ReceiptHandle"] for entry in Entries}

    def send_message_batch(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803, boto3's name
        taken = [entry for entry in Entries if entry["MessageBody"] not in self.refused]
        self.sent += taken
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]}

    def delete_message_batch(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803, boto3's name
        if not self.deletes:
            raise ConnectionError("the program dies here")
        gone = {entry["ReceiptHandle"] for entry in Entries}
        self.dead = [message for message in self.dead if message["ReceiptHandle"] not in gone]
        return {}

    def publish(self, **message: Any) -> None:
        self.sent.append(message)


def aws(sqs: Sqs, lines: list[dict[str, Any]] | None = None) -> Any:
    pages = SimpleNamespace(paginate=lambda **_: [{"events": lines or []}])
    return SimpleNamespace(endpoint="", sqs=sqs, sns=sqs, logs=SimpleNamespace(get_paginator=lambda _: pages))


def queue(source_url: str | None = "source") -> DeadLetters:
    return DeadLetters("StartCheckout", "dead", source_url, 0, {"orders": "the topic"}, "logs")


def error(at: int, message_id: str, why: str) -> dict[str, Any]:
    return {"timestamp": at, "message": json.dumps({"level": "ERROR", "message": "it failed", "error": why, "message_id": message_id})}


class Reading(unittest.TestCase):
    def test_reading_does_not_change_messages(self) -> None:
        sqs = Sqs([json.dumps(EVENT), "broken"])
        first, second = dead_letters.read(aws(sqs), queue())
        self.assertEqual(("OrderPlaced", "a request", "an order", 5),
                         (first.event_type, first.correlation_id, first.subject, first.received))
        self.assertEqual((None, None, None), (second.event_type, second.correlation_id, second.subject))
        self.assertEqual((2, set()), (len(sqs.dead), sqs.hidden))

    def test_the_reason_is_the_last_error_of_that_message(self) -> None:
        lines = [error(3, "m0", "later"), error(1, "m0", "earlier"), error(2, "m1", "another"),
                 {"timestamp": 4, "message": json.dumps({"level": "INFO", "message": "consumed m0"})},
                 {"timestamp": 5, "message": "END m0"}]
        letters = dead_letters.read(aws(Sqs(["a", "b", "c"]), lines), queue())
        self.assertEqual(["it failed: later", "it failed: another", reasons.NOT_LOGGED], [letter.reason for letter in letters])

    def test_a_reference_to_a_stream_contains_its_reason(self) -> None:
        body = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"batchSize": 3, "streamArn": "arn"}}
        [letter] = dead_letters.read(aws(Sqs([json.dumps(body)])), queue(source_url=None))
        self.assertEqual("a publisher gave up 3 records of arn: RetryAttemptsExhausted", letter.reason)


class Redriving(unittest.TestCase):
    def test_all_messages_are_sent_with_their_attributes(self) -> None:
        sqs = Sqs([json.dumps(EVENT)] * 23)
        self.assertEqual(23, dead_letters.redrive(aws(sqs), queue()))
        self.assertEqual((23, []), (len(sqs.sent), sqs.dead))
        self.assertEqual({"event_type": {"DataType": "String", "StringValue": "OrderPlaced"}}, sqs.sent[0]["MessageAttributes"])

    def test_only_named_messages_are_redriven(self) -> None:
        sqs = Sqs(["a", "b", "c"])
        self.assertEqual(1, dead_letters.redrive(aws(sqs), queue(), ["m1"]))
        self.assertEqual((["b"], ["a", "c"]), ([sent["MessageBody"] for sent in sqs.sent], [message["Body"] for message in sqs.dead]))

    def test_nothing_is_redriven_if_a_named_message_is_missing(self) -> None:
        sqs = Sqs(["a"])
        with self.assertRaisesRegex(Problem, "no message m7"):
            dead_letters.redrive(aws(sqs), queue(), ["m0", "m7"])
        self.assertEqual(([], 1, set()), (sqs.sent, len(sqs.dead), sqs.hidden))

    def test_a_crash_between_sending_and_deleting_loses_no_message(self) -> None:
        sqs = Sqs(["a", "b"])
        sqs.deletes = False
        with self.assertRaises(ConnectionError):
            dead_letters.redrive(aws(sqs), queue())
        self.assertEqual((2, 2, set()), (len(sqs.sent), len(sqs.dead), sqs.hidden))

    def test_messages_that_the_queue_refuses_stay(self) -> None:
        sqs = Sqs(["a", "b"])
        sqs.refused = {"a"}
        with self.assertRaisesRegex(Problem, "1 messages were not accepted"):
            dead_letters.redrive(aws(sqs), queue())
        self.assertEqual(["a"], [message["Body"] for message in sqs.dead])

    def test_an_unpublished_event_is_published_and_another_message_stays(self) -> None:
        sqs = Sqs([json.dumps(EVENT), "broken", json.dumps({**EVENT, "source": "elsewhere"}), json.dumps({"DDBStreamBatchInfo": {}})])
        self.assertEqual(1, dead_letters.redrive(aws(sqs), queue(source_url=None)))
        [sent] = sqs.sent
        self.assertEqual("the topic", sent["TopicArn"])
        self.assertEqual({"event_type": "OrderPlaced", "source": "orders"},
                         {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()})
        self.assertEqual(3, len(sqs.dead))

    def test_batches_are_neither_too_long_nor_too_large(self) -> None:
        def sizes(*lengths: int) -> list[int]:
            return [len(batch) for batch in dead_letters._batches([{"Body": "x" * length} for length in lengths])]
        self.assertEqual([], sizes())
        self.assertEqual([10, 10, 3], sizes(*[10] * 23))
        self.assertEqual([2, 1, 2], sizes(100_000, 100_000, 100_000, 200_000, 1))


class Dropping(unittest.TestCase):
    def test_named_or_all_messages_are_dropped(self) -> None:
        sqs = Sqs(["a", "b", "c"])
        self.assertEqual(1, dead_letters.drop(aws(sqs), queue(), ["m1"]))
        self.assertEqual(["a", "c"], [message["Body"] for message in sqs.dead])
        self.assertEqual(2, dead_letters.drop(aws(sqs), queue(), None))
        self.assertEqual(([], []), (sqs.dead, sqs.sent))


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    dead_letters_cli.add_arguments(parser)
    return parser.parse_args(arguments)


class CommandLine(unittest.TestCase):
    def test_the_default_action_is_list(self) -> None:
        self.assertEqual(vars(parsed("list")), vars(parsed()))

    def test_an_age_has_one_unit(self) -> None:
        now = datetime(2026, 1, 2, tzinfo=timezone.utc)
        for seconds, said in ((0, "0 s"), (59, "59 s"), (60, "1 min"), (7_300, "2 h"), (200_000, "2 d"), (-5, "0 s")):
            self.assertEqual(said, dead_letters_cli.age(now - timedelta(seconds=seconds), now))
        self.assertEqual("-", dead_letters_cli.age(None))

    def test_redrive_and_drop_require_a_consumer(self) -> None:
        for arguments in (["redrive"], ["redrive", "StartCheckout", "--all"], ["show", "--id", "m0"], ["show", "Nobody"]):
            with self.subTest(arguments), self.assertRaises(Problem):
                dead_letters_cli._chosen([queue()], parsed(*arguments))
        self.assertEqual([queue()], dead_letters_cli._chosen([queue()], parsed("show", "startcheckout")))


if __name__ == "__main__":
    unittest.main()
