"""The plan of a run of `make chaos`: the same seed brings the same faults, another seed others, whoever comes first."""

import random
import threading
import unittest
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import faultproxy
import proxy
from faults import POISONED, POISONED_EACH, CallFault, DeliveryFault, Plan
from mishaps import MOST_LOSSES, Mishaps, logical

FUNCTIONS = ["CountOrders", "SettleOrder", "PlaceOrder"]


def faults_of(plan: Plan, asked: list[tuple[str, int]]) -> dict[tuple[str, int], object]:
    """What befalls calls, invocations and deliveries, asked for in this order."""
    found: dict[tuple[str, int], object] = {}
    for site, n in asked:
        found[site, n] = (plan.call("dynamodb", site, n), plan.kill(site, n), plan.delivery(site, n, from_stream=n % 2 == 0))
    return found


class Plans(unittest.TestCase):
    def test_a_seed_says_all_whoever_asks_first(self) -> None:
        asked = [(site, n) for site in ("PutItem", "SettleOrder") for n in range(500)]
        shuffled = random.Random(7).sample(asked, len(asked))
        self.assertEqual(faults_of(Plan(3), asked), faults_of(Plan(3), shuffled))
        self.assertEqual(Plan(3).digest(FUNCTIONS), Plan(3).digest(FUNCTIONS[::-1]))

    def test_another_seed_has_other_faults(self) -> None:
        asked = [("PutItem", n) for n in range(500)]
        self.assertNotEqual(faults_of(Plan(3), asked), faults_of(Plan(4), asked))
        self.assertNotEqual(Plan(3).digest(FUNCTIONS), Plan(4).digest(FUNCTIONS))

    def test_every_kind_of_fault_comes(self) -> None:
        plan, many = Plan(1), range(3000)
        self.assertEqual({plan.call("dynamodb", "PutItem", n) for n in many}, {None, *CallFault})
        self.assertEqual({plan.delivery("OrdersPublish", n, from_stream=True) for n in many}, {None, *DeliveryFault})
        self.assertNotIn(DeliveryFault.DELAYED, {plan.delivery("SettleOrder", n, from_stream=False) for n in many})
        killed = [after for n in many if (after := plan.kill("PlaceOrder", n)) is not None]
        self.assertTrue(killed and all(0 <= after <= 0.03 for after in killed))
        self.assertTrue(all(len(plan.poisoned(function)) == POISONED_EACH for function in POISONED))
        self.assertFalse(plan.poisoned("PlaceOrder"))

    def test_what_was_done_is_never_undone_by_a_read(self) -> None:
        self.assertNotIn(CallFault.CUT_AFTER, {Plan(1).call("dynamodb", "GetItem", n) for n in range(3000)})


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


class Calls(unittest.TestCase):
    def test_calls_are_known_by_service_and_operation(self) -> None:
        scope = b"authorization: AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-central-1/%s/aws4_request, x\r\n"
        dynamodb = b"POST / HTTP/1.1\r\n" + scope % b"dynamodb" + b"X-Amz-Target: DynamoDB_20120810.PutItem\r\n\r\n"
        sns = b"POST / HTTP/1.1\r\n" + scope % b"sns" + b"content-type: application/x-www-form-urlencoded\r\n\r\n"
        ses = b"POST /v2/email/outbound-emails HTTP/1.1\r\n" + scope % b"ses" + b"content-type: application/json\r\n\r\n"
        self.assertEqual(faultproxy.call_of(dynamodb, b"{}"), ("dynamodb", "PutItem"))
        self.assertEqual(faultproxy.call_of(sns, b"Action=PublishBatch&Version=1"), ("sns", "PublishBatch"))
        self.assertEqual(faultproxy.call_of(ses, b"{}"), ("ses", "POST /v2/email/outbound-emails"))


class Aws(BaseHTTPRequestHandler):
    """An engine that counts what it did."""

    protocol_version = "HTTP/1.1"
    done = 0

    def do_POST(self) -> None:  # noqa: N802, http.server's name
        self.rfile.read(int(self.headers["content-length"]))
        Aws.done += 1
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Stays silent."""


class Proxied(unittest.TestCase):
    def meet(self, fault: CallFault | None) -> tuple[int | None, str, int]:
        """The status of a transaction that meets a fault, none if the connection is cut; the answer, and how often it was done."""
        Aws.done = 0
        engine = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
        threading.Thread(target=engine.serve_forever, daemon=True).start()
        try:
            with mock.patch.object(Plan, "call", return_value=fault), proxy.running(
                    faultproxy.FaultProxy(engine.server_address[1], Plan(1))) as faults:
                faults.armed = True
                connection = HTTPConnection("127.0.0.1", faults.port, timeout=10)
                headers = {"authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-central-1/dynamodb/aws4_request",
                           "x-amz-target": "DynamoDB_20120810.TransactWriteItems"}
                try:
                    connection.request("POST", "/", '{"TransactItems": [{}, {}]}', headers)
                    answer = connection.getresponse()
                    return answer.status, answer.read().decode(), Aws.done
                except (HTTPException, ConnectionError):
                    return None, "", Aws.done
                finally:
                    connection.close()
        finally:
            engine.shutdown()
            engine.server_close()

    def test_each_fault_is_what_it_says(self) -> None:
        self.assertEqual(self.meet(None), (200, "{}", 1))
        status, said, done = self.meet(CallFault.THROTTLED)
        self.assertTrue(status == 400 and ("Throttling" in said or "Throughput" in said) and done == 0, said)
        self.assertEqual(self.meet(CallFault.FAILED)[::2], (500, 0))
        self.assertEqual(self.meet(CallFault.CUT_BEFORE), (None, "", 0))
        self.assertEqual(self.meet(CallFault.CUT_AFTER), (None, "", 1))


if __name__ == "__main__":
    unittest.main()
