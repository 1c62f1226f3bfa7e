"""The rivals, which are the baseline functions of a benchmark: bare Lambdas that make the same calls, in Rust and in Python, and a no-op.

They are on the same HTTP API, behind the same authorizer if the real route has one, and have the role, the variables, the memory and the
table of the function that they imitate.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.api import Api
from engine.archive import archive
from engine.aws import Aws


@dataclass(frozen=True)
class Route:
    """A route of the API and its rivals, whose paths begin with `/<rival>` instead of `/api/v1`."""

    name: str
    function: str
    method: str
    path: str
    status: int
    rivals: tuple[str, ...] = ("bare", "no-op")
    is_open: bool = False

    def path_of(self, rival: str) -> str:
        """Returns the path of the real function (`waybill`) or of a rival."""
        return f"/api/v1{self.path}" if rival == "waybill" else f"/{rival}{self.path}"


ROUTES = (
    Route("POST /checkout", "Checkout", "POST", "/checkout", 201, rivals=("bare", "no-op", "python")),
    Route("POST /orders", "PlaceOrder", "POST", "/orders", 201),
    Route("GET /orders/{id}", "GetOrder", "GET", "/orders/{order_id}", 200),
    Route("GET /products", "ListProducts", "GET", "/products", 200, is_open=True),
    Route("POST /auth/login", "Login", "POST", "/auth/login", 200, is_open=True),
)


class Rivals:
    """Creates the rivals on a stack, and returns their names."""

    def __init__(self, aws: Aws, functions: dict[str, str], binaries: Path, python: Path, products_bytes: int) -> None:
        self._aws, self._functions = aws, functions
        self._gateway = aws.client("apigatewayv2")
        self._api = next(api["ApiId"] for api in self._gateway.get_apis()["Items"] if api["ProtocolType"] == "HTTP")
        self._authorizer = self._gateway.get_authorizers(ApiId=self._api)["Items"][0]["AuthorizerId"]
        self._code = {"bare": archive(binaries / "bench-bare"), "no-op": archive(binaries / "bench-empty"),
                      "python": _python_archive(python)}
        self._answer_bytes = products_bytes

    def put_up(self) -> None:
        """Creates a function and a route for each rival of each route."""
        for route in ROUTES:
            for rival in route.rivals:
                self._put_up(route, rival)

    def name(self, route: Route, rival: str) -> str:
        """Returns the name of the function that serves a route."""
        return self._functions[route.function] if rival == "waybill" else f"bench-{rival}-{route.function}"

    def _put_up(self, route: Route, rival: str) -> None:
        real = self._aws.functions.get_function_configuration(FunctionName=self._functions[route.function])
        variables = {**real["Environment"]["Variables"], "ANSWER_BYTES": str(self._answer_bytes)}
        arn = self._aws.functions.create_function(
            FunctionName=self.name(route, rival), Role=real["Role"], MemorySize=real["MemorySize"], Timeout=real["Timeout"],
            Runtime="python3.12" if rival == "python" else real["Runtime"],
            Handler="checkout.handler" if rival == "python" else real["Handler"],
            Code={"ZipFile": self._code[rival]}, Environment={"Variables": variables})["FunctionArn"]
        integration = self._gateway.create_integration(
            ApiId=self._api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")["IntegrationId"]
        guard = {} if route.is_open else {"AuthorizationType": "CUSTOM", "AuthorizerId": self._authorizer}
        self._gateway.create_route(ApiId=self._api, RouteKey=f"{route.method} {route.path_of(rival)}",
                                   Target=f"integrations/{integration}", **guard)


def _python_archive(source: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr(source.name, source.read_bytes())
    return content.getvalue()


@dataclass(frozen=True)
class Customer:
    """A customer with one order."""

    email: str
    password: str
    token: str
    order: str


def customers(api: Api, product: str, how_many: int) -> list[Customer]:
    """Registers customers with one unpaid order each."""
    made = []
    for _ in range(how_many):
        account = api.customer()
        placed = api.call("POST", "/api/v1/orders", json.loads(order_body(product)), token=account.token).expect(201)
        made.append(Customer(account.email, account.password, account.token, placed["id"]))
    return made


def order_body(product: str) -> str:
    """Returns the body of an order of one piece."""
    return json.dumps({"items": [{"product_id": product, "quantity": 1}]})


def checkout_body(product: str) -> str:
    """Returns the body of a checkout of one piece."""
    return json.dumps({"items": [{"product_id": product, "quantity": 1}], "payment_method": "pm_card_visa"})


def call(route: Route, rival: str, customer: Customer, product: str, origin: str) -> dict[str, Any]:
    """Returns the request of one customer to one route."""
    bodies = {
        "Checkout": checkout_body(product), "PlaceOrder": order_body(product),
        "Login": json.dumps({"email": customer.email, "password": customer.password})}
    headers = {} if route.is_open else {"authorization": f"Bearer {customer.token}"}
    body = bodies.get(route.function)
    if body is not None:
        headers["content-type"] = "application/json"
    path = route.path_of(rival).replace("{order_id}", customer.order)
    return {"url": origin + path, "headers": headers, "body": body}
