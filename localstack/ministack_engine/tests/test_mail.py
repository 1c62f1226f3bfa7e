"""The patches of SES."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from engine import stack
from ministack_engine.patches.mail import send_mail_before_answering
from ministack_engine.patching import Engine
from ministack_engine.tests.support import assert_needed

SENDER, CUSTOMER, NOBODY = "orders@waybill.example", "alice@waybill.example", "nobody@waybill.example"


class MailServer:
    """Accepts mail to all addresses except NOBODY."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
            self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if address == NOBODY:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as before
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=stack.free_port())
    controller.start()
    monkeypatch.setenv("SMTP_HOST", f"127.0.0.1:{controller.port}")
    yield server
    controller.stop()


@pytest.fixture
def closed_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_HOST", f"127.0.0.1:{stack.free_port()}")


def send(engine: Engine, recipient: str) -> tuple[int, str]:
    """Sends a mail, and returns the status and the name of the error, if any."""
    ses_v2 = engine.module("services.ses_v2")

    def call(path: str, body: dict[str, Any]) -> Any:
        return asyncio.run(ses_v2.handle_request("POST", path, {}, json.dumps(body).encode(), {}))

    call("/v2/email/identities", {"EmailIdentity": SENDER})
    content = {"Simple": {"Subject": {"Data": "Paid"}, "Body": {"Text": {"Data": "Thank you."}}}}
    status, _, body = call("/v2/email/outbound-emails", {
        "FromEmailAddress": SENDER, "Destination": {"ToAddresses": [recipient]}, "Content": content})
    return status, json.loads(body).get("name", "")


def test_send_mail_before_answering_fits(engine: Engine, mail_server: MailServer) -> None:
    send_mail_before_answering(engine)
    assert send(engine, CUSTOMER) == (200, "")
    assert mail_server.recipients == [CUSTOMER], "the mail is there when SES answers"
    assert send(engine, NOBODY) == (400, "BadRequestException")


@pytest.mark.usefixtures("closed_mail_server")
def test_an_outage_of_the_mail_server_is_an_error_of_ses(engine: Engine) -> None:
    send_mail_before_answering(engine)
    assert send(engine, CUSTOMER) == (503, "ServiceUnavailableException")


@pytest.mark.usefixtures("closed_mail_server")
def test_send_mail_before_answering_is_needed(engine: Engine) -> None:
    assert_needed("send_mail_before_answering", send(engine, CUSTOMER) == (200, ""))
