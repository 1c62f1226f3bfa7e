"""The template for `sam local start-api` has the HTTP API and nothing of the WebSocket API."""

from engine import templates
from engine.local_api import local_api
from engine.stack import ROOT

SHOP = templates.read(ROOT)
RESOURCES = local_api(SHOP)["Resources"]


def test_it_has_all_functions_with_their_archives() -> None:
    functions = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == templates.FUNCTION}
    assert functions.keys() == SHOP.of_type(templates.FUNCTION).keys()
    assert {function["Properties"]["CodeUri"] for function in functions.values()} == {f"{context}.zip" for context in SHOP.contexts}


def test_it_has_all_routes_of_the_http_api_and_no_others() -> None:
    keys = {resource["Properties"]["RouteKey"] for resource in RESOURCES.values() if resource["Type"] == templates.ROUTE}
    assert keys == set(SHOP.routes())
    assert not {"$connect", "$disconnect"} & keys


def test_it_refers_to_nothing_that_it_lacks() -> None:
    apis = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::ApiGatewayV2::Api"]
    assert len(apis) == 1
    assert all(resource["Properties"]["ApiId"] == {"Ref": apis[0]} for resource in RESOURCES.values() if "ApiId" in resource["Properties"])
