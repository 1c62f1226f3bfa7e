"""Answers of what the engine serves under `/_waybill/`."""

from __future__ import annotations

import json
from typing import Any


async def answer_json(send: Any, body: Any) -> None:
    """Answers a request with a JSON body."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
