"""A mail server with a web page that shows its mails. It receives every mail of the stack; none leaves the machine.

`GET /` lists the mails and `GET /messages/{id}` shows one; `GET /api/messages[?to=address]` and `GET /api/messages/{id}` return the
same as JSON. `DELETE /api/messages` empties the inbox. `PUT /api/smtp` with `{"up": false}` closes the mail server to simulate an outage,
and with `{"up": true}` opens it again. Mail to `.invalid` is refused.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

CAPACITY = 10_000


@dataclass(frozen=True)
class Mail:
    """A received mail, reduced to what the inbox shows."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    received_at: str
    text: str
    html: str

    def summary(self) -> dict[str, Any]:
        """Returns the mail as the list shows it."""
        return {"id": self.id, "from": self.sender, "to": list(self.recipients), "subject": self.subject,
                "received_at": self.received_at}

    def full(self) -> dict[str, Any]:
        """Returns the mail with its bodies."""
        return {**self.summary(), "text": self.text, "html": self.html}


class Mailbox:
    """The received mails. When there are `CAPACITY`, each new one replaces the oldest."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=CAPACITY)
        self._ids = count(1)

    def add(self, content: bytes, recipients: list[str]) -> None:
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self._mails.append(Mail(
            id=str(next(self._ids)),
            sender=str(message.get("From", "")),
            recipients=tuple(recipients),
            subject=str(message.get("Subject", "")),
            received_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            text=_body(message, "plain"),
            html=_body(message, "html"),
        ))

    def newest_first(self, to: str | None = None) -> list[Mail]:
        return [mail for mail in reversed(list(self._mails)) if to is None or to in mail.recipients]

    def get(self, mail_id: str) -> Mail | None:
        return next((mail for mail in list(self._mails) if mail.id == mail_id), None)

    def clear(self) -> None:
        self._mails.clear()

    async def handle_RCPT(  # noqa: N802, aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address.lower().endswith(".invalid"):  # reserved by RFC 2606: no such domain exists
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802, aiosmtpd's name
        self.add(envelope.content, envelope.rcpt_tos)
        return "250 OK"


class Smtp:
    """The mail server of a mailbox. It can be closed."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self._mailbox, self._port = mailbox, port
        self._running: Controller | None = None
        self._lock = threading.Lock()

    def set(self, up: bool) -> None:
        """Opens or closes the mail server. A closed one refuses connections."""
        with self._lock:
            if up and self._running is None:
                self._running = Controller(self._mailbox, hostname="127.0.0.1", port=self._port)
                self._running.start()
            elif not up and self._running is not None:
                self._running.stop()
                self._running = None


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return part.get_content() if isinstance(part, EmailMessage) else ""


STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd}
iframe{width:100%;height:28rem;border:1px solid #ddd}pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}
"""


def _page(title: str, content: str) -> str:
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
            f"<style>{STYLE}</style><h1>{escape(title)}</h1>{content}</html>")


def list_page(mails: list[Mail]) -> str:
    """Returns the page of all mails, newest first."""
    rows = "".join(
        f'<tr><td><a href="/messages/{mail.id}">{escape(mail.subject) or "(no subject)"}</a></td>'
        f"<td>{escape(', '.join(mail.recipients))}</td><td>{escape(mail.received_at)}</td></tr>"
        for mail in mails)
    table = f"<table><tr><th>Subject</th><th>To</th><th>Received</th></tr>{rows}</table>"
    return _page("Inbox", table if mails else "<p>No mail yet. Check out an order and reload.</p>")


def message_page(mail: Mail) -> str:
    """Returns the page of one mail. Its HTML is in a sandboxed frame, where it runs no scripts and loads nothing."""
    head = (f"<p><a href='/'>Inbox</a></p><p>From {escape(mail.sender)}<br>To {escape(', '.join(mail.recipients))}"
            f"<br>{escape(mail.received_at)}</p>")
    html = f'<iframe sandbox title="HTML part" srcdoc="{escape(mail.html)}"></iframe>' if mail.html else ""
    return _page(mail.subject or "(no subject)", f"{head}{html}<h2>Text</h2><pre>{escape(mail.text)}</pre>")


class Web(BaseHTTPRequestHandler):
    """The HTTP handler that serves a mailbox as pages and as JSON."""

    mailbox: Mailbox
    smtp: Smtp
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        to = parse_qs(url.query).get("to", [None])[0]
        folder, _, mail_id = url.path.rpartition("/")
        if url.path == "/":
            self._html(list_page(self.mailbox.newest_first()))
        elif url.path == "/api/messages":
            self._json([mail.summary() for mail in self.mailbox.newest_first(to)])
        elif folder in ("/messages", "/api/messages") and (mail := self.mailbox.get(mail_id)):
            self._json(mail.full()) if folder == "/api/messages" else self._html(message_page(mail))
        else:
            self._json({"message": "no such message"}, 404)

    def do_DELETE(self) -> None:
        if urlsplit(self.path).path == "/api/messages":
            self.mailbox.clear()
            self._send(204, "application/json", b"")
        else:
            self._json({"message": "only /api/messages can be deleted"}, 404)

    def do_PUT(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            up = json.loads(text)["up"]
        except (ValueError, KeyError, TypeError):
            up = None
        if urlsplit(self.path).path == "/api/smtp" and isinstance(up, bool):
            self.smtp.set(up)
            self._send(204, "application/json", b"")
        else:
            self._json({"message": 'only /api/smtp can be PUT, with {"up": true} or {"up": false}'}, 400)

    def _html(self, page: str) -> None:
        self._send(200, "text/html; charset=utf-8", page.encode())

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because requests to the inbox do not belong in the engine's log."""


def start(smtp_port: int, web_port: int) -> None:
    """Starts both servers on loopback, in threads that end with the process."""
    mailbox = Mailbox()
    smtp = Smtp(mailbox, smtp_port)
    smtp.set(up=True)
    web = ThreadingHTTPServer(("127.0.0.1", web_port), type("InboxWeb", (Web,), {"mailbox": mailbox, "smtp": smtp}))
    threading.Thread(target=web.serve_forever, name="inbox", daemon=True).start()
