"""The patches of the endpoints of SNS that push messages are published to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ministack_engine.patches.sns import refuse_disabled_endpoints, use_endpoint_arns
from ministack_engine.patching import Engine
from ministack_engine.pushes import record_pushes
from ministack_engine.responses import serve_routes
from ministack_engine.tests.support import assert_needed, request

MESSAGE = "order 1234 is on its way"


@pytest.fixture
def application(engine: Engine) -> Iterator[str]:
    """The ARN of an application whose devices receive push messages."""
    sns = engine.module("services.sns")
    arn = arn_in(sns._create_platform_application({"Name": "waybill", "Platform": "GCM"}))
    yield arn
    sns._delete_platform_application({"PlatformApplicationArn": arn})


def arn_in(answer: tuple[int, Any, bytes]) -> str:
    assert answer[0] == 200
    arn: str = re.findall(r"Arn>([^<]+)<", answer[2].decode())[0]
    return arn


def endpoint_of(engine: Engine, application: str) -> str:
    """Returns the ARN of a device's endpoint."""
    return arn_in(engine.module("services.sns")._create_platform_endpoint({"PlatformApplicationArn": application, "Token": "device-1"}))


def publish(engine: Engine, endpoint: str) -> int:
    return int(engine.module("services.sns")._publish({"TargetArn": endpoint, "Message": MESSAGE, "MessageStructure": ""})[0])


def disable(engine: Engine, endpoint: str) -> None:
    answer = engine.module("services.sns")._set_endpoint_attributes({
        "EndpointArn": endpoint, "Attributes.entry.1.key": "Enabled", "Attributes.entry.1.value": "false"})
    assert answer[0] == 200


def test_use_endpoint_arns_fits(engine: Engine, application: str) -> None:
    use_endpoint_arns(engine)
    endpoint = endpoint_of(engine, application)
    assert ":endpoint/GCM/waybill/" in endpoint
    assert endpoint_of(engine, application) == endpoint, "the same device has the same endpoint"
    assert publish(engine, endpoint) == 200


def test_use_endpoint_arns_is_needed(engine: Engine, application: str) -> None:
    assert_needed("use_endpoint_arns", ":app/" in endpoint_of(engine, application))


def test_refuse_disabled_endpoints_fits(engine: Engine, application: str) -> None:
    refuse_disabled_endpoints(engine)
    endpoint = endpoint_of(engine, application)
    assert publish(engine, endpoint) == 200
    disable(engine, endpoint)
    assert publish(engine, endpoint) == 400


def test_refuse_disabled_endpoints_is_needed(engine: Engine, application: str) -> None:
    endpoint = endpoint_of(engine, application)
    disable(engine, endpoint)
    assert_needed("refuse_disabled_endpoints", publish(engine, endpoint) == 200)


def test_record_pushes_fits(engine: Engine, application: str) -> None:
    for patch in (refuse_disabled_endpoints, serve_routes, record_pushes):
        patch(engine)
    endpoint = endpoint_of(engine, application)
    publish(engine, endpoint)
    disable(engine, endpoint)
    publish(engine, endpoint)
    status, body = request(engine, "GET", "/_waybill/pushes")
    assert (status, json.loads(body)) == (200, {"device-1": [{"message": MESSAGE, "structure": ""}]}), "refused messages are not recorded"


def test_record_pushes_is_needed(engine: Engine, application: str) -> None:
    publish(engine, endpoint_of(engine, application))
    stores = [store._data for store in vars(engine.module("services.sns")).values() if hasattr(store, "_data")]
    assert stores
    assert_needed("record_pushes", MESSAGE not in repr(stores))
