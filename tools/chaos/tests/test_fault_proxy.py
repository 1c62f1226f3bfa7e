"""The proxy between functions and the engine identifies calls, and each fault has the effect that its name says."""

import threading
import unittest
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

from chaos import fault_proxy
from engine import proxy
from engine.fault_plan import CallFault, Plan
from engine.wait import STALLED_SECONDS


class Calls(unittest.TestCase):
    def test_calls_are_identified_by_service_and_operation(self) -> None:
        scope = b"authorization: AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-central-1/%s/aws4_request, x\r\n"
        dynamodb = b"POST / HTTP/1.1\r\n" + scope % b"dynamodb" + b"X-Amz-Target: DynamoDB_20120810.PutItem\r\n\r\n"
        sns = b"POST / HTTP/1.1\r\n" + scope % b"sns" + b"content-type: application/x-www-form-urlencoded\r\n\r\n"
        ses = b"POST /v2/email/outbound-emails HTTP/1.1\r\n" + scope % b"ses" + b"content-type: application/json\r\n\r\n"
        self.assertEqual(fault_proxy.call_of(dynamodb, b"{}"), ("dynamodb", "PutItem"))
        self.assertEqual(fault_proxy.call_of(sns, b"Action=PublishBatch&Version=1"), ("sns", "PublishBatch"))
        self.assertEqual(fault_proxy.call_of(ses, b"{}"), ("ses", "POST /v2/email/outbound-emails"))


class Aws(BaseHTTPRequestHandler):
    """An engine that counts the requests that it has processed."""

    protocol_version = "HTTP/1.1"
    done = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Aws.done += 1
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


class Proxied(unittest.TestCase):
    def meet(self, fault: CallFault | None) -> tuple[int | None, str, int]:
        """Returns the status (None if the connection is cut) and the body of a transaction with a fault, and how often it was processed."""
        Aws.done = 0
        engine = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
        threading.Thread(target=engine.serve_forever, daemon=True).start()
        try:
            with mock.patch.object(Plan, "call", return_value=fault), proxy.running(
                    fault_proxy.FaultProxy(engine.server_address[1], Plan(1))) as faults:
                faults.armed = True
                connection = HTTPConnection("127.0.0.1", faults.port, timeout=STALLED_SECONDS)
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

    def test_each_fault_has_its_effect(self) -> None:
        self.assertEqual(self.meet(None), (200, "{}", 1))
        status, said, done = self.meet(CallFault.THROTTLED)
        self.assertTrue(status == 400 and ("Throttling" in said or "Throughput" in said) and done == 0, said)
        self.assertEqual(self.meet(CallFault.FAILED)[::2], (500, 0))
        self.assertEqual(self.meet(CallFault.CUT_BEFORE), (None, "", 0))
        self.assertEqual(self.meet(CallFault.CUT_AFTER), (None, "", 1))


if __name__ == "__main__":
    unittest.main()
