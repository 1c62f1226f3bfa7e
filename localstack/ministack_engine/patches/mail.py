"""Fixes of SES: a mail is sent before SES answers."""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any

from ministack_engine.patching import Engine

SMTP_TIMEOUT_SECONDS = 3


def send_mail_before_answering(engine: Engine) -> None:
    """Has SendEmail answer when the mail server has accepted the mail: with ServiceUnavailableException if the server
    does not answer, as SES does when it fails, and with BadRequestException if it refuses the address. MiniStack
    answers first and loses a mail that the server does not accept."""
    ses, ses_v2 = engine.module("services.ses"), engine.module("services.ses_v2")
    handle = ses_v2.handle_request

    def relay(source: str, recipients: list[str], message: str) -> None:
        host, port = ses._parse_smtp_host()
        with smtplib.SMTP(host, port, local_hostname="localhost", timeout=SMTP_TIMEOUT_SECONDS) as server:
            server.sendmail(source, recipients, message)

    def send(*arguments: Any) -> Any:
        try:
            return asyncio.run(handle(*arguments))
        except smtplib.SMTPRecipientsRefused:
            return ses_v2._json_err("BadRequestException", "The mail server refuses the address.")
        except (OSError, smtplib.SMTPException):
            return ses_v2._json_err("ServiceUnavailableException", "The mail server does not answer.", 503)

    async def handle_request(method: str, path: str, *rest: Any) -> Any:
        if path.rstrip("/") == "/v2/email/outbound-emails":
            return await asyncio.to_thread(send, method, path, *rest)  # it waits, and the event loop must not
        return await handle(method, path, *rest)

    engine.replace(ses_v2, "_smtp_relay", relay)
    engine.replace(ses_v2, "handle_request", handle_request)
