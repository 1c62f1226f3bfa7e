"""Has a deployed command build again, call after call, what follows from the events."""

from __future__ import annotations

import json
from typing import Any

from deploy import Aws
from problem import Problem


def rebuild(aws: Aws, function: str) -> str:
    """Calls the function until it has nothing left to do; what it has done."""
    payload: dict[str, Any] = {}
    rebuilt = newer = 0
    while True:
        response = aws.functions.invoke(FunctionName=function, Payload=json.dumps(payload))
        answer = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise Problem(f"{answer.get('errorMessage', answer)}; see `make logs`")
        rebuilt, newer = rebuilt + answer["rebuilt"], newer + answer["newer"]
        if answer["next"] is None:
            return f"{rebuilt} orders rebuilt; {newer} changed meanwhile, and were left as they are"
        payload = {"from": answer["next"]}
