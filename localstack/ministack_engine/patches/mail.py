"""A mail is sent before SES answers."""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any


def send_mail_before_answering(ses: Any, ses_v2: Any) -> None:
    """Has SendEmail answer once the mail server has the mail: with 503 where that does not answer, as SES does when it fails, and with
    BadRequestException where that refuses the address. The engine relays mail behind its answer and loses what is not taken."""
    handle = ses_v2.handle_request

    def relay(source: str, recipients: list[str], message: str) -> None:
        host, port = ses._parse_smtp_host()
        with smtplib.SMTP(host, port, local_hostname="localhost", timeout=3) as server:
            server.sendmail(source, recipients, message)

    def send(*arguments: Any) -> Any:
        try:
            return asyncio.run(handle(*arguments))
        except smtplib.SMTPRecipientsRefused:
            return ses_v2._json_err("BadRequestException", "Nobody lives there.")
        except (OSError, smtplib.SMTPException):
            return ses_v2._json_err("ServiceUnavailableException", "The mail server does not answer.", 503)

    async def handle_request(method: str, path: str, *rest: Any) -> Any:
        if path.rstrip("/") == "/v2/email/outbound-emails":
            return await asyncio.to_thread(send, method, path, *rest)  # it waits, and the event loop must not
        return await handle(method, path, *rest)

    ses_v2._smtp_relay, ses_v2.handle_request = relay, handle_request
